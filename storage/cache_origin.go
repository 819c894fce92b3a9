package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// errReplaced says that a reading that broke off could not go on.
var errReplaced = fmt.Errorf("it was replaced while it was being read, open it again: %w", ErrPrecondition)

// originReader reads an object of the origin, and goes on where a body breaks off. It
// holds ctx, of which each request has a part, and lives no longer than one reading.
type originReader struct {
	ctx  context.Context
	c    *Cache
	key  string
	want OpenOptions

	info  Info
	asked time.Time // before the request that was answered
	left  int64     // bytes to come
	read  int64     // bytes that came

	obj      *Object // nil between two requests
	attempt  *attempt
	failures int   // in a row
	err      error // that obj gave together with bytes, or the last one
	closed   bool
}

// openOrigin opens an object of the origin. ctx governs the reads, too.
func (c *Cache) openOrigin(ctx context.Context, key string, o OpenOptions) (*originReader, error) {
	r := &originReader{ctx: ctx, c: c, key: key, want: o}
	if err := r.connect(); err != nil {
		return nil, err
	}
	return r, nil
}

// connect opens the object where the reading has got to.
func (r *originReader) connect() error {
	for {
		err := r.request()
		if err == nil {
			return nil
		}
		r.failures++
		if err := r.c.again(r.ctx, "open", r.key, err, r.failures); err != nil {
			return err
		}
	}
}

func (r *originReader) request() error {
	o, resumes := r.want, !r.asked.IsZero()
	if resumes {
		o.Offset += r.read
		o.IfMatch = r.info.ETag
		if o.Length > 0 {
			o.Length -= r.read
		}
	}
	a := r.c.attempt(r.ctx)
	asked := time.Now()
	obj, err := r.c.store.Open(a.ctx, r.key, &o)
	a.stall.Stop()
	switch {
	case err != nil && resumes && (errors.Is(err, ErrPrecondition) || errors.Is(err, ErrRange)):
		err = r.fail(errReplaced)
	case err != nil:
		err = a.explain("open", r.key, err)
	case resumes && !sameVersion(r.info, obj.Info):
		_ = obj.Close()
		err = r.fail(errReplaced)
	}
	if err != nil {
		a.close()
		return err
	}
	r.obj, r.attempt = obj, a
	if !resumes {
		r.info, r.asked = obj.Info, asked
		r.left = obj.Size - o.Offset
		if o.Length > 0 {
			r.left = min(r.left, o.Length)
		}
	}
	return nil
}

func (r *originReader) fail(err error) error { return fmt.Errorf("read %q: %w", r.key, err) }

// CacheHit is what the function CacheHit asks.
func (r *originReader) CacheHit() bool { return false }

func (r *originReader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, r.fail(fs.ErrClosed)
	}
	if r.left <= 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p = p[:min(int64(len(p)), r.left)]
	for {
		if r.obj == nil {
			if r.err != nil {
				return 0, r.err
			}
			if r.err = r.connect(); r.err != nil {
				return 0, r.err
			}
		}
		n, err := r.readOnce(p)
		if n > 0 || err == nil {
			return n, nil
		}
		r.disconnect()
		r.failures++
		r.err = r.c.again(r.ctx, "read", r.key, err, r.failures)
	}
}

// readOnce reads from the request under way. An error that comes with bytes is kept for
// the next time.
func (r *originReader) readOnce(p []byte) (int, error) {
	if err := r.err; err != nil {
		r.err = nil
		return 0, err
	}
	r.attempt.stall.Reset(r.attempt.limit)
	n, err := r.obj.Read(p)
	r.attempt.stall.Stop()
	r.read += int64(n)
	r.left -= int64(n)
	if n > 0 {
		r.failures = 0
	}
	if errors.Is(err, io.EOF) {
		err = r.fail(io.ErrUnexpectedEOF)
	}
	err = r.attempt.explain("read", r.key, err)
	if n > 0 {
		r.err = err
		return n, nil
	}
	return 0, err
}

func (r *originReader) disconnect() {
	if r.obj == nil {
		return
	}
	_ = r.obj.Close()
	r.attempt.close()
	r.obj, r.attempt = nil, nil
}

func (r *originReader) Close() error {
	r.closed = true
	r.disconnect()
	return nil
}

// sameVersion says whether two Infos tell of the same bytes. Stores without ETags have
// nothing better than size and time, which some give in whole seconds.
func sameVersion(a, b Info) bool {
	if a.ETag != "" && b.ETag != "" {
		return a.ETag == b.ETag
	}
	return a.Size == b.Size && a.ModTime.Truncate(time.Second).Equal(b.ModTime.Truncate(time.Second))
}
