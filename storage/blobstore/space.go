package blobstore

import (
	"context"
	"errors"
	"fmt"
)

// Free implements storage.Gauge: call storage.Free. It knows folders opened with OpenFile
// or Open on Linux and macOS, and fails with errors.ErrUnsupported elsewhere. What the
// file system keeps for root counts as taken; quotas are not seen.
func (s *Store) Free(ctx context.Context) (int64, error) {
	if err := s.alive(ctx, "free space", ""); err != nil {
		return 0, err
	}
	if s.dir == "" {
		return 0, fmt.Errorf("free space: %w: the bucket is no folder opened by OpenFile", errors.ErrUnsupported)
	}
	n, err := freeOn(s.dir)
	if err != nil {
		return 0, fmt.Errorf("free space: %w", err)
	}
	return n, nil
}
