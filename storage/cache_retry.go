package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"
)

// permanent says whether asking the origin again is of no use.
func permanent(err error) bool {
	for _, target := range []error{
		ErrNotExist, ErrInvalidKey, ErrRange, ErrPrecondition, fs.ErrPermission, fs.ErrClosed, errors.ErrUnsupported,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// again waits before a request is made another time, the failures-th in a row. It
// returns an error where it should not be: why ctx has ended, or err.
func (c *Cache) again(ctx context.Context, op, key string, err error, failures int) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s %q: %w", op, key, ended(ctx))
	}
	if permanent(err) || failures > c.opts.Retries {
		return err
	}
	c.counters.retries.Add(1)
	c.emit(CacheEvent{Kind: CacheRetried, Key: key, Err: err})
	pause := min(c.opts.Backoff<<min(failures-1, 20), max(2*time.Second, c.opts.Backoff))
	if pause > 1 {
		pause -= rand.N(pause / 2)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s %q: %w", op, key, ended(ctx))
	}
}

// attempt is one request to the origin, which fails when nothing comes for StallTimeout.
type attempt struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  *time.Timer
	limit  time.Duration
}

func (c *Cache) attempt(ctx context.Context) *attempt {
	a := &attempt{limit: c.opts.StallTimeout}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.stall = time.AfterFunc(a.limit, func() { a.cancel(errStalled) })
	return a
}

// explain replaces the error of a request that was ended because it stalled: it must not
// look as if the viewer had left.
func (a *attempt) explain(op, key string, err error) error {
	if err != nil && errors.Is(context.Cause(a.ctx), errStalled) {
		return fmt.Errorf("%s %q: %w", op, key, errStalled)
	}
	return err
}

func (a *attempt) close() {
	a.stall.Stop()
	a.cancel(nil)
}
