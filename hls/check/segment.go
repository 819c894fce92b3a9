package check

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// media is what the bytes of a segment say.
type media struct {
	size   int64  // bytes
	format string // "fmp4", "ts", "webvtt", "packed" or "" where unknown
	runs   []run  // by track; empty unless it is fragmented MP4 that could be read
	vtt    *subtitles
	faults []byteFault
	closed bool // encrypted, and there is no key

	contentType string
	delivered   *Delivery
}

// whole says that the figures can be relied on.
func (m *media) whole() bool { return m != nil && len(m.faults) == 0 }

// main returns the run of the track, nil where there is none.
func (m *media) run(track *initTrack) *run {
	if !m.whole() || track == nil {
		return nil
	}
	for i := range m.runs {
		if m.runs[i].track == track.id {
			return &m.runs[i]
		}
	}
	return nil
}

func (m *media) fault(rule string, offset int64, format string, args ...any) {
	m.faults = append(m.faults, byteFault{rule, offset, fmt.Sprintf(format, args...)})
}

const (
	maxMoof   = 16 << 20
	maxSample = 64 << 10 // of the first sample, to find its picture
)

// segmentReader walks over the boxes of one fragmented MP4 segment.
type segmentReader struct {
	in      *input
	init    *initSegment
	m       *media
	pending []extent // sample data that no mdat has had yet
	moof    int64    // where the last moof is
	first   extent   // the first sample of the main track, while it is to be looked at
	partial bool     // the range of an I-frame: the rest of its fragment is elsewhere
}

// readFormat tells the formats apart by their first bytes.
func readFormat(b []byte) string {
	switch {
	case len(b) >= 8 && isBox(string(b[4:8])):
		return "fmp4"
	case bytes.HasPrefix(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), []byte("WEBVTT")):
		return "webvtt"
	case len(b) > 0 && b[0] == 0x47 && (len(b) < 189 || b[188] == 0x47):
		return "ts"
	case bytes.HasPrefix(b, []byte("ID3")), len(b) > 1 && b[0] == 0xff && b[1]&0xe0 == 0xe0, bytes.HasPrefix(b, []byte{0x0b, 0x77}):
		return "packed"
	}
	return ""
}

func isBox(kind string) bool {
	switch kind {
	case "ftyp", "styp", "moof", "mdat", "sidx", "emsg", "prft", "free", "skip", "moov", "ssix", "uuid":
		return true
	}
	return false
}

// boxes reads the segment to its end. An error is of the Source; what is wrong with the
// bytes goes to media.faults.
func (s *segmentReader) boxes() error {
	s.moof = -1
	for {
		h, ok, err := s.header()
		if err != nil || !ok {
			return err
		}
		start := s.in.pos - h.header
		switch h.kind {
		case "moof":
			err = s.fragment(h, start)
		case "mdat":
			err = s.data(h)
		default:
			err = s.in.skip(h.payload())
		}
		if errors.Is(err, errShort) && s.partial && s.moof >= 0 {
			return nil
		}
		if errors.Is(err, errShort) {
			s.m.fault("ISO-4.2", start, "The box %s says that it has %d bytes, more than are left of the segment; the segment was cut off or its sizes are wrong.", show(h.kind), h.size)
			return nil
		}
		if err != nil || len(s.m.faults) > 0 {
			return err
		}
	}
}

// header reads the next header; ok is false at the end, and where there is a fault.
func (s *segmentReader) header() (h boxHeader, ok bool, err error) {
	b, err := s.in.peek(16)
	if err != nil {
		return h, false, err
	}
	if len(b) == 0 {
		s.end()
		return h, false, nil
	}
	if left := s.in.size - s.in.pos; len(b) >= 8 && bytes.Equal(b[:8], []byte("\x00\x00\x00\x00mdat")) && left <= math.MaxUint32 && left > 0 {
		b = bytes.Clone(b) // size 0: to the end of the file
		binary.BigEndian.PutUint32(b, uint32(left))
	}
	if h, err = parseHeader(b); err != nil {
		s.m.fault("ISO-4.2", s.in.pos, "The boxes of the segment cannot be followed: %v.", err)
		return h, false, nil
	}
	return h, true, s.in.skip(h.header)
}

func (s *segmentReader) end() {
	switch {
	case s.moof < 0:
		s.m.fault("ISO-8.8.4", 0, "The segment has no moof; there is nothing in it to play.")
	default:
		s.stranded()
	}
}

// stranded reports sample data outside of every mdat.
func (s *segmentReader) stranded() {
	if len(s.pending) > 0 && !s.partial {
		s.m.fault("ISO-8.8.8", s.moof, "Samples are said to be in bytes %d to %d, which are not in the mdat of their fragment; a data offset or a sample's size in trun is wrong.", s.pending[0].from, s.pending[0].to-1)
	}
	s.pending = s.pending[:0]
}

func (s *segmentReader) fragment(h boxHeader, start int64) error {
	if s.stranded(); len(s.m.faults) > 0 {
		return nil
	}
	if h.size > maxMoof {
		s.m.fault("LIMIT", start, "The moof has %d bytes, more than the %d that are read.", h.size, maxMoof)
		return nil
	}
	b, err := s.in.bytes(h.payload())
	if err != nil {
		return err
	}
	fragments, err := parseMoof(b, start, s.init)
	switch {
	case errors.Is(err, errTooMany):
		s.m.fault("LIMIT", start, "The segment has more than %d samples.", maxSamples)
	case errors.Is(err, errTrack):
		s.m.fault("ISO-8.8.7", start, "The fragment does not belong to its initialization segment: %v.", err)
	case err != nil:
		s.m.fault("ISO-4.2", start, "The moof cannot be read: %v.", err)
	case len(fragments) == 0:
		s.m.fault("ISO-8.8.4", start, "The moof has no traf; there is nothing in it to play.")
	}
	s.moof = start
	for _, f := range fragments {
		if len(s.m.faults) > 0 {
			return nil
		}
		s.track(f, start)
	}
	return nil
}

// track takes a track fragment.
func (s *segmentReader) track(f trackFragment, start int64) {
	if !f.hasDecode {
		s.m.fault("ISO-8.8.12", start, "The fragment has no tfdt, so that nobody knows when it is to be played.")
		return
	}
	if f.absolute {
		s.m.fault("RFC-3.3", start, "The fragment addresses its samples from the start of a file; in HLS data offsets count from the moof.")
		return
	}
	s.pending = append(s.pending, f.data...)
	for i := range s.m.runs {
		r := &s.m.runs[i]
		if r.track != f.track {
			continue
		}
		if f.samples == 0 {
			return
		}
		if f.decode != r.end {
			s.m.fault("M7.1", start, "Within the segment a fragment starts at %d, but the samples before it end at %d (ticks of the track); times must continue.", f.decode, r.end)
			return
		}
		r.add(f.run)
		return
	}
	if f.samples == 0 {
		return
	}
	s.m.runs = append(s.m.runs, f.run)
	if main := s.init.main(); main != nil && main.id == f.track && main.nalLength > 0 && !main.protected {
		s.first = f.first
	}
}

// data takes an mdat: it looks at the first picture, and skips the rest.
func (s *segmentReader) data(h boxHeader) error {
	from := s.in.pos
	to := from + h.payload()
	kept := s.pending[:0]
	for _, e := range s.pending {
		if e.from < from || e.to > to {
			kept = append(kept, e)
		}
	}
	s.pending = kept
	if e := s.first; e.to > e.from && e.from >= from && e.to <= to {
		s.first = extent{}
		if err := s.in.skip(e.from - from); err != nil {
			return err
		}
		b, err := s.in.bytes(min(e.to-e.from, maxSample))
		if err != nil {
			return err
		}
		main := s.init.main()
		if r := s.m.run(main); r != nil {
			r.idr = startsWithIDR(b, main.nalLength, main.picture.hevc)
		}
	}
	return s.in.skip(to - s.in.pos)
}

// startsWithIDR says whether the first picture in a sample of NAL units is one from
// which decoding can start: an IDR picture of H.264, an IRAP picture of HEVC.
func startsWithIDR(b []byte, length int, hevc bool) answer {
	for len(b) > length {
		n := 0
		for _, c := range b[:length] {
			n = n<<8 | int(c)
		}
		b = b[length:]
		kind := int(b[0])
		if hevc {
			if kind = kind >> 1 & 63; kind < 32 {
				return is(kind >= 16 && kind <= 21)
			}
		} else if kind &= 31; kind >= 1 && kind <= 5 {
			return is(kind == 5)
		}
		if n < 0 || n > len(b) {
			return unknown
		}
		b = b[n:]
	}
	return unknown
}

func is(b bool) answer {
	if b {
		return yes
	}
	return no
}
