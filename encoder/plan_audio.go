package encoder

import (
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/vodkit/vodkit/hls"
)

// pickSounds returns the streams that can be heard: the default one, or the first,
// and then the others in their order.
func pickSounds(streams []Stream) []Stream {
	var out []Stream
	for _, s := range streams {
		if s.Kind == AudioStream && s.Codec != "" && s.Channels > 0 && s.SampleRate > 0 && s.Packets > 0 {
			out = append(out, s)
		}
	}
	if i := slices.IndexFunc(out, func(s Stream) bool { return s.Default }); i > 0 {
		first := out[i]
		out = slices.Insert(slices.Delete(out, i, i+1), 0, first)
	}
	return out
}

// audioTracks plans a stereo AAC track for each sound; the first is the default.
func audioTracks(sounds []Stream, o PlanOptions) []TrackSpec {
	var tracks []TrackSpec
	for i, s := range sounds[:min(len(sounds), o.MaxAudioTracks)] {
		id := "audio"
		if i > 0 {
			id = fmt.Sprintf("audio-%d", i+1)
		}
		tag, name := languageOf(s)
		tracks = append(tracks, TrackSpec{
			Track: hls.Track{
				ID: id, Kind: hls.Audio, Language: tag, Name: cmp.Or(s.Title, name, "Audio"), Default: i == 0, Channels: 2,
				// AAC's frames of 1024 samples are at most a tenth over their share, and each
				// costs twelve bytes in the trun.
				PeakBandwidth:    o.AudioBitrate*11/10 + 6_000,
				AverageBandwidth: o.AudioBitrate + 6_000,
			},
			Stream: s.Index, Bitrate: o.AudioBitrate, SampleRate: 48_000,
		})
	}
	return tracks
}

// languageOf returns the RFC 5646 tag of what the container calls the stream's
// language, "und" where that is none, and what its speakers call it, "" where unknown.
// Containers have codes of ISO 639-2, such as "ger", where the tag is "de".
func languageOf(s Stream) (tag, name string) {
	t, err := language.Parse(s.Language)
	if err != nil || s.Language == "" {
		return "und", ""
	}
	return t.String(), display.Self.Name(t)
}
