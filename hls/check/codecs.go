package check

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// sampleEntry reads a sample description: the codec as RFC 6381 writes it, and what
// rules ask of it. An entry that is not known keeps its four characters as the codec.
func (t *initTrack) sampleEntry(kind string, b []byte) error {
	t.codec = strings.TrimSpace(kind)
	f := &fields{b: b}
	switch t.handler {
	case "vide":
		f.skip(24) // reserved, data reference, pre-defined
		w, h := int(f.u16()), int(f.u16())
		f.skip(50)
		t.picture.width, t.picture.height = w, h
		if t.width == 0 || t.height == 0 {
			t.width, t.height = w, h
		}
	case "soun":
		f.skip(8)
		version := f.u16()
		f.skip(6)
		t.channels = int(f.u16())
		f.skip(6)
		t.sampleRate = int(f.u32() >> 16)
		if version == 1 { // QuickTime
			f.skip(16)
		}
	default:
		return nil
	}
	if err := f.err(kind); err != nil {
		return err
	}
	return children(f.b, t.configuration)
}

// configuration reads the boxes of a sample entry.
func (t *initTrack) configuration(kind string, b []byte) error {
	f := &fields{b: b}
	switch kind {
	case "avcC":
		return t.avcC(b)
	case "hvcC":
		return t.hvcC(b)
	case "av1C": // AV1 in ISOBMFF 2.3.3 and section 5
		f.u8()
		p := f.u8()
		q := f.u8()
		tier, depth := "M", 8
		if q&0x80 != 0 {
			tier = "H"
		}
		if q&0x40 != 0 {
			if depth = 10; q&0x20 != 0 {
				depth = 12
			}
		}
		t.codec = fmt.Sprintf("av01.%d.%02d%s.%02d", p>>5, p&31, tier, depth)
	case "vpcC":
		f.full()
		profile, level, depth := f.u8(), f.u8(), f.u8()>>4
		t.codec = fmt.Sprintf("%s.%02d.%02d.%02d", t.entry, profile, level, depth)
	case "esds":
		return t.esds(b)
	case "colr":
		if kind := string(f.take(4)); kind == "nclx" || kind == "nclc" {
			f.u16()
			t.picture.transfer = int(f.u16())
		}
	case "sinf":
		t.protected = true
		return children(b, func(kind string, payload []byte) error {
			if kind == "frma" && len(payload) == 4 {
				t.entry = string(payload)
				if t.codec == "encv" || t.codec == "enca" {
					t.codec = t.entry
				} else if i := strings.IndexByte(t.codec, '.'); i > 0 {
					t.codec = t.entry + t.codec[i:]
				}
			}
			return nil
		})
	}
	return f.err(kind)
}

// avcC reads an AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1).
func (t *initTrack) avcC(b []byte) error {
	f := &fields{b: b}
	f.u8()
	profile, compatibility, level := f.u8(), f.u8(), f.u8()
	t.nalLength = int(f.u8()&3) + 1
	t.codec = fmt.Sprintf("%s.%02x%02x%02x", t.entry, profile, compatibility, level)
	count := int(f.u8() & 31)
	if count > 0 {
		sps := f.take(min(int(f.u16()), len(f.b)))
		if p, ok := parseSPS(sps); ok {
			p.transfer = max(p.transfer, t.picture.transfer)
			t.picture = p
		}
	}
	t.picture.profile, t.picture.level = int(profile), int(level)
	return f.err("avcC")
}

// hvcC reads an HEVCDecoderConfigurationRecord (ISO 14496-15 8.3.3.1, annex E for the
// codec string).
func (t *initTrack) hvcC(b []byte) error {
	f := &fields{b: b}
	f.u8()
	p := f.u8()
	compatibility := f.u32()
	constraints := f.take(6)
	level := f.u8()
	f.skip(8)
	t.nalLength = int(f.u8()&3) + 1
	if f.short {
		return f.err("hvcC")
	}
	tier := "L"
	if p&0x20 != 0 {
		tier = "H"
	}
	space := ""
	if s := p >> 6; s > 0 {
		space = string(rune('A' + s - 1))
	}
	t.codec = fmt.Sprintf("%s.%s%d.%X.%s%d", t.entry, space, p&31, bits.Reverse32(compatibility), tier, level)
	n := len(constraints)
	for n > 0 && constraints[n-1] == 0 {
		n--
	}
	for _, c := range constraints[:n] {
		t.codec += fmt.Sprintf(".%X", c)
	}
	t.picture.level, t.picture.hevc = int(level), true
	return nil
}

// esds reads the AudioSpecificConfig (ISO 14496-1 7.2.6, ISO 14496-3 1.6.2.1).
func (t *initTrack) esds(b []byte) error {
	f := &fields{b: b}
	f.full()
	for {
		tag := f.u8()
		size := 0
		for range 4 {
			c := f.u8()
			size = size<<7 | int(c&0x7f)
			if c&0x80 == 0 {
				break
			}
		}
		if f.short {
			return f.err("esds")
		}
		switch tag {
		case 3: // ES_Descriptor
			f.u16()
			flags := f.u8()
			if flags&0x80 != 0 {
				f.u16()
			}
			if flags&0x40 != 0 {
				f.skip(int(f.u8()))
			}
			if flags&0x20 != 0 {
				f.u16()
			}
		case 4: // DecoderConfigDescriptor
			object := f.u8()
			t.codec = fmt.Sprintf("mp4a.%02x", object)
			if object != 0x40 {
				return f.err("esds")
			}
			f.skip(12)
		case 5: // DecoderSpecificInfo
			t.audioConfig(f.take(min(size, len(f.b))))
			return nil
		default:
			f.skip(size)
		}
	}
}

func (t *initTrack) audioConfig(b []byte) {
	r := &bitReader{b: b}
	object := r.bits(5)
	if object == 31 {
		object = 32 + r.bits(6)
	}
	if index := r.bits(4); index == 15 {
		t.sampleRate = int(r.bits(24))
	} else if rates := []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}; int(index) < len(rates) {
		t.sampleRate = rates[index]
	}
	if channels := int(r.bits(4)); channels == 7 {
		t.channels = 8
	} else if channels > 0 {
		t.channels = channels
	}
	if !r.short {
		t.codec = "mp4a.40." + strconv.Itoa(int(object))
	}
}

// sameCodec says whether an element of CODECS tells of a codec as it was read from the
// boxes. What is not read from boxes in full is compared by its first part.
func sameCodec(declared, actual string) bool {
	declared, actual = strings.ToLower(strings.TrimSpace(declared)), strings.ToLower(actual)
	if declared == actual {
		return true
	}
	kind, rest, _ := strings.Cut(declared, ".")
	actualKind, actualRest, _ := strings.Cut(actual, ".")
	if kind != actualKind {
		return false
	}
	switch kind {
	case "avc1", "avc3", "mp4a":
		// SBR and PS may be told by the stream alone.
		return actual == "mp4a.40.2" && (declared == "mp4a.40.5" || declared == "mp4a.40.29")
	case "hvc1", "hev1":
		return trimConstraints(rest) == trimConstraints(actualRest)
	case "av01":
		return strings.HasPrefix(rest, actualRest)
	}
	return true
}

// trimConstraints removes constraint bytes that are 0 from the end of an HEVC string.
func trimConstraints(s string) string {
	for {
		t := strings.TrimSuffix(strings.TrimSuffix(s, ".00"), ".0")
		if t == s {
			return s
		}
		s = t
	}
}
