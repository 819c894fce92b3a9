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
