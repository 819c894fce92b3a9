package encodertest

import (
	"bytes"
	"encoding/binary"
)

// A run is consecutive samples in one movie fragment.
type run struct {
	track    uint32
	sequence uint32
	decode   int64  // tfdt, ticks
	frame    uint32 // duration of a sample, ticks
	last     uint32 // duration of the last sample, ticks
	first    uint32 // flags of the first sample
	rest     uint32 // flags of the other samples
	samples  [][]byte
}

// Sample flags of ISO 14496-12 8.8.3.1.
const (
	flagsSync  = 0x02000000 // depends on no other
	flagsDelta = 0x01010000 // depends on others, not a sync sample
)

// styp opens a media segment.
const styp = "\x00\x00\x00\x14stypmsdh\x00\x00\x00\x00msdh"

// appendRun appends a moof and its mdat (ISO 14496-12 8.8).
func appendRun(b []byte, r run) []byte {
	be := binary.BigEndian
	start := len(b)
	flags := uint32(0x000205) // data offset, first sample's flags, sizes
	if r.last != r.frame {
		flags |= 0x000100 // durations
	}
	var offset int
	b = box(b, "moof", func(b []byte) []byte {
		b = box(b, "mfhd", func(b []byte) []byte { return be.AppendUint32(be.AppendUint32(b, 0), r.sequence) })
		return box(b, "traf", func(b []byte) []byte {
			b = box(b, "tfhd", func(b []byte) []byte {
				b = be.AppendUint32(b, 0x020028) // default-base-is-moof, default duration and flags
				return be.AppendUint32(be.AppendUint32(be.AppendUint32(b, r.track), r.frame), r.rest)
			})
			b = box(b, "tfdt", func(b []byte) []byte { return be.AppendUint64(be.AppendUint32(b, 1<<24), uint64(r.decode)) })
			return box(b, "trun", func(b []byte) []byte {
				b = be.AppendUint32(be.AppendUint32(b, flags), uint32(len(r.samples)))
				offset = len(b)
				b = be.AppendUint32(be.AppendUint32(b, 0), r.first)
				for i, s := range r.samples {
					if r.last != r.frame {
						d := r.frame
						if i == len(r.samples)-1 {
							d = r.last
						}
						b = be.AppendUint32(b, d)
					}
					b = be.AppendUint32(b, uint32(len(s)))
				}
				return b
			})
		})
	})
	be.PutUint32(b[offset:], uint32(len(b)-start+8))
	return box(b, "mdat", func(b []byte) []byte { return append(b, bytes.Join(r.samples, nil)...) })
}

// box appends a box with what payload appends inside.
func box(b []byte, kind string, payload func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = payload(append(b, kind...))
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}
