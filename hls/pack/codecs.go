package pack

import (
	"fmt"

	"github.com/Eyevinn/mp4ff/hevc"
	"github.com/Eyevinn/mp4ff/mp4"
)

// codecs returns the RFC 6381 string of a sample description with one entry.
func codecs(stsd *mp4.StsdBox) (string, error) {
	if len(stsd.Children) != 1 {
		return "", malformed("%d sample entries", len(stsd.Children))
	}
	entry := stsd.Children[0]
	switch e := entry.(type) {
	case *mp4.VisualSampleEntryBox:
		return videoCodec(e)
	case *mp4.AudioSampleEntryBox:
		return audioCodec(e)
	}
	return "", fmt.Errorf("%w: sample entry %q", ErrUnsupported, entry.Type())
}

func videoCodec(e *mp4.VisualSampleEntryBox) (string, error) {
	switch kind := e.Type(); kind {
	case "avc1", "avc3": // ISO 14496-15 annex E: profile, constraints, level
		if e.AvcC == nil {
			return "", malformed("%s without avcC", kind)
		}
		c := e.AvcC.DecConfRec
		return fmt.Sprintf("%s.%02x%02x%02x", kind, c.AVCProfileIndication, c.ProfileCompatibility, c.AVCLevelIndication), nil
	case "hvc1", "hev1":
		if e.HvcC == nil {
			return "", malformed("%s without hvcC", kind)
		}
		c := e.HvcC.DecConfRec
		return hevc.CodecString(kind, &hevc.SPS{ProfileTierLevel: hevc.ProfileTierLevel{
			GeneralProfileSpace:              c.GeneralProfileSpace,
			GeneralTierFlag:                  c.GeneralTierFlag,
			GeneralProfileIDC:                c.GeneralProfileIDC,
			GeneralProfileCompatibilityFlags: c.GeneralProfileCompatibilityFlags,
			GeneralConstraintIndicatorFlags:  c.GeneralConstraintIndicatorFlags,
			GeneralLevelIDC:                  c.GeneralLevelIDC,
		}}), nil
	case "av01": // AV1 in ISOBMFF, section 5: profile, level and tier, bit depth
		if e.Av1C == nil {
			return "", malformed("av01 without av1C")
		}
		c := e.Av1C.CodecConfRec
		tier, depth := "M", 8
		if c.SeqTier0 != 0 {
			tier = "H"
		}
		switch {
		case c.HighBitdepth != 0 && c.TwelveBit != 0:
			depth = 12
		case c.HighBitdepth != 0:
			depth = 10
		}
		return fmt.Sprintf("av01.%d.%02d%s.%02d", c.SeqProfile, c.SeqLevelIdx0, tier, depth), nil
	}
	return "", fmt.Errorf("%w: video sample entry %q", ErrUnsupported, e.Type())
}

func audioCodec(e *mp4.AudioSampleEntryBox) (string, error) {
	switch kind := e.Type(); kind {
	case "mp4a":
		if e.Esds == nil || e.Esds.DecConfigDescriptor == nil {
			return "", malformed("mp4a without a decoder configuration")
		}
		d := e.Esds.DecConfigDescriptor
		const mpeg4 = 0x40 // ISO 14496-1 objectTypeIndication: Audio ISO/IEC 14496-3
		if d.ObjectType != mpeg4 {
			return fmt.Sprintf("mp4a.%02x", d.ObjectType), nil
		}
		if d.DecSpecificInfo == nil || len(d.DecSpecificInfo.DecConfig) < 2 {
			return "", malformed("mp4a without an AudioSpecificConfig")
		}
		c := d.DecSpecificInfo.DecConfig
		object := int(c[0] >> 3) // ISO 14496-3 1.6.2.1: five bits, 31 escapes to 32 plus six
		if object == 31 {
			object = 32 + int(c[0]&7)<<3 + int(c[1]>>5)
		}
		return fmt.Sprintf("mp4a.40.%d", object), nil
	case "ac-3", "ec-3":
		return kind, nil
	case "Opus":
		return "opus", nil
	case "fLaC":
		return "flac", nil
	}
	return "", fmt.Errorf("%w: audio sample entry %q", ErrUnsupported, e.Type())
}
