package storage

import (
	"context"
	"time"
)

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
	case e.asked.After(since):
		return nil, false, current
	case !e.resident:
		return nil, false, replaced
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
