package storage

import (
	"time"
)

// maxMisses is how many keys are remembered to be missing, beside CacheOptions.MaxBytes.
const maxMisses = 1024

// miss is a key under which there was nothing when the origin was asked.
type miss struct {
	key   string
	asked time.Time
}

// keepMiss remembers that the load of e found nothing, unless the key was put meanwhile.
func (c *Cache) keepMiss(e *entry, asked time.Time) {
	c.mu.Lock()
	defer c.unlock()
	if e.resident {
		c.remember(e.key, asked)
	}
}

// What follows is called with Cache.mu held.

func (c *Cache) remember(key string, asked time.Time) {
	if c.closed || c.opts.MissTTL <= 0 || c.opts.Mutable(key) {
		return
	}
	c.forgetMiss(key)
	c.misses[key] = c.missing.PushBack(miss{key, asked})
	if len(c.misses) > maxMisses {
		oldest, _ := c.missing.Front().Value.(miss)
		c.forgetMiss(oldest.key)
	}
}

func (c *Cache) forgetMiss(key string) {
	if el := c.misses[key]; el != nil {
		c.missing.Remove(el)
		delete(c.misses, key)
	}
}

func (c *Cache) isMissing(key string, start time.Time) bool {
	el := c.misses[key]
	if el == nil {
		return false
	}
	if m, _ := el.Value.(miss); m.asked.After(start.Add(-c.opts.MissTTL)) {
		c.counters.negative.Add(1)
		return true
	}
	c.forgetMiss(key)
	return false
}
