package ffmpeg

import (
	"github.com/vodkit/vodkit/encoder"
)

// tonemapped makes a picture of high dynamic range one of BT.709: display light to 1000
// cd/m² is brought in by a curve, and diffuse white stays bright.
func tonemapped(s encoder.Stream) []string {
	span, curve := "tv", ""
	if s.ColorRange == "pc" {
		span = "pc"
	}
	if s.ColorTransfer == "arib-std-b67" {
		// Else HLG's system gamma, which is a matter of luminance, is given to each of red,
		// green and blue, and colours come out too strong.
		curve = ":agamma=false"
	}
	return []string{
		"zscale=tin=" + s.ColorTransfer + ":pin=bt2020:min=bt2020nc:rin=" + span + ":t=linear:npl=100" + curve, "format=gbrpf32le",
		"zscale=p=bt709", "tonemap=hable:desat=0", "zscale=t=bt709:m=bt709:r=tv",
	}
}

// narrowed brings the colours of a wide gamut (BT.2020, or P3 as phones and cinemas have
// it) to BT.709's, nil where the picture has no such. Else they would look faded.
func narrowed(s encoder.Stream) []string {
	switch s.ColorPrimaries {
	case "bt2020", "smpte431", "smpte432":
	default:
		return nil
	}
	matrix := s.ColorSpace
	switch matrix {
	case "bt709", "bt2020nc", "smpte170m", "bt470bg":
	default:
		return nil
	}
	span := "tv"
	if s.ColorRange == "pc" {
		span = "pc"
	}
	return []string{"zscale=tin=bt709:pin=" + s.ColorPrimaries + ":min=" + matrix + ":rin=" + span + ":t=bt709:p=bt709:m=bt709:r=tv"}
}
