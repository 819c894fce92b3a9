package check

import (
	"errors"
	"fmt"
)

// initSegment is what an initialization segment says.
type initSegment struct {
	uri    string
	size   int64
	tracks []*initTrack
	// fault is why it cannot be used, with the rule that says so; nil where it can.
	fault *byteFault
}

func (s *initSegment) track(id uint32) *initTrack {
	for _, t := range s.tracks {
		if t.id == id {
			return t
		}
	}
	return nil
}

// main returns the video track, or else the first; nil where there is none.
func (s *initSegment) main() *initTrack {
	if s == nil || s.fault != nil || len(s.tracks) == 0 {
		return nil
	}
	for _, t := range s.tracks {
		if t.handler == "vide" {
			return t
		}
	}
	return s.tracks[0]
}

// count returns how many tracks have the handler.
func (s *initSegment) count(handler string) int {
	n := 0
	for _, t := range s.tracks {
		if t.handler == handler {
			n++
		}
	}
	return n
}

// initTrack is one trak box and its trex.
type initTrack struct {
	id        uint32
	handler   string // "vide", "soun", …
	timescale uint32
	edit      int64  // what presentation times are less than composition times
	entry     string // of the sample description, such as "avc1"
	codec     string // RFC 6381
	protected bool
	defaults  sampleDefaults
	hasTrex   bool

	width, height int // as shown
	picture       picture
	nalLength     int // bytes, 0 where samples are no NAL units

	channels, sampleRate int
}

// sampleDefaults are the values of samples that say nothing else.
type sampleDefaults struct{ duration, size, flags uint32 }

// byteFault is something wrong in the bytes of a segment.
type byteFault struct {
	rule    string
	offset  int64
	message string
}

var errNoFragments = errors.New("not a fragmented movie")

// parseInit parses a whole initialization segment (RFC 8216 section 3.3).
func parseInit(b []byte) *initSegment {
	s := &initSegment{size: int64(len(b))}
	first, moov := true, false
	var at int64
	err := topLevel(b, func(kind string, payload []byte, offset int64) error {
		at = offset
		if first && kind != "ftyp" && kind != "styp" {
			return fmt.Errorf("%w: the first box is %s and not ftyp", errNoFragments, show(kind))
		}
		first = false
		if kind != "moov" {
			return nil
		}
		moov = true
		return s.moov(payload)
	})
	switch {
	case err == nil && !moov:
		at, err = 0, fmt.Errorf("%w: there is no moov", errNoFragments)
	case err == nil && len(s.tracks) == 0:
		err = fmt.Errorf("%w: moov has no track", errNoFragments)
	}
	switch {
	case errors.Is(err, errNoFragments):
		s.fault = &byteFault{"RFC-3.3", at, fmt.Sprintf("The initialization segment is unfit: %v; it holds ftyp and a moov with mvex, and no media.", err)}
	case err != nil:
		s.fault = &byteFault{"ISO-4.2", at, fmt.Sprintf("The initialization segment cannot be read: %v.", err)}
	}
	return s
}

func topLevel(b []byte, f func(kind string, payload []byte, offset int64) error) error {
	size := int64(len(b))
	left := size
	return children(b, func(kind string, payload []byte) error {
		offset := size - left
		left -= int64(len(payload)) + 8
		return f(kind, payload, offset)
	})
}

func (s *initSegment) moov(b []byte) error {
	var movie uint32
	var fragmented bool
	trex := map[uint32]sampleDefaults{}
	err := children(b, func(kind string, payload []byte) error {
		switch kind {
		case "mvhd":
			f := &fields{b: payload}
			if version, _ := f.full(); version == 1 {
				f.skip(16)
			} else {
				f.skip(8)
			}
			movie = f.u32()
			return f.err(kind)
		case "trak":
			const most = 64
			if len(s.tracks) == most {
				return fmt.Errorf("%w: more than %d tracks", errBox, most)
			}
			t, err := parseTrak(payload, movie)
			s.tracks = append(s.tracks, t)
			return err
		case "mvex":
			fragmented = true
			return children(payload, func(kind string, payload []byte) error {
				if kind != "trex" {
					return nil
				}
				f := &fields{b: payload}
				f.full()
				id := f.u32()
				f.u32()
				trex[id] = sampleDefaults{f.u32(), f.u32(), f.u32()}
				return f.err(kind)
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !fragmented {
		return fmt.Errorf("%w: moov has no mvex", errNoFragments)
	}
	for _, t := range s.tracks {
		if t.defaults, t.hasTrex = trex[t.id]; !t.hasTrex {
			return fmt.Errorf("%w: track %d has no trex", errNoFragments, t.id)
		}
		if t.timescale == 0 {
			return fmt.Errorf("%w: track %d has the timescale 0", errBox, t.id)
		}
	}
	return nil
}

func parseTrak(b []byte, movie uint32) (*initTrack, error) {
	t := &initTrack{}
	var delay, edit int64 // delay in ticks of the movie
	err := children(b, func(kind string, payload []byte) error {
		f := &fields{b: payload}
		switch kind {
		case "tkhd":
			if version, _ := f.full(); version == 1 {
				f.skip(16)
				t.id = f.u32()
				f.skip(12)
			} else {
				f.skip(8)
				t.id = f.u32()
				f.skip(8)
			}
			f.skip(52)
			t.width, t.height = int(f.u32()>>16), int(f.u32()>>16)
		case "edts":
			return children(payload, func(kind string, payload []byte) error {
				if kind == "elst" {
					delay, edit = parseElst(payload)
				}
				return nil
			})
		case "mdia":
			return t.mdia(payload)
		}
		return f.err(kind)
	})
	if movie > 0 && delay > 0 {
		edit -= int64(float64(delay) / float64(movie) * float64(t.timescale))
	}
	t.edit = edit
	return t, err
}

// parseElst returns the empty edit that comes first, if any, and the media time of the
// edit behind it (ISO 14496-12 8.6.6).
func parseElst(b []byte) (delay, mediaTime int64) {
	f := &fields{b: b}
	version, _ := f.full()
	for range min(f.u32(), 2) {
		duration := f.sized(version)
		media := int64(f.sized(version))
		if version == 0 {
			media = int64(int32(media))
		}
		f.u32()
		if f.short {
			break
		}
		if media >= 0 {
			return delay, min(media, 1<<40)
		}
		delay = int64(min(duration, 1<<40))
	}
	return delay, 0
}

func (t *initTrack) mdia(b []byte) error {
	return children(b, func(kind string, payload []byte) error {
		f := &fields{b: payload}
		switch kind {
		case "mdhd":
			if version, _ := f.full(); version == 1 {
				f.skip(16)
			} else {
				f.skip(8)
			}
			t.timescale = f.u32()
		case "hdlr":
			f.skip(8)
			t.handler = string(f.take(4))
		case "minf":
			return children(payload, func(kind string, payload []byte) error {
				if kind != "stbl" {
					return nil
				}
				return children(payload, func(kind string, payload []byte) error {
					if kind != "stsd" || len(payload) < 8 || t.entry != "" {
						return nil
					}
					return children(payload[8:], func(kind string, payload []byte) error {
						if t.entry != "" {
							return nil
						}
						t.entry = kind
						return t.sampleEntry(kind, payload)
					})
				})
			})
		}
		return f.err(kind)
	})
}
