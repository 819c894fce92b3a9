package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// flight is one Stat of the origin for all who ask at the same time.
type flight struct {
	done chan struct{} // closed when the rest is known
	// asked is before the request that was answered, or the last one that failed.
	asked time.Time
	info  Info
	err   error
}

// Stat implements Store. It is answered from what Open has loaded, where that is recent
// enough, and else by the origin.
func (c *Cache) Stat(ctx context.Context, key string) (Info, error) {
	if err := c.ready(ctx, "stat", key); err != nil {
		return Info{}, err
	}
	if c.local.Load() {
		return c.store.Stat(ctx, key)
	}
	start, limit := time.Now(), c.opts.fresh(key)
	e, missing := c.peek(key, start)
	if missing {
		return Info{}, missingError("stat", key)
	}
	if e != nil {
		defer c.release(e)
		select {
		case <-e.opened:
		case <-ctx.Done():
			return Info{}, fmt.Errorf("stat %q: %w", key, ctx.Err())
		}
		if e.err != nil {
			return Info{}, e.err
		}
		if ok, err := c.stillCurrent(ctx, e, start, limit); ok || err != nil {
			return e.info, err
		}
	}
	f, err := c.ask(ctx, key, start.Add(-limit))
	if err != nil {
		return Info{}, err
	}
	return f.info, f.err
}

// peek returns the entry of the key with one more user, nil where there is none.
func (c *Cache) peek(key string, start time.Time) (e *entry, missing bool) {
	c.mu.Lock()
	defer c.unlock()
	if e = c.entries[key]; e != nil {
		c.use(e)
		return e, false
	}
	return nil, c.isMissing(key, start)
}

// stillCurrent makes sure that the origin had this version less than limit before start,
// or after. It returns false where it has another one by now.
func (c *Cache) stillCurrent(ctx context.Context, e *entry, start time.Time, limit time.Duration) (bool, error) {
	since, oldest := start.Add(-limit), start.Add(-c.opts.MaxStale)
	asked, failing := c.askedFor(e)
	switch {
	case asked.After(since):
		return true, nil
	case limit == 0:
	case !c.opts.Mutable(e.key) && asked.After(since.Add(-limit)):
		c.askSoon(ctx, e.key)
		return true, nil
	case failing && asked.After(oldest): // somebody has waited for nothing just now
		c.askSoon(ctx, e.key)
		c.counters.stale.Add(1)
		return true, nil
	}
	f, err := c.ask(ctx, e.key, since)
	switch {
	case err != nil:
		return false, err
	case f.err == nil && sameVersion(f.info, e.info):
		return true, nil
	case f.err == nil:
		c.replaced(e, f.asked)
		return false, nil
	case permanent(f.err) || !asked.After(oldest):
		return false, f.err
	}
	c.counters.stale.Add(1)
	return true, nil
}

// askedFor returns when the origin last had this version, and whether it failed since.
func (c *Cache) askedFor(e *entry) (asked time.Time, failing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.asked, e.failing
}

// replaced takes e out of the map, unless it was confirmed after the answer that says
// otherwise.
func (c *Cache) replaced(e *entry, asked time.Time) {
	c.mu.Lock()
	defer c.unlock()
	if !e.asked.After(asked) {
		c.detach(e)
	}
}

// ask asks the origin about the key, together with all who do so at the same time. The
// answer is newer than since, or comes from a request that this call has made.
func (c *Cache) ask(ctx context.Context, key string, since time.Time) (*flight, error) {
	for {
		f, mine := c.join(ctx, key)
		if f == nil {
			return nil, fmt.Errorf("stat %q: %w", key, errCacheClosed)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("stat %q: %w", key, ctx.Err())
		}
		if mine || f.asked.After(since) {
			return f, nil
		}
	}
}

// askSoon has the origin asked by somebody who does not wait for it.
func (c *Cache) askSoon(ctx context.Context, key string) { _, _ = c.join(ctx, key) }

// join returns the Stat of the key that is under way, or starts one, which is then mine.
// It returns nil when the Cache is closed.
func (c *Cache) join(ctx context.Context, key string) (f *flight, mine bool) {
	c.mu.Lock()
	defer c.unlock()
	if f = c.flights[key]; f != nil {
		return f, false
	}
	if c.closed {
		return nil, false
	}
	f = &flight{done: make(chan struct{})}
	c.flights[key] = f
	c.counters.checks.Add(1)
	ctx, cancel := c.detached(ctx)
	c.work.Go(func() {
		defer cancel(nil)
		c.fly(ctx, key, f)
		c.land(key, f)
		close(f.done)
	})
	return f, true
}

// fly asks, and asks again where that fails.
func (c *Cache) fly(ctx context.Context, key string, f *flight) {
	for failures := 1; ; failures++ {
		a := c.attempt(ctx)
		f.asked = time.Now()
		f.info, f.err = c.store.Stat(a.ctx, key)
		f.err = a.explain("stat", key, f.err)
		a.close()
		if f.err == nil {
			return
		}
		if f.err = c.again(ctx, "stat", key, f.err, failures); f.err != nil {
			return
		}
	}
}

// land draws the conclusions for what is kept.
func (c *Cache) land(key string, f *flight) {
	c.mu.Lock()
	defer c.unlock()
	if c.flights[key] != f {
		return // the key was put or deleted meanwhile
	}
	delete(c.flights, key)
	e := c.entries[key]
	known := e != nil && !e.asked.IsZero() && !e.asked.After(f.asked)
	switch {
	case f.err == nil && known && sameVersion(f.info, e.info):
		e.asked, e.failing = f.asked, false
	case known && f.err != nil && !permanent(f.err):
		e.failing = true
	case known:
		c.detach(e)
	}
	if errors.Is(f.err, ErrNotExist) {
		c.remember(key, f.asked)
	}
}

// drop forgets what is known of the key: it was put or deleted.
func (c *Cache) drop(key string) {
	c.mu.Lock()
	defer c.unlock()
	if e := c.entries[key]; e != nil {
		c.detach(e)
	}
	delete(c.flights, key)
	c.forgetMiss(key)
}
