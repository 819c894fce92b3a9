package encoder

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/vodkit/vodkit/hls"
)

// textCodecs are the subtitles that are text, as ffmpeg calls them.
var textCodecs = []string{"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"}

// subtitleTracks plans a track for each text of the source, in their order. None is
// shown unless a viewer asks for it: containers call most of them default.
func subtitleTracks(streams []Stream, o PlanOptions) []TrackSpec {
	var tracks []TrackSpec
	for _, s := range streams {
		if s.Kind != SubtitleStream || !slices.Contains(textCodecs, s.Codec) || len(tracks) >= o.MaxSubtitleTracks {
			continue
		}
		id := "text"
		if n := len(tracks); n > 0 {
			id = fmt.Sprintf("text-%d", n+1)
		}
		tag, name := languageOf(s)
		tracks = append(tracks, TrackSpec{
			Track:  hls.Track{ID: id, Kind: hls.Subtitle, Language: tag, Name: cmp.Or(s.Title, name, "Subtitles")},
			Stream: s.Index,
		})
	}
	return tracks
}

// SkippedSubtitles returns the subtitles of a source that become no track: pictures, as
// on discs and in broadcasts, which would have to be read by a machine.
func SkippedSubtitles(m Media) []Stream {
	var out []Stream
	for _, s := range m.Streams {
		if s.Kind == SubtitleStream && !slices.Contains(textCodecs, s.Codec) {
			out = append(out, s)
		}
	}
	return out
}
