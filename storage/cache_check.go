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
	for {
		e, missing := c.peek(key, start)
		if missing {
			return Info{}, missingError("stat", key)
		}
		if e == nil {
			f, err := c.ask(ctx, key, start.Add(-limit))
			if err != nil {
				return Info{}, err
			}
			return f.info, f.err
		}
		info, ok, err := c.statEntry(ctx, e, start, limit)
		if ok || err != nil {
			return info, err
		}
	}
}

// statEntry tells of what an entry holds, or of the version that has replaced it, and lets
// go of the entry. It returns false where that is not known.
func (c *Cache) statEntry(ctx context.Context, e *entry, start time.Time, limit time.Duration) (Info, bool, error) {
	defer c.release(e)
	select {
	case <-e.opened:
	case <-ctx.Done():
		return Info{}, false, fmt.Errorf("stat %q: %w", e.key, ctx.Err())
	}
	if e.err != nil {
		return Info{}, false, e.err
	}
	f, ok, err := c.stillCurrent(ctx, e, start, limit)
	switch {
	case err != nil:
		return Info{}, false, err
	case ok:
		return e.info, true, nil
	case f != nil:
		return f.info, true, nil
	}
	return Info{}, false, nil
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
// or after. It returns false where it has another one by now, with the answer if it is
// this one that says so.
func (c *Cache) stillCurrent(ctx context.Context, e *entry, start time.Time, limit time.Duration) (*flight, bool, error) {
	since, oldest := start.Add(-limit), start.Add(-c.opts.MaxStale)
	for {
		f, mine, known := c.question(ctx, e, since, oldest, limit)
		if known != unknown {
			return nil, known == current, nil
		}
		if err := f.wait(ctx, e.key); err != nil {
			return nil, false, err
		}
		switch {
		case !mine && !f.asked.After(since):
		case f.err == nil:
			return f, sameVersion(f.info, e.info), nil
		case permanent(f.err) || !c.askedAfter(e, oldest):
			return nil, false, f.err
		default:
			c.counters.stale.Add(1)
			return nil, true, nil
		}
	}
}

// verdict is what is known of a version without waiting.
type verdict int

const (
	unknown verdict = iota
	current
	replaced
)

// question judges a version by what is known. Where that does not say, it returns the
// Stat to wait for.
func (c *Cache) question(ctx context.Context, e *entry, since, oldest time.Time, limit time.Duration) (*flight, bool, verdict) {
	c.mu.Lock()
	defer c.unlock()
	switch {
	case !e.resident:
		return nil, false, replaced
	case e.asked.After(since):
		return nil, false, current
	case limit == 0:
	case !c.opts.Mutable(e.key) && e.asked.After(since.Add(-limit)):
		c.join(ctx, e.key) // for those who come later
		return nil, false, current
	case e.failing && e.asked.After(oldest): // somebody has waited for nothing just now
		c.join(ctx, e.key)
		c.counters.stale.Add(1)
		return nil, false, current
	}
	f, mine := c.join(ctx, e.key)
	return f, mine, unknown
}

func (c *Cache) askedAfter(e *entry, t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.asked.After(t)
}

// ask asks the origin about the key, together with all who do so at the same time. The
// answer is newer than since, or comes from a request that this call has made.
func (c *Cache) ask(ctx context.Context, key string, since time.Time) (*flight, error) {
	for {
		c.mu.Lock()
		f, mine := c.join(ctx, key)
		c.unlock()
		if err := f.wait(ctx, key); err != nil {
			return nil, err
		}
		if mine || f.asked.After(since) {
			return f, nil
		}
	}
}

// wait waits for the answer. A nil flight is that of a closed cache.
func (f *flight) wait(ctx context.Context, key string) error {
	err := errCacheClosed
	if f != nil {
		select {
		case <-f.done:
			return nil
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return fmt.Errorf("stat %q: %w", key, err)
}

// join returns the Stat of the key that is under way, or starts one, which is then mine.
// It returns nil when the Cache is closed. It is called with Cache.mu held.
func (c *Cache) join(ctx context.Context, key string) (f *flight, mine bool) {
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
	if e != nil {
		switch {
		case e.asked.IsZero() || e.asked.After(f.asked):
			return // it is being loaded, or was later: it knows better
		case f.err == nil && sameVersion(f.info, e.info):
			e.asked, e.failing = f.asked, false
		case f.err != nil && !permanent(f.err):
			e.failing = true
		default:
			c.detach(e)
		}
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
