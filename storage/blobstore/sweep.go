package blobstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// Sweep removes what Puts into a folder left behind when their process was killed:
// temporary files that nobody has written to for olderThan. It returns their names as
// keys, also those removed before an error. The temporary files of Puts that this Store
// is doing are left alone; for those of other processes olderThan has to be longer than
// an upload may stall: an hour is a good choice. Call it at the start and now and then.
//
// Buckets that are not folders have no such files, and Sweep fails with
// errors.ErrUnsupported. (S3 keeps the parts of an upload whose process was killed,
// unseen: a lifecycle rule with AbortIncompleteMultipartUpload removes them.) A folder that was
// given to New without NoTempDir has its temporary files in os.TempDir, where Sweep
// doesn't look.
func (s *Store) Sweep(ctx context.Context, olderThan time.Duration) (removed []string, err error) {
	return s.SweepTemporary(ctx, "", olderThan)
}

var _ storage.TemporarySweeper = (*Store)(nil)

// SweepTemporary is Sweep of the keys that start with prefix alone.
func (s *Store) SweepTemporary(ctx context.Context, prefix string, olderThan time.Duration) (removed []string, err error) {
	if err := s.alive(ctx, "sweep", ""); err != nil {
		return nil, err
	}
	if !s.file {
		return nil, fmt.Errorf("sweep: %w: the bucket is not a folder", errors.ErrUnsupported)
	}
	for obj, err := range s.objects(ctx, prefix) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return removed, fail(ctx, "sweep", "", err)
		}
		if !temporary.MatchString(obj.Key) || time.Since(obj.ModTime) < olderThan || s.writing(obj.fi) {
			continue
		}
		if err := s.removeTemporary(ctx, obj); err != nil {
			return removed, fail(ctx, "sweep", obj.Key, err)
		}
		removed = append(removed, obj.Key)
	}
	return removed, nil
}

// temporary matches what fileblob appends to the name of a file while it is written: a
// time in nanoseconds.
var temporary = regexp.MustCompile(`\.[0-9a-f]{16}\.tmp$`)

// writing says whether a Put of this Store is writing to the file.
func (s *Store) writing(fi os.FileInfo) (found bool) {
	s.live.Range(func(_, value any) bool {
		found = os.SameFile(value.(os.FileInfo), fi)
		return !found
	})
	return found
}

func (s *Store) removeTemporary(ctx context.Context, obj object) error {
	var err error
	if obj.path != "" {
		err = os.Remove(obj.path)
	} else {
		err = s.delete(ctx, obj.Key)
	}
	if err != nil && !notFound(err) {
		return err
	}
	if obj.path != "" {
		s.prune(obj.path, obj.Key)
	}
	return nil
}
