package check

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// boxHeader is the header of a box (ISO 14496-12 4.2).
type boxHeader struct {
	kind   string
	header int64 // bytes of the header
	size   int64 // bytes with the header
}

func (h boxHeader) payload() int64 { return h.size - h.header }

var errBox = errors.New("malformed box")

// parseHeader reads a header from at least 8 bytes, 16 where the size is large.
func parseHeader(b []byte) (boxHeader, error) {
	if len(b) < 8 {
		return boxHeader{}, fmt.Errorf("%w: %d bytes are left, too few for a header", errBox, len(b))
	}
	h := boxHeader{kind: string(b[4:8]), header: 8}
	size := uint64(binary.BigEndian.Uint32(b))
	if size == 1 {
		if len(b) < 16 {
			return h, fmt.Errorf("%w: %s is cut off in its header", errBox, show(h.kind))
		}
		h.header, size = 16, binary.BigEndian.Uint64(b[8:])
	}
	if size < uint64(h.header) || size > math.MaxInt64/2 {
		return h, fmt.Errorf("%w: %s says that it has %d bytes", errBox, show(h.kind), size)
	}
	h.size = int64(size)
	return h, nil
}

// children calls f for each box in b. It stops at the first error.
func children(b []byte, f func(kind string, payload []byte) error) error {
	for len(b) > 0 {
		h, err := parseHeader(b)
		if err != nil {
			return err
		}
		if h.size > int64(len(b)) {
			return fmt.Errorf("%w: %s has %d bytes, but %d are left around it", errBox, show(h.kind), h.size, len(b))
		}
		if err := f(h.kind, b[h.header:h.size]); err != nil {
			return err
		}
		b = b[h.size:]
	}
	return nil
}

// fields reads big-endian numbers one after another. Reading past the end gives zeros
// and sets short.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if n > len(f.b) {
		f.b, f.short = nil, true
		return make([]byte, min(n, 16))
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

func (f *fields) skip(n int) {
	if n > len(f.b) {
		f.b, f.short = nil, true
		return
	}
	f.b = f.b[n:]
}

func (f *fields) u8() uint8   { return f.take(1)[0] }
func (f *fields) u16() uint16 { return binary.BigEndian.Uint16(f.take(2)) }
func (f *fields) u32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }
func (f *fields) u64() uint64 { return binary.BigEndian.Uint64(f.take(8)) }

// full reads version and flags of a full box.
func (f *fields) full() (version uint8, flags uint32) {
	v := f.u32()
	return uint8(v >> 24), v & 0xffffff
}

// sized reads a field that has 64 bits in version 1 and 32 in version 0.
func (f *fields) sized(version uint8) uint64 {
	if version == 1 {
		return f.u64()
	}
	return uint64(f.u32())
}

func (f *fields) err(kind string) error {
	if f.short {
		return fmt.Errorf("%w: %s is shorter than its fields", errBox, show(kind))
	}
	return nil
}
