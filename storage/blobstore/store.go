package blobstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"gocloud.dev/blob"

	"github.com/vodkit/vodkit/storage"
)

// Store is a storage.Store over a bucket. Make it with New, OpenFile or Open.
type Store struct {
	bucket *blob.Bucket
	opts   Options

	// file says that the bucket is a folder (gocloud.dev/blob/fileblob). dir is the
	// folder's absolute path where we opened it ourselves, without sidecar files and with
	// temporary files beside their targets; "" else.
	file bool
	dir  string

	pulls   bool      // Put lets the driver read: see pull
	buffers sync.Pool // of *[]byte, BufferSize long

	// tree lets Puts make folders together, and Delete remove empty ones alone.
	tree sync.RWMutex
	// commit guards what fileblob does in two steps: sidecar file and rename, or look and
	// rename.
	commit sync.RWMutex

	live   sync.Map // *os.File -> fs.FileInfo: temporary files that Puts are writing
	closed atomic.Bool
	close  func() error
}

var (
	_ storage.Store     = (*Store)(nil)
	_ storage.URLSigner = (*Store)(nil)
	_ storage.Gauge     = (*Store)(nil)
)

// defaultBuffer is large enough for few calls. Linux's file systems make one piece of page
// cache of what is written at once, and one of a MiB comes from memory that nobody has
// used, which on a virtual machine the host may have to find first: a third of the speed.
// `make bench-upload` compares it with tusd, whose buffer is 32 KiB.
const defaultBuffer = 128 << 10

// New makes a Store over a bucket, which from now on belongs to the Store: Close closes
// it. Any driver will do; for a folder OpenFile is better (see the package
// documentation). Nil opts mean defaults.
func New(bucket *blob.Bucket, opts *Options) *Store {
	s := &Store{bucket: bucket}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.BufferSize <= 0 {
		s.opts.BufferSize = defaultBuffer
	}
	var info os.FileInfo
	s.file = bucket.As(&info)
	s.pulls = isS3(bucket)
	s.buffers.New = func() any {
		b := make([]byte, s.opts.BufferSize)
		return &b
	}
	s.close = sync.OnceValue(func() error {
		s.closed.Store(true)
		return bucket.Close()
	})
	return s
}

// Close closes the bucket. Every call after it fails with an error that matches
// fs.ErrClosed; Objects that are open can be read to their end in folders and in
// memory. Closing again gives the same answer.
func (s *Store) Close() error { return s.close() }

// ready is what every operation asks first.
func (s *Store) ready(ctx context.Context, op, key string) error {
	if err := storage.CheckKey(key); err != nil {
		return failKey(op, err)
	}
	return s.alive(ctx, op, key)
}

func (s *Store) alive(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return fail(ctx, op, key, err)
	}
	if s.closed.Load() {
		return fail(ctx, op, key, fs.ErrClosed)
	}
	return nil
}

// SignedURL implements storage.URLSigner: call storage.SignedURL.
func (s *Store) SignedURL(ctx context.Context, key string, opts *storage.SignedURLOptions) (string, error) {
	if err := s.ready(ctx, "sign", key); err != nil {
		return "", err
	}
	bopts := &blob.SignedURLOptions{}
	if opts != nil {
		*bopts = blob.SignedURLOptions{Method: opts.Method, Expiry: opts.Expiry, ContentType: opts.ContentType}
	}
	url, err := s.bucket.SignedURL(ctx, key, bopts)
	if err != nil {
		return "", fail(ctx, "sign", key, err)
	}
	return url, nil
}

// Delete implements storage.Store. In a folder opened with OpenFile or Open it also
// removes the folders that it leaves empty.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.ready(ctx, "delete", key); err != nil {
		return err
	}
	var path string
	if s.file { // the driver would remove an empty folder of that name, and fail on a full one
		var err error
		if path, err = s.path(ctx, key); err != nil {
			if notFound(err) {
				return nil
			}
			return fail(ctx, "delete", key, err)
		}
	}
	if err := s.delete(ctx, key); err != nil && !notFound(err) {
		return fail(ctx, "delete", key, err)
	}
	if s.dir != "" {
		s.prune(path, key)
	}
	return nil
}

func (s *Store) delete(ctx context.Context, key string) error {
	if s.file && s.dir == "" {
		s.commit.Lock()
		defer s.commit.Unlock()
	}
	return s.bucket.Delete(ctx, key)
}

var errFolder = errors.New("a file system can't hold both an object and objects below it: a folder or an object of that name is in the way")
