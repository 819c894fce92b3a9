package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// loadTries is how often a load starts again because the object was replaced before its
// first byte.
const loadTries = 4

// load brings the bytes of an entry.
func (c *Cache) load(ctx context.Context, e *entry) {
	defer e.cancel(nil)
	start := time.Now()
	r, err := c.begin(ctx, e)
	if r != nil {
		close(e.opened)
		err = e.fill(r)
		_ = r.Close()
	}
	c.counters.loading.Add(-1)
	c.counters.loadedBytes.Add(e.filled.Load())
	if err != nil {
		c.counters.loadErrors.Add(1)
	}
	c.mu.Lock()
	e.loading = false
	if err != nil || e.pass == passLocal || e.pass == passNoRoom {
		c.detach(e) // before anyone hears of it: who asks again loads again
	}
	c.settle(e)
	if r != nil || err != nil {
		c.tell(CacheEvent{Kind: CacheLoaded, Key: e.key, Bytes: e.filled.Load(), Duration: time.Since(start), Err: err})
	}
	c.unlock()
	if r == nil {
		e.err = err
		close(e.opened)
		return
	}
	e.finish(err)
}

// begin opens the origin's object, makes room for it and reads its first bytes. It
// returns no reader where the object passes by.
func (c *Cache) begin(ctx context.Context, e *entry) (*originReader, error) {
	for try := 1; ; try++ {
		asked := time.Now()
		r, err := c.openOrigin(ctx, e.key, OpenOptions{})
		if err != nil {
			if errors.Is(err, ErrNotExist) {
				c.keepMiss(e, asked)
			}
			return nil, err
		}
		if !c.admit(e, r) {
			return nil, r.Close()
		}
		err = e.first(r)
		if err == nil {
			return r, nil
		}
		_ = r.Close()
		if !errors.Is(err, errReplaced) || try == loadTries {
			return nil, err
		}
		c.giveBack(e)
	}
}

// admit takes over what the origin says of the object, and makes room. It returns false
// where the object passes by.
func (c *Cache) admit(e *entry, r *originReader) bool {
	c.mu.Lock()
	defer c.unlock()
	e.info, e.asked = r.info, r.asked
	_, isFile := File(r.obj)
	switch {
	case isFile:
		c.local.Store(true)
		e.pass = passLocal
	case r.info.Size > c.opts.MaxObject:
		e.pass = passLarge
	case !c.reserve(r.info.Size):
		e.pass = passNoRoom
	default:
		e.cost += r.info.Size
		return true
	}
	c.tell(CacheEvent{Kind: CachePassed, Key: e.key, Bytes: r.info.Size, Reason: string(e.pass)})
	return false
}

// giveBack undoes admit.
func (c *Cache) giveBack(e *entry) {
	c.mu.Lock()
	defer c.unlock()
	c.used -= e.info.Size
	e.cost -= e.info.Size
	e.buf = nil
	e.asked = time.Time{}
}

// first reads the first bytes: an object that is replaced until then is loaded anew, and
// nobody notices.
func (e *entry) first(r *originReader) error {
	e.buf = make([]byte, r.info.Size)
	for len(e.buf) > 0 && e.filled.Load() == 0 {
		n, err := r.Read(e.buf)
		if err != nil {
			return err
		}
		e.advance(n)
	}
	return nil
}

// fill reads the rest.
func (e *entry) fill(r *originReader) error {
	for at := e.filled.Load(); at < int64(len(e.buf)); {
		n, err := r.Read(e.buf[at:])
		if err != nil {
			return err
		}
		e.advance(n)
		at += int64(n)
	}
	return nil
}

func missingError(op, key string) error { return fmt.Errorf("%s %q: %w", op, key, ErrNotExist) }
