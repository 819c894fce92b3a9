package blobstore

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/vodkit/vodkit/storage"
)

// Stat implements storage.Store.
func (s *Store) Stat(ctx context.Context, key string) (storage.Info, error) {
	if err := s.ready(ctx, "stat", key); err != nil {
		return storage.Info{}, err
	}
	info, err := s.stat(ctx, key)
	if err != nil {
		return storage.Info{}, s.failRead(ctx, "stat", key, err)
	}
	return info, nil
}

func (s *Store) stat(ctx context.Context, key string) (storage.Info, error) {
	if path, ok := s.direct(key); ok {
		return statDirect(key, path)
	}
	if s.file && s.dir == "" {
		s.commit.RLock()
		defer s.commit.RUnlock()
	}
	attrs, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return storage.Info{}, err
	}
	info := storage.Info{
		Key:         key,
		Size:        attrs.Size,
		ModTime:     attrs.ModTime,
		ETag:        s.etag(attrs.As, attrs.ETag, attrs.ModTime, attrs.Size),
		ContentType: contentType(key, attrs.ContentType),
	}
	return info, nil
}

// failRead is fail for Stat and Open.
func (s *Store) failRead(ctx context.Context, op, key string, err error) error {
	if ctx.Err() == nil && notFound(err) {
		return &opError{op: op, key: key, kind: storage.ErrNotExist, err: err}
	}
	return fail(ctx, op, key, err)
}

// etag is the ETag of an object: what Options.ETag finds, or the file's own, or the
// driver's, or what size and time tell.
func (s *Store) etag(as func(any) bool, driver string, modTime time.Time, size int64) string {
	if s.file {
		var fi os.FileInfo
		if as(&fi) {
			return fileETag(fi)
		}
	} else if s.opts.ETag != nil {
		if tag := unquote(s.opts.ETag(as)); tag != "" {
			return tag
		}
	}
	if driver != "" {
		return unquote(driver)
	}
	return fmt.Sprintf("%x-%x", modTime.UnixNano(), size)
}

// fileETag tells versions of a file apart: a file that replaces another exists beside it
// for a moment, so it has another inode even within one tick of the clock.
func fileETag(fi fs.FileInfo) string {
	return fmt.Sprintf("%x-%x%s", fi.ModTime().UnixNano(), fi.Size(), inode(fi))
}

// unquote takes off what HTTP puts around an ETag.
func unquote(etag string) string {
	return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
}

// contentType is the driver's, unless the driver has nothing to say.
func contentType(key, driver string) string {
	if driver == "" || driver == "application/octet-stream" || driver == "binary/octet-stream" {
		return storage.ContentType(key)
	}
	return driver
}

// sameVersion says whether a reader and attributes that were asked for before it tell of
// the same object, as far as the portable API can know.
func sameVersion(r *blob.Reader, info storage.Info) bool {
	return r.Size() == info.Size && r.ModTime().Equal(info.ModTime)
}
