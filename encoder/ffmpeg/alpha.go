package ffmpeg

import (
	"fmt"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// alphaDecoders read transparency that ffmpeg's own decoders of these codecs leave out:
// WebM keeps it beside the pictures.
var alphaDecoders = map[string]string{"vp8": "libvpx", "vp9": "libvpx-vp9"}

// decoderArgs choose the decoder of the job's picture where not any will do.
func decoderArgs(job encoder.Job, able abilities) []string {
	for _, t := range job.Tracks {
		s, ok := stream(job.Media, t.Stream)
		name := alphaDecoders[s.Codec]
		if ok && t.Kind == hls.Video && s.Alpha && able.decoders[name] {
			return []string{fmt.Sprintf("-c:%d", s.Index), name}
		}
	}
	return nil
}

// alphaFormat says whether pixels of the format may be transparent.
func alphaFormat(format string) bool {
	for _, p := range [...]string{"yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "ayuv", "vuya", "pal8"} {
		if strings.HasPrefix(format, p) {
			return true
		}
	}
	return false
}

// overBlack lays transparent pictures on black, before they are scaled: what is hidden
// must not show at edges. Palettes come this way too, because swscale takes the
// colours of one to be BT.601 when it makes YUV of them.
func overBlack(s encoder.Stream) []string {
	return []string{fmt.Sprintf("scale=%d:%d%s", s.Width, s.Height, inMatrix(s)), "format=gbrap", "premultiply=inplace=1", "format=gbrp"}
}
