package blobstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"github.com/vodkit/vodkit/storage"
)

// List implements storage.Store. Objects whose keys storage.CheckKey refuses are left
// out: temporary files, the markers that consoles make for folders. ContentType is what
// the key says; on remote buckets ETag is empty unless Options.ETag finds it.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		if err := s.alive(ctx, "list", prefix); err != nil {
			yield(storage.Info{}, err)
			return
		}
		if !startsKey(prefix) {
			return
		}
		for obj, err := range s.objects(ctx, prefix) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(storage.Info{}, fail(ctx, "list", prefix, err))
				return
			}
			if storage.CheckKey(obj.Key) == nil && !yield(obj.Info, nil) {
				return
			}
		}
	}
}

// startsKey says whether a key can start with prefix. Drivers for folders make paths of
// prefixes such as "../".
func startsKey(prefix string) bool {
	return prefix == "" || storage.CheckKey(prefix) == nil || storage.CheckKey(prefix+"x") == nil
}

// object is something in the bucket, which may be a temporary file.
type object struct {
	storage.Info
	path string      // in folders that we opened
	fi   os.FileInfo // in folders
}

func (s *Store) objects(ctx context.Context, prefix string) iter.Seq2[object, error] {
	switch {
	case s.dir != "":
		return walk(ctx, s.dir, prefix)
	case s.file:
		return s.wholePage(ctx, prefix)
	}
	return s.pages(ctx, prefix)
}

// pages lists a remote bucket or memory.
func (s *Store) pages(ctx context.Context, prefix string) iter.Seq2[object, error] {
	return func(yield func(object, error) bool) {
		it := s.bucket.List(&blob.ListOptions{Prefix: prefix})
		for {
			obj, err := it.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(object{}, err)
				return
			}
			if !obj.IsDir && !yield(s.object(obj), nil) {
				return
			}
		}
	}
}

// wholePage lists a folder through its driver, in one page: from page to page the driver
// can lose objects ("a-b" comes before "a/c", but after the folder "a").
func (s *Store) wholePage(ctx context.Context, prefix string) iter.Seq2[object, error] {
	return func(yield func(object, error) bool) {
		root, _ := cutSafe(prefix)
		var page []*blob.ListObject
		next, size := blob.FirstPageToken, 1<<10
		for tries := 0; len(next) > 0; size *= 8 {
			var err error
			page, next, err = s.bucket.ListPage(ctx, blob.FirstPageToken, size, &blob.ListOptions{Prefix: root})
			if err != nil && notFound(err) && tries < 100 && ctx.Err() == nil {
				next, size = blob.FirstPageToken, size/8 // a file went away under the driver
				tries++
				continue
			}
			if err != nil {
				yield(object{}, err)
				return
			}
		}
		slices.SortFunc(page, func(a, b *blob.ListObject) int { return strings.Compare(a.Key, b.Key) })
		for _, obj := range page {
			if strings.HasPrefix(obj.Key, prefix) && !yield(s.object(obj), nil) {
				return
			}
		}
	}
}

func (s *Store) object(o *blob.ListObject) object {
	info := storage.Info{Key: o.Key, Size: o.Size, ModTime: o.ModTime, ContentType: storage.ContentType(o.Key)}
	var fi os.FileInfo
	switch {
	case s.file && o.As(&fi):
		info.ETag = fileETag(fi)
	case s.opts.ETag != nil:
		info.ETag = unquote(s.opts.ETag(o.As))
	}
	return object{Info: info, fi: fi}
}
