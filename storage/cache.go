package storage

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// Cache is a Store in front of another one, the origin, that keeps what was read in
// memory: a crowd that asks for one object makes the origin send it once. Put it between
// a remote bucket and an [net/http.Handler] that serves it; writers may use the origin
// itself. Make it with [NewCache], and Close it.
//
// An object is loaded whole when it is first opened, whatever the range, by a goroutine
// of the Cache's own: viewers read what has arrived so far, and one who leaves harms
// nobody. A load that fails is tried again, and goes on where it broke off. Objects whose
// bytes are files here ([File]) and objects larger than CacheOptions.MaxObject pass by,
// and so does everything that finds the memory full of what is being read.
//
// Keys are immutable or mutable (CacheOptions.Mutable). What others change in the origin
// is seen after CacheOptions.Revalidate for mutable keys, MaxAge for deleted immutable
// ones, and MissTTL for objects that were not there; what is put or deleted through the
// Cache is seen at once.
type Cache struct {
	store Store
	opts  CacheOptions

	// local says that the last object opened was a file, so that no load is worth while.
	local atomic.Bool

	// end is cancelled by Close, and work counts the goroutines that it waits for.
	end    context.Context
	cancel context.CancelCauseFunc
	work   sync.WaitGroup

	counters cacheCounters

	mu      sync.Mutex
	closed  bool
	entries map[string]*entry        // what the next viewer gets
	flights map[string]*flight       // Stats of the origin under way
	misses  map[string]*list.Element // in missing
	missing list.List                // of miss, the oldest first
	// idle are the entries that nobody reads or loads, the last one used in front. They
	// are all that can be evicted.
	idle      list.List
	idleBytes int64
	used      int64        // bytes of all entries, also of those that have left the map
	pending   []CacheEvent // told by unlock
}

var (
	_ Store     = (*Cache)(nil)
	_ URLSigner = (*Cache)(nil)
	_ Gauge     = (*Cache)(nil)

	_ TemporarySweeper = (*Cache)(nil)
)

var (
	errCacheClosed = fmt.Errorf("the cache is closed: %w", fs.ErrClosed)
	errLoadTimeout = errors.New("the load took longer than CacheOptions.LoadTimeout")
	errAbandoned   = errors.New("nobody needs the load any more")
	errStalled     = errors.New("the store sent nothing for CacheOptions.StallTimeout")
)

// NewCache returns a Cache in front of the store, which stays the caller's. Nil opts
// mean defaults.
func NewCache(store Store, opts *CacheOptions) *Cache {
	c := &Cache{
		store:   store,
		entries: map[string]*entry{},
		flights: map[string]*flight{},
		misses:  map[string]*list.Element{},
	}
	if opts != nil {
		c.opts = *opts
	}
	c.opts.setDefaults()
	c.end, c.cancel = context.WithCancelCause(context.Background())
	return c
}

// Close ends all loads and waits for them, and lets go of what is kept. The origin stays
// open. Objects that are open and loaded can be read to their end, those that were being
// loaded fail, as every call after Close does, with an error that matches fs.ErrClosed.
func (c *Cache) Close() error {
	c.mu.Lock()
	c.closed = true
	for _, e := range c.entries {
		c.detach(e)
	}
	clear(c.misses)
	c.missing.Init()
	c.unlock()
	c.cancel(errCacheClosed)
	c.work.Wait()
	return nil
}

// ready is what every operation asks first.
func (c *Cache) ready(ctx context.Context, op, key string) error {
	if err := CheckKey(key); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	err := ctx.Err()
	if err == nil && c.end.Err() != nil {
		err = errCacheClosed
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", op, key, err)
	}
	return nil
}

// detached returns a context for work that outlives the viewer who caused it: it ends
// with the Cache and after LoadTimeout.
func (c *Cache) detached(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(c.end, func() { cancel(errCacheClosed) })
	timer := time.AfterFunc(c.opts.LoadTimeout, func() { cancel(errLoadTimeout) })
	return ctx, func(cause error) {
		stop()
		timer.Stop()
		cancel(cause)
	}
}

// ended is why ctx has ended: a reason of ours, or what its owner expects.
func ended(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errCacheClosed), errors.Is(cause, errLoadTimeout), errors.Is(cause, errAbandoned):
		return cause
	}
	return ctx.Err()
}
