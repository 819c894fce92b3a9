package storage

import (
	"context"
	"fmt"
	"time"
)

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
