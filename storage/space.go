package storage

import (
	"context"
	"errors"
	"fmt"
)

// Gauge is the power behind [Free]. A Store that has it implements it, a decorator
// forwards it to the Store inside by calling Free.
type Gauge interface {
	// Free returns how many bytes may still be put, all objects together. It fails with
	// errors.ErrUnsupported where that is not known.
	Free(ctx context.Context) (int64, error)
}

// Free returns how many bytes may still be put into store, all objects together, as far
// as it can tell: others put too. The error matches [errors.ErrUnsupported] where the
// store doesn't know (remote buckets, memory).
func Free(ctx context.Context, store Store) (int64, error) {
	g, ok := store.(Gauge)
	if !ok {
		return 0, fmt.Errorf("free space: %w", errors.ErrUnsupported)
	}
	return g.Free(ctx)
}
