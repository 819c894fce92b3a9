package storage

import (
	"context"
	"io"
	"iter"
	"strings"
	"time"
)

// Put implements Store. It goes to the origin, and what was kept of the key is gone.
func (c *Cache) Put(ctx context.Context, key string, r io.Reader, opts *PutOptions) (Info, error) {
	if err := c.ready(ctx, "put", key); err != nil {
		return Info{}, err
	}
	defer c.drop(key) // also after an error: the origin may know more
	return c.store.Put(ctx, key, r, opts)
}

// Delete implements Store. It goes to the origin, and what was kept of the key is gone.
func (c *Cache) Delete(ctx context.Context, key string) error {
	if err := c.ready(ctx, "delete", key); err != nil {
		return err
	}
	defer c.drop(key)
	return c.store.Delete(ctx, key)
}

// List implements Store. It goes to the origin.
func (c *Cache) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return c.store.List(ctx, prefix)
}

// Forget drops what is kept of all keys that start with prefix ("" for everything),
// because somebody has deleted or replaced them in the origin and MaxAge is too long to
// wait for. Who is reading reads on.
func (c *Cache) Forget(prefix string) {
	c.mu.Lock()
	defer c.unlock()
	for key, e := range c.entries {
		if strings.HasPrefix(key, prefix) {
			c.detach(e)
		}
	}
	for key := range c.flights {
		if strings.HasPrefix(key, prefix) {
			delete(c.flights, key)
		}
	}
	for key := range c.misses {
		if strings.HasPrefix(key, prefix) {
			c.forgetMiss(key)
		}
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

// SignedURL implements URLSigner: call the function SignedURL.
func (c *Cache) SignedURL(ctx context.Context, key string, opts *SignedURLOptions) (string, error) {
	return SignedURL(ctx, c.store, key, opts)
}

// Free implements Gauge: call the function Free.
func (c *Cache) Free(ctx context.Context) (int64, error) { return Free(ctx, c.store) }

// SweepTemporary implements TemporarySweeper: call the function SweepTemporary.
func (c *Cache) SweepTemporary(ctx context.Context, prefix string, olderThan time.Duration) ([]string, error) {
	return SweepTemporary(ctx, c.store, prefix, olderThan)
}
