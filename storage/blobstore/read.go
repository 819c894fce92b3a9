package blobstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gocloud.dev/blob"

	"github.com/vodkit/vodkit/storage"
)

// openTries is how often Open starts again because the object was replaced between two
// requests.
const openTries = 4

var errReplaced = errors.New("the object was replaced again and again while it was being opened")

// Open implements storage.Store. On a folder the Object has a file (see storage.File).
func (s *Store) Open(ctx context.Context, key string, opts *storage.OpenOptions) (*storage.Object, error) {
	if err := s.ready(ctx, "open", key); err != nil {
		return nil, err
	}
	var o storage.OpenOptions
	if opts != nil {
		o = *opts
	}
	if o.Offset < 0 || o.Length < 0 {
		return nil, fail(ctx, "open", key, fmt.Errorf("%w: offset %d, length %d", storage.ErrRange, o.Offset, o.Length))
	}
	open := s.openAfterStat
	switch {
	case s.file:
		open = s.openFile
	case s.opts.ETag != nil:
		open = s.openAtOnce
	}
	obj, err := open(ctx, key, o)
	if err != nil {
		return nil, s.failRead(ctx, "open", key, err)
	}
	return obj, nil
}

// openFile opens an object of a folder. All that it says comes from the open file: the
// name may stand for another one by now.
func (s *Store) openFile(ctx context.Context, key string, o storage.OpenOptions) (*storage.Object, error) {
	if path, ok := s.direct(key); ok {
		return openDirect(ctx, key, path, o)
	}
	var f *os.File
	r, err := s.fileReader(ctx, key, o, &f)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	info := fileInfo(key, fi)
	info.ContentType = contentType(key, r.ContentType())
	n, err := check(info, o)
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return &storage.Object{Info: info, Body: &fileBody{body: body{ctx: ctx, r: r, key: key, left: n}, f: f}}, nil
}

func (s *Store) fileReader(ctx context.Context, key string, o storage.OpenOptions, f **os.File) (*blob.Reader, error) {
	if s.dir == "" {
		s.commit.RLock()
		defer s.commit.RUnlock()
	}
	return s.bucket.NewRangeReader(ctx, key, o.Offset, length(o), &blob.ReaderOptions{
		BeforeRead: func(as func(any) bool) error {
			if !as(f) {
				return errors.New("the driver has a folder but gives no file")
			}
			return nil
		},
	})
}

// path is where a folder has the object.
func (s *Store) path(ctx context.Context, key string) (string, error) {
	if path, ok := s.direct(key); ok {
		_, err := statDirect(key, path)
		return path, err
	}
	var f *os.File
	r, err := s.fileReader(ctx, key, storage.OpenOptions{}, &f)
	if err != nil {
		return "", err
	}
	return f.Name(), r.Close()
}

// openAtOnce opens with one request: Options.ETag tells which version came.
func (s *Store) openAtOnce(ctx context.Context, key string, o storage.OpenOptions) (*storage.Object, error) {
	r, err := s.bucket.NewRangeReader(ctx, key, o.Offset, length(o), nil)
	if err != nil {
		return nil, s.explainRange(ctx, key, o, err)
	}
	tag := unquote(s.opts.ETag(r.As))
	if tag == "" { // this driver has none there
		_ = r.Close()
		return s.openAfterStat(ctx, key, o)
	}
	info := storage.Info{
		Key:         key,
		Size:        r.Size(),
		ModTime:     r.ModTime(),
		ETag:        tag,
		ContentType: contentType(key, r.ContentType()),
	}
	n, err := check(info, o)
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return &storage.Object{Info: info, Body: &body{ctx: ctx, r: r, key: key, left: n}}, nil
}

// openAfterStat asks for the attributes first: readers of the portable API have no ETag.
func (s *Store) openAfterStat(ctx context.Context, key string, o storage.OpenOptions) (*storage.Object, error) {
	for range openTries {
		info, err := s.stat(ctx, key)
		if err != nil {
			return nil, err
		}
		n, err := check(info, o)
		if err != nil {
			return nil, err
		}
		r, err := s.bucket.NewRangeReader(ctx, key, o.Offset, length(o), nil)
		if err != nil {
			if remoteCode(err) == "InvalidRange" {
				continue // it is shorter than a moment ago
			}
			return nil, err
		}
		if sameVersion(r, info) {
			return &storage.Object{Info: info, Body: &body{ctx: ctx, r: r, key: key, left: n}}, nil
		}
		_ = r.Close()
	}
	return nil, errReplaced
}

// explainRange finds out whether a range that a service refused lies behind the end:
// drivers have no code for that.
func (s *Store) explainRange(ctx context.Context, key string, o storage.OpenOptions, err error) error {
	if notFound(err) || ctx.Err() != nil || (o.Offset == 0 && o.Length == 0) {
		return err
	}
	info, statErr := s.stat(ctx, key)
	if statErr != nil {
		return err
	}
	if _, rangeErr := check(info, o); rangeErr != nil {
		return rangeErr
	}
	return err
}

// check says how many bytes the options ask for, or what stands against them.
func check(info storage.Info, o storage.OpenOptions) (n int64, err error) {
	if o.IfMatch != "" && o.IfMatch != info.ETag {
		return 0, fmt.Errorf("%w: its ETag is %q, not %q", storage.ErrPrecondition, info.ETag, o.IfMatch)
	}
	if o.Offset == 0 && o.Length == 0 {
		return info.Size, nil
	}
	if o.Offset >= info.Size {
		return 0, fmt.Errorf("%w: offset %d of %d bytes", storage.ErrRange, o.Offset, info.Size)
	}
	n = info.Size - o.Offset
	if o.Length > 0 {
		n = min(n, o.Length)
	}
	return n, nil
}

// length is the length as gocloud wants it.
func length(o storage.OpenOptions) int64 {
	if o.Length == 0 {
		return -1
	}
	return o.Length
}

var (
	_ storage.FileBody = (*fileBody)(nil)
	_ io.WriterTo      = (*fileBody)(nil)
)
