package blobstore

import (
	"context"
	"errors"
	"io"
	"time"

	"gocloud.dev/blob"

	"github.com/vodkit/vodkit/storage"
)

// Put implements storage.Store. IfNotExist is atomic wherever the service's is (memory,
// S3, Google Cloud Storage, Azure) and in folders opened with OpenFile or Open on file
// systems with hard links; in other folders only among the Puts of this Store.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	if err := s.ready(ctx, "put", key); err != nil {
		return storage.Info{}, err
	}
	var o storage.PutOptions
	if opts != nil {
		o = *opts
	}
	if o.ContentType == "" {
		o.ContentType = storage.ContentType(key)
	}
	if o.IfNotExist { // don't read what can't be kept
		if _, err := s.stat(ctx, key); err == nil {
			return storage.Info{}, fail(ctx, "put", key, storage.ErrExist)
		}
	}
	put := s.putRemote
	if s.file {
		put = s.putFile
	}
	info, err := put(ctx, key, r, o)
	if err == nil {
		return info, nil
	}
	var source *sourceError
	if o.IfNotExist && ctx.Err() == nil && !errors.As(err, &source) && preconditionFailed(err) {
		return storage.Info{}, &opError{op: "put", key: key, kind: storage.ErrExist, err: err}
	}
	return storage.Info{}, fail(ctx, "put", key, err)
}

func (s *Store) writerOptions(o storage.PutOptions) *blob.WriterOptions {
	return &blob.WriterOptions{
		ContentType:    o.ContentType,
		CacheControl:   o.CacheControl,
		IfNotExist:     o.IfNotExist,
		BufferSize:     s.opts.PartSize,
		MaxConcurrency: s.opts.Concurrency,
	}
}

// putRemote puts into anything but a folder.
func (s *Store) putRemote(ctx context.Context, key string, r io.Reader, o storage.PutOptions) (storage.Info, error) {
	transfer := s.push
	if s.pulls {
		transfer = s.pull
	}
	n, err := transfer(ctx, key, r, o)
	if err != nil {
		return storage.Info{}, err
	}
	// The object is there now; not to know its ETag is no failure.
	if info, err := s.stat(ctx, key); err == nil && info.Size == n {
		return info, nil
	}
	return storage.Info{Key: key, Size: n, ModTime: time.Now(), ContentType: o.ContentType}, nil
}

// push puts by writing to the driver.
func (s *Store) push(ctx context.Context, key string, r io.Reader, o storage.PutOptions) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, key, s.writerOptions(o))
	if err != nil {
		return 0, err
	}
	done := false
	defer func() {
		if !done { // also where r panics: closing without cancelling would publish the part
			cancel()
			_ = w.Close()
		}
	}()
	n, err := s.copy(ctx, w, r, o.Size)
	if err != nil {
		return n, err
	}
	done = true
	return n, w.Close()
}

// copy hands all that src yields to dst, in whole buffers, and looks at ctx in between. It
// fails unless src yields size bytes, where size is known.
func (s *Store) copy(ctx context.Context, dst io.Writer, src io.Reader, size int64) (int64, error) {
	var buf []byte
	if size > 0 && size < int64(s.opts.BufferSize) {
		buf = make([]byte, size+1)
	} else {
		pooled := s.buffers.Get().(*[]byte)
		defer s.buffers.Put(pooled)
		buf = *pooled
	}
	var total int64
	for {
		n, err := fill(ctx, src, buf)
		total += int64(n)
		if err != nil && err != io.EOF { //nolint:errorlint // see fill
			return total, err
		}
		if err := checkSize(total, size, err != nil); err != nil {
			return total, err
		}
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return total, err
			}
		}
		if err != nil {
			break
		}
	}
	return total, ctx.Err()
}

// fill reads until buf is full or src ends; only io.EOF itself is an end.
func fill(ctx context.Context, src io.Reader, buf []byte) (n int, err error) {
	for empty := 0; n < len(buf); {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		var m int
		m, err = src.Read(buf[n:])
		n += m
		switch {
		case err == io.EOF: // itself: a wrapped EOF is an error of the source's
			return n, io.EOF
		case err != nil:
			return n, &sourceError{err}
		case m > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return n, &sourceError{io.ErrNoProgress}
			}
		}
	}
	return n, nil
}

// sourceError is an error of the reader that is being stored. It hides io.EOF from what
// takes that for an end.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "read the source: " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }
