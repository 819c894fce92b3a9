package check

import (
	"bufio"
	"context"
	"errors"
	"io"
)

// skipBytes is from how many bytes on an object is opened anew behind what is not
// needed, instead of reading through it.
const skipBytes = 1 << 20

// input reads one segment, and skips what need not be seen: by seeking, by opening the
// object again further on, or else by reading.
type input struct {
	ctx   context.Context // of one reading, short-lived
	src   Source
	uri   string
	body  io.ReadCloser
	seek  io.Seeker // nil where the body cannot
	r     *bufio.Reader
	first int64 // where the segment starts in the object
	pos   int64 // in the segment
	size  int64 // of the segment, -1 where unknown
	again bool  // may be opened again
	most  int64 // bytes to read at most
	read  int64
}

var (
	errShort = errors.New("the segment ends too early")
	errLarge = errors.New("the segment is too large")
)

// need counts n bytes to be read.
func (in *input) need(n int64) error {
	if err := in.ctx.Err(); err != nil {
		return err
	}
	if in.size >= 0 && n > in.size-in.pos {
		return errShort
	}
	if in.read += n; in.read > in.most {
		return errLarge
	}
	return nil
}

func (in *input) bytes(n int64) ([]byte, error) {
	if err := in.need(n); err != nil {
		return nil, err
	}
	var b []byte
	if in.size >= 0 { // no more is claimed than there is
		b = make([]byte, n)
		m, err := io.ReadFull(in.r, b)
		in.pos += int64(m)
		return b, ended(err)
	}
	b, err := io.ReadAll(io.LimitReader(in.r, n))
	in.pos += int64(len(b))
	if err == nil && int64(len(b)) < n {
		err = errShort
	}
	return b, err
}

// peek returns up to n bytes that come next, less at the end of the segment.
func (in *input) peek(n int) ([]byte, error) {
	if in.size >= 0 {
		n = int(min(int64(n), in.size-in.pos))
	}
	b, err := in.r.Peek(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return b, err
}

// skip passes over n bytes.
func (in *input) skip(n int64) error {
	if err := in.ctx.Err(); err != nil {
		return err
	}
	if in.size >= 0 && n > in.size-in.pos {
		return errShort
	}
	buffered := int64(in.r.Buffered())
	switch {
	case n <= buffered:
	case in.size >= 0 && in.seek != nil:
		if _, err := in.seek.Seek(in.first+in.pos+n, io.SeekStart); err != nil {
			return err
		}
		in.r.Reset(in.body)
		in.pos += n
		return nil
	case in.size >= 0 && in.again && n-buffered > skipBytes && in.pos+n < in.size:
		obj, err := in.src.Open(in.ctx, in.uri, in.first+in.pos+n, in.size-in.pos-n)
		if err != nil {
			return err
		}
		in.body.Close()
		in.body, in.seek = obj.Body, nil
		in.r.Reset(in.body)
		in.pos += n
		return nil
	}
	return in.discard(n)
}

func (in *input) discard(n int64) error {
	for n > 0 {
		chunk := min(n, 1<<20)
		if err := in.need(chunk); err != nil {
			return err
		}
		m, err := in.r.Discard(int(chunk))
		in.pos += int64(m)
		n -= int64(m)
		if err != nil {
			return ended(err)
		}
	}
	return nil
}

func (in *input) close() { in.body.Close() }

func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShort
	}
	return err
}
