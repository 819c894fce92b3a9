package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
)

// CacheHit says whether an open object came from a [Cache] without a request to the
// origin of its own: it was there, or being loaded for somebody else. known is false for
// objects that are no matter of a cache.
func CacheHit(obj *Object) (hit, known bool) {
	if b, ok := obj.Body.(interface{ CacheHit() bool }); ok {
		return b.CacheHit(), true
	}
	return false, false
}

// cachedBody reads a range of an entry. It holds ctx because a Read may wait for bytes,
// and lives no longer than one reading.
type cachedBody struct {
	ctx    context.Context
	c      *Cache
	e      *entry
	offset int64 // of the next byte
	end    int64
	hit    bool
	closed atomic.Bool
}

var _ io.WriterTo = (*cachedBody)(nil)

// CacheHit is what the function CacheHit asks.
func (b *cachedBody) CacheHit() bool { return b.hit }

func (b *cachedBody) Read(p []byte) (int, error) {
	some, err := b.next()
	if err != nil {
		return 0, err
	}
	n := copy(p, some)
	b.offset += int64(n)
	return n, nil
}

// sendChunk is how much WriteTo hands over before it looks at the context again.
const sendChunk = 1 << 20

// WriteTo hands the bytes over as they lie in memory, without another copy.
func (b *cachedBody) WriteTo(w io.Writer) (int64, error) {
	var sent int64
	for {
		some, err := b.next()
		if errors.Is(err, io.EOF) {
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
		n, err := w.Write(some[:min(len(some), sendChunk)])
		sent += int64(n)
		b.offset += int64(n)
		if err != nil {
			return sent, err
		}
	}
}

// Unread returns what Read would yield, without a copy, where all of it has arrived;
// else, and after the end of ctx, nil. The bytes must not be changed.
func (b *cachedBody) Unread() []byte {
	if b.closed.Load() || b.ctx.Err() != nil || b.e.filled.Load() < b.end {
		return nil
	}
	return b.e.buf[b.offset:b.end:b.end]
}

// next waits for bytes and returns those that are there. They belong to the entry.
func (b *cachedBody) next() ([]byte, error) {
	err := b.ctx.Err()
	switch {
	case b.closed.Load():
		err = fs.ErrClosed
	case err == nil && b.offset >= b.end:
		return nil, io.EOF
	}
	var filled int64
	if err == nil {
		filled, err = b.e.wait(b.ctx, b.offset)
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", b.e.key, err)
	}
	return b.e.buf[b.offset:min(filled, b.end):b.end], nil
}

func (b *cachedBody) Close() error {
	if !b.closed.Swap(true) {
		b.c.release(b.e)
	}
	return nil
}
