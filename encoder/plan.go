package encoder

import (
	"time"

	"github.com/vodkit/vodkit/hls"
)

// PlanOptions shape what Plan makes of a source.
type PlanOptions struct {
	// MaxHeight caps the shorter side of the best rendition in pixels. Defaults to 1080.
	MaxHeight int
	// MaxFrameRate caps the frame rate in frames a second; a faster source is halved until
	// it fits (HLS Authoring Specification 1.19). Defaults to 60.
	MaxFrameRate int
	// MaxRenditions caps how many video renditions there are. Defaults to 4.
	MaxRenditions int
	// CRF is x264's constant rate factor, under which each rendition is capped. Defaults
	// to 23.
	CRF int
	// AudioBitrate is each stereo AAC track's, in bits per second. Defaults to 128000.
	AudioBitrate int64
	// MaxAudioTracks caps how many of the source's sounds, such as languages, become
	// tracks, the default one first. Defaults to 8.
	MaxAudioTracks int
	// MaxSubtitleTracks caps how many of the source's texts become tracks. Negative makes
	// none. Defaults to 16.
	MaxSubtitleTracks int
	// Cellular adds a small rendition with a sound of its own whose peak together is at
	// most 192 kb/s (HLS Authoring Specification 9.21), on top of MaxRenditions. Where the
	// source has no picture, AudioBitrate is capped for that. Subtitles take what little is left;
	// sources under a second may exceed it. Defaults to false.
	Cellular bool
	// Copy says what of a source is repackaged without encoding it. Defaults to CopyBest.
	Copy CopyMode
	// MaxCopyRate caps, in bits per second on the average, the pictures that CopyBest copies
	// at 1920x1080 and 30 frames a second; other sizes and rates are capped in proportion, as
	// the ladder is (5,000,000 there). Defaults to 8,000,000.
	MaxCopyRate int64
	// FirstSegment is how long the first segment is, in whole GOPs of two seconds: the
	// shorter, the sooner the video can be played. All others have six seconds (HLS
	// Authoring Specification 7.5). Where pictures are copied, their keyframes decide.
	// Defaults to 6 seconds.
	FirstSegment time.Duration
	// Stills has pictures taken of the video while it is decoded: for a poster, up to 1280
	// pixels wide or high, and for a storyboard, one every two seconds, or every six of a
	// video over ten minutes. Sources without a moving picture have none. Where all is copied
	// the video is decoded for them alone. Defaults to false.
	Stills bool
	// Encrypt has media segments encrypted with AES-128. Plan makes nothing of it: whoever
	// makes a Job does, as upload.Pipeline, through EncryptOptions.Encryption. Posters and
	// storyboards (Stills) stay clear, and there are no I-frame playlists. Defaults to nil,
	// nothing is encrypted.
	Encrypt *EncryptOptions
	// MaxDuration refuses longer sources. Defaults to 12 hours.
	MaxDuration time.Duration
	// MaxSourcePixels refuses sources with larger pictures. Defaults to 8192x4352.
	MaxSourcePixels int64
	// MaxSourceRate refuses sources that have more pictures, in packets a second over
	// their whole length, than this. Defaults to 1000: slow motion comes at up to 960.
	MaxSourceRate int
	// MaxFrames refuses sources with more pictures, counted in packets. Defaults to as
	// many as 120 a second make in MaxDuration.
	MaxFrames int64
	// MaxStreams refuses sources with more streams of any kind; fonts and covers are
	// streams, too. Defaults to 128.
	MaxStreams int
}

func (o *PlanOptions) withDefaults() PlanOptions {
	var d PlanOptions
	if o != nil {
		d = *o
	}
	orInt := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	orInt(&d.MaxHeight, 1080)
	orInt(&d.MaxFrameRate, 60)
	orInt(&d.MaxRenditions, 4)
	orInt(&d.CRF, 23)
	orInt(&d.MaxAudioTracks, 8)
	if d.MaxSubtitleTracks == 0 {
		d.MaxSubtitleTracks = 16
	}
	if d.AudioBitrate <= 0 {
		d.AudioBitrate = 128_000
	}
	if d.MaxCopyRate <= 0 {
		d.MaxCopyRate = 8_000_000
	}
	if d.MaxDuration <= 0 {
		d.MaxDuration = 12 * time.Hour
	}
	if d.MaxSourcePixels <= 0 {
		d.MaxSourcePixels = 8192 * 4352
	}
	orInt(&d.MaxSourceRate, 1000)
	orInt(&d.MaxStreams, 128)
	if d.MaxFrames <= 0 {
		d.MaxFrames = int64(d.MaxDuration.Seconds() * 120)
	}
	return d
}

// Plan decides what is made of a source: its grid and its tracks, the best rendition
// first. It never makes a picture larger or a frame rate higher than the source's
// (but a side has at least two pixels, and every side is even, as 4:2:0 asks), keeps
// the aspect ratio, and chooses the largest moving picture, every sound and every subtitle that is text.
// What already is what players need is copied, as PlanOptions.Copy says. Errors are an
// [*Error].
func Plan(m Media, opts *PlanOptions) (Grid, []TrackSpec, error) {
	o := opts.withDefaults()
	video, hasVideo := pickVideo(m.Streams)
	sounds := pickSounds(m.Streams)
	hasAudio := len(sounds) > 0
	if !hasVideo && !hasAudio {
		return Grid{}, nil, nothingToEncode(m)
	}
	if err := o.refuse(m, video, hasVideo); err != nil {
		return Grid{}, nil, err
	}
	var tracks, stills []TrackSpec
	var grid Grid
	if hasVideo {
		grid = newGrid(capRate(video.FrameRate, o.MaxFrameRate))
		tracks = ladder(video, grid, o)
		if o.Cellular {
			tracks = append(tracks, cellularVideo(video, grid, o))
		}
		if o.Stills {
			stills = append(stills, stillsTrack(tracks[0], grid, timelineEnd(video, true, sounds)))
		}
	} else {
		grid = newGrid(hls.Rational{Num: 25, Den: 1})
		if o.Cellular {
			o.AudioBitrate = min(o.AudioBitrate, cellularSoundAlone)
		}
	}
	if hasVideo {
		grid.Shift = grid.shiftOnto(video.Start)
	}
	end := timelineEnd(video, hasVideo, sounds)
	grid.Frames = framesIn(end+grid.Shift, grid.FrameRate)
	tracks = append(tracks, audioTracks(sounds, o)...)
	if o.Cellular && hasVideo {
		tracks = append(tracks, cellularSounds(sounds, o)...)
	}
	tracks = append(tracks, subtitleTracks(m.Streams, o)...)
	grid, tracks, err := o.copies(m, grid, tracks)
	if err != nil {
		return Grid{}, nil, err
	}
	if !(tracks[0].Copy && tracks[0].Kind == hls.Video) {
		grid.shortenFirst(o.FirstSegment)
	} else if len(grid.Cuts) > mostCuts {
		stills = nil
	}
	return grid, append(tracks, stills...), nil
}

// nothingToEncode tells a file without pictures and sound from one whose codecs are
// not known here.
func nothingToEncode(m Media) error {
	for _, s := range m.Streams {
		if (s.Kind == VideoStream || s.Kind == AudioStream) && s.Codec == "" {
			return &Error{Code: CodeUnsupportedFormat, Permanent: true,
				Message: "The file's pictures or sound are in a codec that cannot be decoded here. Export it as H.264 or HEVC and upload that."}
		}
	}
	return &Error{Code: CodeNoMedia, Permanent: true,
		Message: "The file holds no pictures and no sound. Upload a video file."}
}

// unevenTail is how much of sound behind the last picture is left out.
const unevenTail = 100 * time.Millisecond

// timelineEnd returns where the longer of the picture and the default sound ends;
// sound that outlasts the picture by less than a tenth of a second (or the other way
// round) is the usual uneven tail, and the picture decides.
func timelineEnd(video Stream, hasVideo bool, sounds []Stream) time.Duration {
	switch {
	case !hasVideo:
		return sounds[0].End
	case len(sounds) > 0 && sounds[0].End > video.End+unevenTail:
		return sounds[0].End
	}
	return video.End
}

// framesIn rounds to whole frames, at least one.
func framesIn(d time.Duration, rate hls.Rational) int64 {
	return max(1, int64(d.Seconds()*rate.Float()+0.5))
}

// pickVideo chooses the moving picture with the most pixels; the first of equals.
func pickVideo(streams []Stream) (best Stream, ok bool) {
	for _, s := range streams {
		if s.Kind != VideoStream || s.CoverArt || s.Codec == "" || s.Width <= 0 || s.Height <= 0 || s.Packets == 0 {
			continue
		}
		if !ok || pixels(s) > pixels(best) {
			best, ok = s, true
		}
	}
	return best, ok
}

// pixels counts the coded picture's. It is a float because what a file claims may be
// too much for a number of 64 bits.
func pixels(s Stream) float64 { return float64(s.Width) * float64(s.Height) }
