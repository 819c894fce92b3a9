package encoder

import (
	"fmt"
	"time"
)

// refuse returns an [*Error] where the source is beyond a limit; video is the picture
// that was chosen. All of it is known from the probe: nothing is decoded for it.
func (o PlanOptions) refuse(m Media, video Stream, hasVideo bool) error {
	if n := len(m.Streams); n > o.MaxStreams {
		return tooLarge("The file has %d streams and at most %d are accepted. Upload one with fewer.", n, o.MaxStreams)
	}
	if m.Duration > o.MaxDuration {
		return tooLarge("The video is %s long and at most %s are accepted. Upload a shorter one.",
			m.Duration.Round(time.Second), o.MaxDuration)
	}
	if !hasVideo {
		return nil
	}
	if pixels(video) > float64(o.MaxSourcePixels) {
		return tooLarge("The picture has %dx%d pixels, more than the %d that are accepted. Upload a smaller one.",
			video.Width, video.Height, o.MaxSourcePixels)
	}
	if video.Packets > o.MaxFrames {
		return tooLarge("The video has %d pictures and at most %d are accepted. Upload a shorter one.", video.Packets, o.MaxFrames)
	}
	// A second more, so that a few pictures at odd times don't count as a rate.
	if span := (video.End - video.Start).Seconds() + 1; float64(video.Packets) > span*float64(o.MaxSourceRate) {
		return tooLarge("The video has %.0f pictures a second and at most %d are accepted. Upload one with a lower frame rate.",
			float64(video.Packets)/span, o.MaxSourceRate)
	}
	return nil
}

func tooLarge(format string, args ...any) error {
	return &Error{Code: CodeTooLarge, Permanent: true, Message: fmt.Sprintf(format, args...)}
}
