package pack

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// boxReader reads the top-level boxes of a stream (ISO 14496-12 4.2). It never
// allocates by a size that the stream claims: memory grows with the bytes that come.
type boxReader struct {
	r   *bufio.Reader
	off int64
}

type boxHeader struct {
	kind    string
	header  int64 // bytes of the header, 8 or 16
	payload int64 // bytes after the header
}

func (h boxHeader) size() int64 { return h.header + h.payload }

func newBoxReader(r io.Reader) *boxReader {
	return &boxReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// next reads the header of the next box. It returns io.EOF where the stream ends
// between boxes.
func (b *boxReader) next() (boxHeader, error) {
	var buf [16]byte
	n, err := io.ReadFull(b.r, buf[:8])
	b.off += int64(n)
	if err != nil {
		return boxHeader{}, truncated(err, n > 0)
	}
	h := boxHeader{kind: string(buf[4:8]), header: 8}
	size := uint64(binary.BigEndian.Uint32(buf[:4]))
	switch size {
	case 0:
		return h, malformed("box %q without a size", h.kind)
	case 1:
		n, err := io.ReadFull(b.r, buf[8:16])
		b.off += int64(n)
		if err != nil {
			return h, truncated(err, true)
		}
		h.header = 16
		size = binary.BigEndian.Uint64(buf[8:16])
	}
	if size < uint64(h.header) || size > math.MaxInt64 {
		return h, malformed("box %q of size %d", h.kind, size)
	}
	h.payload = int64(size) - h.header
	return h, nil
}

// appendTo appends n bytes of the stream to buf.
func (b *boxReader) appendTo(buf *bytes.Buffer, n int64) error {
	m, err := io.CopyN(buf, b.r, n)
	b.off += m
	return truncated(err, true)
}

// skip passes over n bytes.
func (b *boxReader) skip(n int64) error {
	m, err := io.CopyN(io.Discard, b.r, n)
	b.off += m
	return truncated(err, true)
}

// whole returns the box with a plain header of 8 bytes before its payload.
func (b *boxReader) whole(h boxHeader, limit int64) ([]byte, error) {
	if h.size() > limit {
		return nil, fmt.Errorf("%w: box %q of %d bytes, at most %d", ErrTooLarge, h.kind, h.size(), limit)
	}
	var buf bytes.Buffer
	var plain [8]byte
	binary.BigEndian.PutUint32(plain[:4], uint32(h.payload+8))
	copy(plain[4:], h.kind)
	buf.Write(plain[:])
	if err := b.appendTo(&buf, h.payload); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// truncated turns an end of the stream inside a box into ErrTruncated.
func truncated(err error, inside bool) error {
	if inside && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return ErrTruncated
	}
	return err
}
