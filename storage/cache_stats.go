package storage

import (
	"sync/atomic"
	"time"
)

// CacheStats are the figures of a [Cache]: counters since it was made, and what holds
// now. A collector of metrics reads them when it is asked.
type CacheStats struct {
	Hits   int64 // Opens of what was there or being loaded
	Misses int64 // Opens that a load was started for
	// Opens that passed by: objects that are files here, larger than MaxObject, and those
	// that found all memory in use.
	PassedLocal, PassedLarge, PassedNoRoom int64
	MissesKept                             int64 // answers "not there" without asking the origin
	StaleServed                            int64 // Opens and Stats answered although the origin failed

	Loads       int64 // loads begun
	LoadErrors  int64 // loads that failed, misses too
	LoadedBytes int64 // bytes that loads brought
	Checks      int64 // Stats of the origin, not counting retries
	Retries     int64 // requests that were made again
	Evictions   int64 // objects that had to make room

	Bytes     int64 // what counts for MaxBytes now
	IdleBytes int64 // the part of it that nobody reads or loads
	Entries   int64 // objects that the next viewer finds
	Loading   int64 // loads under way
}

// CacheEventKind says what a CacheEvent tells of.
type CacheEventKind string

// Kinds of events.
const (
	CacheLoaded  CacheEventKind = "loaded"  // a load has ended, Err says how
	CacheRetried CacheEventKind = "retried" // a request failed with Err and is made again
	CacheEvicted CacheEventKind = "evicted" // an object had to make room
	CachePassed  CacheEventKind = "passed"  // an object is not kept, Reason says why
)

// CacheEvent is something that happened in a [Cache].
type CacheEvent struct {
	Kind CacheEventKind
	Key  string
	// Bytes is the size of the object; of a load what it brought.
	Bytes int64
	// Duration is how long a load took, retries and pauses counted in.
	Duration time.Duration
	// Reason is why an object is not kept: "local", "large" or "no room".
	Reason string
	Err    error
}

type cacheCounters struct {
	hits, misses, local, large, noRoom, negative, stale                 atomic.Int64
	loads, loading, loadErrors, loadedBytes, checks, retries, evictions atomic.Int64
}

// Stats returns the figures as they are now.
func (c *Cache) Stats() CacheStats {
	c.mu.Lock()
	bytes, idle, entries := c.used, c.idleBytes, int64(len(c.entries))
	c.mu.Unlock()
	n := &c.counters
	return CacheStats{
		Hits: n.hits.Load(), Misses: n.misses.Load(),
		PassedLocal: n.local.Load(), PassedLarge: n.large.Load(), PassedNoRoom: n.noRoom.Load(),
		MissesKept: n.negative.Load(), StaleServed: n.stale.Load(),
		Loads: n.loads.Load(), LoadErrors: n.loadErrors.Load(), LoadedBytes: n.loadedBytes.Load(),
		Checks: n.checks.Load(), Retries: n.retries.Load(), Evictions: n.evictions.Load(),
		Bytes: bytes, IdleBytes: idle, Entries: entries, Loading: n.loading.Load(),
	}
}

// emit tells the host of an event. Cache.mu is not held.
func (c *Cache) emit(e CacheEvent) {
	if c.opts.OnEvent != nil {
		c.opts.OnEvent(e)
	}
}

// tell is emit with Cache.mu held: the event waits for unlock.
func (c *Cache) tell(e CacheEvent) {
	if c.opts.OnEvent != nil {
		c.pending = append(c.pending, e)
	}
}

func (c *Cache) unlock() {
	events := c.pending
	c.pending = nil
	c.mu.Unlock()
	for _, e := range events {
		c.opts.OnEvent(e)
	}
}
