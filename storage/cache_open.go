package storage

import (
	"context"
	"fmt"
	"time"
)

// Open implements Store. [CacheHit] says of the Object whether it needed the origin. A
// load that finds the object replaced under its hands, after the first byte, fails with
// ErrPrecondition; the next Open gets the new version.
func (c *Cache) Open(ctx context.Context, key string, opts *OpenOptions) (*Object, error) {
	if err := c.ready(ctx, "open", key); err != nil {
		return nil, err
	}
	var o OpenOptions
	if opts != nil {
		o = *opts
	}
	if o.Offset < 0 || o.Length < 0 {
		return nil, fmt.Errorf("open %q: %w: offset %d, length %d", key, ErrRange, o.Offset, o.Length)
	}
	if c.local.Load() {
		return c.openPast(ctx, key, o, passLocal)
	}
	start := time.Now()
	for {
		e, mine, err := c.acquire(ctx, key, start)
		if err != nil {
			return nil, err
		}
		if e == nil {
			return c.openPast(ctx, key, o, passNoRoom)
		}
		obj, err := c.openEntry(ctx, e, o, start, mine)
		if obj != nil || err != nil {
			return obj, err
		}
	}
}

// acquire returns the entry of the key with one more user. Where there is none it starts
// the load, which is then mine; where there is no room for one it returns nil.
func (c *Cache) acquire(ctx context.Context, key string, start time.Time) (e *entry, mine bool, err error) {
	c.mu.Lock()
	defer c.unlock()
	if c.closed {
		return nil, false, fmt.Errorf("open %q: %w", key, errCacheClosed)
	}
	if e = c.entries[key]; e != nil {
		c.use(e)
		return e, false, nil
	}
	if c.isMissing(key, start) {
		return nil, false, missingError("open", key)
	}
	cost := overhead + int64(len(key))
	if !c.reserve(cost) {
		return nil, false, nil
	}
	e = &entry{key: key, resident: true, loading: true, users: 1, cost: cost, opened: make(chan struct{})}
	ctx, e.cancel = c.detached(ctx)
	c.entries[key] = e
	c.counters.loads.Add(1)
	c.counters.loading.Add(1)
	c.work.Go(func() { c.load(ctx, e) })
	return e, true, nil
}

// openEntry opens what an entry holds; the Object keeps hold of the entry. It returns neither Object nor error where the entry turns out to be replaced.
func (c *Cache) openEntry(ctx context.Context, e *entry, o OpenOptions, start time.Time, mine bool) (*Object, error) {
	reading := false
	defer func() {
		if !reading {
			c.release(e)
		}
	}()
	select {
	case <-e.opened:
	case <-ctx.Done():
		return nil, fmt.Errorf("open %q: %w", e.key, ctx.Err())
	}
	if e.err != nil {
		return nil, e.err
	}
	if e.pass != "" {
		return c.openPast(ctx, e.key, o, e.pass)
	}
	if !mine {
		if _, ok, err := c.stillCurrent(ctx, e, start, c.opts.fresh(e.key)); !ok || err != nil {
			return nil, err
		}
	}
	if o.IfMatch != "" && o.IfMatch != e.info.ETag {
		if e.info.ETag == "" { // the store has none: what it says counts
			return c.openPast(ctx, e.key, o, passNoETag)
		}
		if !mine { // the viewer may know a newer version
			if _, ok, err := c.stillCurrent(ctx, e, start, 0); !ok || err != nil {
				return nil, err
			}
		}
		return nil, fmt.Errorf("open %q: %w: its ETag is %q, not %q", e.key, ErrPrecondition, e.info.ETag, o.IfMatch)
	}
	end := e.info.Size
	if o.Offset != 0 || o.Length != 0 {
		if o.Offset >= end {
			return nil, fmt.Errorf("open %q: %w: offset %d of %d bytes", e.key, ErrRange, o.Offset, end)
		}
		if o.Length > 0 {
			end = min(end, o.Offset+min(o.Length, end)) // no overflow
		}
	}
	if mine {
		c.counters.misses.Add(1)
	} else {
		c.counters.hits.Add(1)
	}
	reading = true
	return &Object{Info: e.info, Body: &cachedBody{ctx: ctx, c: c, e: e, offset: o.Offset, end: end, hit: !mine}}, nil
}

// openPast opens the origin's object for one viewer.
func (c *Cache) openPast(ctx context.Context, key string, o OpenOptions, why passing) (*Object, error) {
	if why == passLocal {
		obj, err := c.store.Open(ctx, key, &o)
		if err == nil {
			if _, isFile := File(obj); !isFile {
				c.local.Store(false)
			}
			c.counters.local.Add(1)
		}
		return obj, err
	}
	r, err := c.openOrigin(ctx, key, o)
	if err != nil {
		return nil, err
	}
	if _, isFile := File(r.obj); isFile {
		_ = r.Close()
		c.local.Store(true)
		return c.openPast(ctx, key, o, passLocal)
	}
	switch why {
	case passLarge:
		c.counters.large.Add(1)
	case passNoRoom:
		c.counters.noRoom.Add(1)
	}
	return &Object{Info: r.info, Body: r}, nil
}
