package ffmpeg

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
)

// blockSize is what is read from the store at a time, in bytes.
const blockSize = 1 << 20

// sourceReader reads a Source at any offset through a cache of blocks. It may be used
// concurrently; a block that several want is fetched once.
type sourceReader struct {
	store storage.Store
	parts []encoder.Part
	size  int64

	mu     sync.Mutex
	blocks map[int64]*block
	limit  int   // blocks
	tick   int64 // counts uses, to find the block least recently used
	err    error // the first failure of the store
}

// block is one block of the source; ready is closed when the result is set.
type block struct {
	ready chan struct{}
	data  []byte
	err   error
	// abandoned says that err came with the end of the context of who fetched.
	abandoned bool
	used      int64
}

func newSourceReader(store storage.Store, src encoder.Source, cache int64) *sourceReader {
	return &sourceReader{
		store: store, parts: src.Parts, size: src.Size(),
		blocks: map[int64]*block{}, limit: int(max(2, cache/blockSize)),
	}
}

// failed returns the first error that the store gave.
func (r *sourceReader) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// readAt reads up to the end of the block that holds off, and io.EOF at the end.
func (r *sourceReader) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read source at %d: negative offset", off)
	}
	if off >= r.size {
		return 0, io.EOF
	}
	for {
		b, mine := r.block(ctx, off/blockSize)
		select {
		case <-b.ready:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		switch {
		case b.err == nil:
			return copy(p, b.data[off%blockSize:]), nil
		case mine || !b.abandoned:
			return 0, b.err
		}
		// Who fetched it has gone, as ffmpeg does when it seeks; that is not our failure.
	}
}

// block returns block n, which is being fetched where it was not cached. The caller
// that misses fetches, and is told that the block is its own.
func (r *sourceReader) block(ctx context.Context, n int64) (b *block, mine bool) {
	r.mu.Lock()
	r.tick++
	b, ok := r.blocks[n]
	if !ok {
		b = &block{ready: make(chan struct{})}
		r.blocks[n] = b
	}
	b.used = r.tick
	r.evict()
	r.mu.Unlock()
	if ok {
		return b, false
	}
	b.data, b.err = r.fetch(ctx, n*blockSize, min(blockSize, r.size-n*blockSize))
	if b.err != nil {
		r.mu.Lock()
		if r.blocks[n] == b {
			delete(r.blocks, n) // so that the next reader tries again
		}
		b.abandoned = ctx.Err() != nil
		if r.err == nil && !b.abandoned {
			r.err = b.err
		}
		r.mu.Unlock()
	}
	close(b.ready)
	return b, true
}

// evict drops the blocks least recently used; r.mu is held. A reader that still holds
// one keeps it.
func (r *sourceReader) evict() {
	for len(r.blocks) > r.limit {
		oldest, at := int64(-1), int64(0)
		for n, b := range r.blocks {
			if oldest < 0 || b.used < at {
				oldest, at = n, b.used
			}
		}
		delete(r.blocks, oldest)
	}
}

// fetch reads n bytes at off from the parts that hold them.
func (r *sourceReader) fetch(ctx context.Context, off, n int64) ([]byte, error) {
	data := make([]byte, 0, n)
	for _, p := range r.parts {
		if off >= p.Size {
			off -= p.Size
			continue
		}
		want := min(n-int64(len(data)), p.Size-off)
		if want <= 0 {
			break
		}
		obj, err := r.store.Open(ctx, p.Key, &storage.OpenOptions{Offset: off, Length: want, IfMatch: p.ETag})
		if err != nil {
			return nil, err
		}
		at := len(data)
		data = data[:at+int(want)]
		_, err = io.ReadFull(obj, data[at:])
		_ = obj.Close()
		if err != nil {
			return nil, fmt.Errorf("read %q at %d: %w", p.Key, off, err)
		}
		off = 0
	}
	if int64(len(data)) < n {
		return nil, fmt.Errorf("read source: %w", io.ErrUnexpectedEOF)
	}
	return data, nil
}

// seeker returns an io.ReadSeeker over the source for one request.
func (r *sourceReader) seeker(ctx context.Context) io.ReadSeeker {
	return &sourceSeeker{ctx: ctx, r: r}
}

// sourceSeeker holds ctx because it lives for one request only.
type sourceSeeker struct {
	ctx context.Context
	r   *sourceReader
	off int64
}

func (s *sourceSeeker) Read(p []byte) (int, error) {
	n, err := s.r.readAt(s.ctx, p, s.off)
	s.off += int64(n)
	return n, err
}

func (s *sourceSeeker) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += s.off
	case io.SeekEnd:
		off += s.r.size
	}
	if off < 0 {
		return 0, fmt.Errorf("seek source to %d: negative offset", off)
	}
	s.off = off
	return off, nil
}
