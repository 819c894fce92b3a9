package upload

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"time"
)

// catalogGuard makes errors of what the host's Catalog panics with, and tells of an
// ErrOwned.
type catalogGuard struct {
	Catalog
	log  *slog.Logger
	lost func(error)
}

// recovered turns a panic into *err. It is to be deferred itself.
func (g catalogGuard) recovered(op string, err *error) {
	defer func() {
		if errors.Is(*err, ErrOwned) {
			g.lost(*err)
		}
	}()
	if v := recover(); v != nil {
		g.log.Error("The catalog panicked.", "operation", op, "panic", v, "stack", string(debug.Stack()))
		*err = fmt.Errorf("catalog %s: %w: %v", op, errPanic, v)
	}
}

func (g catalogGuard) Get(ctx context.Context, id string) (_ Asset, _ Revision, err error) {
	defer g.recovered("get", &err)
	return g.Catalog.Get(ctx, id)
}

func (g catalogGuard) Put(ctx context.Context, a Asset, rev Revision) (_ Revision, err error) {
	defer g.recovered("put", &err)
	return g.Catalog.Put(ctx, a, rev)
}

func (g catalogGuard) Delete(ctx context.Context, id string, rev Revision) (err error) {
	defer g.recovered("delete", &err)
	return g.Catalog.Delete(ctx, id, rev)
}

func (g catalogGuard) Claim(ctx context.Context, owner string, lease time.Duration) (_ Asset, _ Revision, err error) {
	defer g.recovered("claim", &err)
	return g.Catalog.Claim(ctx, owner, lease)
}

func (g catalogGuard) List(ctx context.Context, q Query) iter.Seq2[Asset, error] {
	return func(yield func(Asset, error) bool) {
		more := true
		err := func() (err error) {
			defer g.recovered("list", &err)
			for a, err := range g.Catalog.List(ctx, q) {
				if more = yield(a, err); !more {
					break
				}
			}
			return nil
		}()
		if err != nil && more {
			yield(Asset{}, err)
		}
	}
}

// Start starts the catalog where it wants that.
func (g catalogGuard) Start(ctx context.Context) (err error) {
	defer g.recovered("start", &err)
	if c, ok := g.Catalog.(Lifecycle); ok {
		return c.Start(ctx)
	}
	return nil
}

// Close closes the catalog where it wants that.
func (g catalogGuard) Close(ctx context.Context) (err error) {
	defer g.recovered("close", &err)
	if c, ok := g.Catalog.(Lifecycle); ok {
		return c.Close(ctx)
	}
	return nil
}
