package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// TemporarySweeper is the power behind [SweepTemporary]. A Store whose Puts may leave
// something behind when their process is killed implements it, a decorator forwards it to
// the Store inside by calling SweepTemporary.
type TemporarySweeper interface {
	SweepTemporary(ctx context.Context, prefix string, olderThan time.Duration) (removed []string, err error)
}

// SweepTemporary removes what Puts of keys with the prefix ("" for all) left behind when
// their process was killed, where nobody has written to it for olderThan: nothing that
// List shows. It returns the names as keys, also those removed before an error. What this
// process is putting stays, whatever its age. The error matches [errors.ErrUnsupported]
// where store has nothing of the kind (memory, buckets).
func SweepTemporary(ctx context.Context, store Store, prefix string, olderThan time.Duration) ([]string, error) {
	if s, ok := store.(TemporarySweeper); ok {
		return s.SweepTemporary(ctx, prefix, olderThan)
	}
	return nil, fmt.Errorf("sweep: %w by this store", errors.ErrUnsupported)
}
