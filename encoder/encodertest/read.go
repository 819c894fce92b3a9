package encodertest

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// initInfo is what the suite reads of an initialization segment.
type initInfo struct {
	timescale uint32
	duration  uint32 // of a sample, where a fragment says nothing
	flags     uint32 // of a sample, likewise
}

// segmentInfo is what the suite reads of a media segment.
type segmentInfo struct {
	decode   int64 // of the first sample, ticks
	duration int64 // of all samples, ticks
	frame    int64 // of the first sample, ticks
	sync     bool  // the first sample is a sync sample
	samples  int
}

var errBoxes = errors.New("boxes do not fit together")

// children calls visit for each box in b (ISO 14496-12 4.2) with its payload.
func children(b []byte, visit func(kind string, payload []byte) error) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return errBoxes
		}
		header, size := uint64(8), uint64(binary.BigEndian.Uint32(b))
		if size == 1 && len(b) >= 16 {
			header, size = 16, binary.BigEndian.Uint64(b[8:])
		}
		if size < header || size > uint64(len(b)) {
			return errBoxes
		}
		if err := visit(string(b[4:8]), b[header:size]); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

func readInit(b []byte) (initInfo, error) {
	var i initInfo
	var brands, boxes int
	var visit func(kind string, p []byte) error
	visit = func(kind string, p []byte) error {
		f := fields{b: p}
		switch kind {
		case "ftyp":
			brands++
		case "moov", "trak", "mdia", "mvex":
			boxes++
			return children(p, visit)
		case "mdhd":
			if f.u32()>>24 == 1 {
				f.skip(8)
			}
			f.skip(8)
			i.timescale = f.u32()
		case "trex":
			f.skip(12)
			i.duration = f.u32()
			f.skip(4)
			i.flags = f.u32()
		case "moof", "mdat":
			return fmt.Errorf("%s in an initialization segment", kind)
		}
		return f.err
	}
	if err := children(b, visit); err != nil {
		return i, err
	}
	if brands != 1 || boxes < 4 || i.timescale == 0 {
		return i, errors.New("no ftyp and moov of one fragmented track")
	}
	return i, nil
}

func readSegment(b []byte, init initInfo) (segmentInfo, error) {
	s := segmentInfo{decode: -1}
	frame, flags := init.duration, init.flags
	var moofs, mdats int
	var visit func(kind string, p []byte) error
	visit = func(kind string, p []byte) error {
		f := fields{b: p}
		switch kind {
		case "moof":
			moofs++
			return children(p, visit)
		case "mdat":
			mdats++
		case "traf":
			frame, flags = init.duration, init.flags
			return children(p, visit)
		case "tfhd":
			has := f.u32()
			f.skip(4)
			f.skipIf(has&0x1 != 0, 8)
			f.skipIf(has&0x2 != 0, 4)
			if has&0x8 != 0 {
				frame = f.u32()
			}
			f.skipIf(has&0x10 != 0, 4)
			if has&0x20 != 0 {
				flags = f.u32()
			}
		case "tfdt":
			at := int64(0)
			if f.u32()>>24 == 1 {
				at = int64(f.u32()) << 32
			}
			at |= int64(f.u32())
			if s.decode < 0 {
				s.decode = at
			} else if at != s.decode+s.duration {
				return fmt.Errorf("decode time %d inside the segment, expected %d", at, s.decode+s.duration)
			}
		case "trun":
			s.run(&f, frame, flags)
		}
		return f.err
	}
	if err := children(b, visit); err != nil {
		return s, err
	}
	if moofs == 0 || moofs != mdats || s.decode < 0 {
		return s, fmt.Errorf("%d moof, %d mdat, first decode time %d", moofs, mdats, s.decode)
	}
	return s, nil
}

// run adds a trun's samples.
func (s *segmentInfo) run(f *fields, frame, flags uint32) {
	has, count := f.u32()&0xffffff, f.u32()
	f.skipIf(has&0x1 != 0, 4)
	first := flags
	if has&0x4 != 0 {
		first = f.u32()
	}
	for n := uint32(0); n < count && f.err == nil; n++ {
		d := frame
		if has&0x100 != 0 {
			d = f.u32()
		}
		f.skipIf(has&0x200 != 0, 4)
		if has&0x400 != 0 {
			if v := f.u32(); n == 0 {
				first = v
			}
		}
		f.skipIf(has&0x800 != 0, 4)
		if s.frame == 0 {
			s.frame, s.sync = int64(d), first&0x00010000 == 0
		}
		s.duration += int64(d)
		s.samples++
		if has&0xf00 == 0 && n > 1<<20 {
			f.err = errBoxes // a count that no bytes vouch for
		}
	}
}

// fields reads big-endian numbers; err is set where they run out.
type fields struct {
	b   []byte
	err error
}

func (f *fields) u32() uint32 {
	if len(f.b) < 4 {
		f.err = errBoxes
		return 0
	}
	v := binary.BigEndian.Uint32(f.b)
	f.b = f.b[4:]
	return v
}

func (f *fields) skip(n int) { f.skipIf(true, n) }

func (f *fields) skipIf(do bool, n int) {
	switch {
	case !do:
	case len(f.b) < n:
		f.err = errBoxes
	default:
		f.b = f.b[n:]
	}
}
