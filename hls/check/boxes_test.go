package check_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// box returns a box.
func box(kind string, payload ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)+8))
	return append(append(b, kind...), payload...)
}

// skipped is how many bytes of a box's payload come before its children; -1 where it has
// none.
func skipped(kind string) int {
	switch kind {
	case "moov", "trak", "mdia", "minf", "stbl", "mvex", "edts", "moof", "traf":
		return 0
	case "stsd":
		return 8
	case "avc1", "avc3":
		return 78
	case "mp4a":
		return 28
	}
	return -1
}

// rebuild walks all boxes and puts in the place of each what f returns for it; sizes of
// the boxes around follow. f gets the kind and the payload, with the children rebuilt.
func rebuild(t testing.TB, b []byte, f func(kind string, payload []byte) []byte) []byte {
	t.Helper()
	var out []byte
	for len(b) > 0 {
		require.GreaterOrEqual(t, len(b), 8)
		size := int(binary.BigEndian.Uint32(b))
		require.LessOrEqual(t, size, len(b))
		kind, payload := string(b[4:8]), bytes.Clone(b[8:size])
		if n := skipped(kind); n >= 0 {
			payload = append(payload[:n:n], rebuild(t, payload[n:], f)...)
		}
		out = append(out, f(kind, payload)...)
		b = b[size:]
	}
	return out
}

// change returns an edit of the nth box of a kind, from 0, or of all where n is -1.
func change(t testing.TB, kind string, n int, f func(payload []byte) []byte) func([]byte) []byte {
	return func(b []byte) []byte {
		seen := 0
		out := rebuild(t, b, func(k string, payload []byte) []byte {
			if k == kind {
				if seen++; n < 0 || seen == n+1 {
					payload = f(payload)
				}
			}
			return box(k, payload...)
		})
		require.Greater(t, seen, n, "no box "+kind)
		return out
	}
}

// rename returns an edit of the names of boxes.
func rename(t testing.TB, from, to string) func([]byte) []byte {
	return func(b []byte) []byte {
		seen := false
		out := rebuild(t, b, func(k string, payload []byte) []byte {
			if k == from {
				seen, k = true, to
			}
			return box(k, payload...)
		})
		require.True(t, seen, "no box "+from)
		return out
	}
}

// shift returns an edit that adds ticks to every tfdt.
func shift(t testing.TB, ticks int64) func([]byte) []byte {
	return change(t, "tfdt", -1, func(p []byte) []byte {
		if p[0] == 1 {
			binary.BigEndian.PutUint64(p[4:], uint64(int64(binary.BigEndian.Uint64(p[4:]))+ticks))
		} else {
			binary.BigEndian.PutUint32(p[4:], uint32(int64(binary.BigEndian.Uint32(p[4:]))+ticks))
		}
		return p
	})
}

// find returns the payload of the first box of a kind.
func find(t testing.TB, b []byte, kind string) []byte {
	var out []byte
	rebuild(t, b, func(k string, payload []byte) []byte {
		if k == kind && out == nil {
			out = payload
		}
		return box(k, payload...)
	})
	require.NotNil(t, out, "no box "+kind)
	return out
}

// pad returns an edit that makes a segment n bytes larger.
func pad(n int) func([]byte) []byte {
	return func(b []byte) []byte { return append(b, box("free", make([]byte, n-8)...)...) }
}

// bitWriter writes a sequence parameter set.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) bits(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) ue(v uint32) {
	n := 0
	for (v+1)>>n > 1 {
		n++
	}
	w.bits(0, n)
	w.bits(v+1, n+1)
}

// sps returns a sequence parameter set of Main profile, level 1.1, 128x72.
func sps(interlaced bool, transfer uint32) []byte {
	w := &bitWriter{b: []byte{0x67, 77, 0x40, 11}, n: 32}
	w.ue(0) // seq_parameter_set_id
	w.ue(0) // log2_max_frame_num_minus4
	w.ue(2) // pic_order_cnt_type
	w.ue(1) // max_num_ref_frames
	w.bits(0, 1)
	w.ue(7) // 8 macroblocks wide
	crop := uint32(4)
	if interlaced {
		w.ue(2) // 3 pairs: 96 lines
		w.bits(0, 2)
		crop = 6
	} else {
		w.ue(4) // 80 lines
		w.bits(1, 1)
	}
	w.bits(1, 1) // direct_8x8_inference_flag
	w.bits(1, 1) // cropping
	w.ue(0)
	w.ue(0)
	w.ue(0)
	w.ue(crop)
	w.bits(1, 1) // VUI
	w.bits(0, 2)
	w.bits(1, 1) // video signal type
	w.bits(5, 3)
	w.bits(0, 1)
	w.bits(1, 1) // colour description
	w.bits(9, 8)
	w.bits(transfer, 8)
	w.bits(9, 8)
	w.bits(0, 5)
	w.bits(1, 1)
	return w.b
}

// avcC returns a decoder configuration record with one parameter set.
func avcC(sps []byte) []byte {
	out := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, byte(len(sps))}
	return append(append(out, sps...), 0)
}
