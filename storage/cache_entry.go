package storage

import (
	"container/list"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// entry is one version of one object: its bytes, or that it passes by. The Cache's map
// holds the version that the next viewer gets; one that was evicted or replaced lives on
// without the map for as long as somebody reads it.
type entry struct {
	key    string
	cancel context.CancelCauseFunc // ends the load

	// Guarded by Cache.mu.
	resident bool          // it is in the map
	loading  bool          // its goroutine is at work
	users    int           // Opens and Objects that hold it
	cost     int64         // bytes that it counts for
	idle     *list.Element // its place among the idle ones
	asked    time.Time     // when the origin last had this version; zero before opened
	failing  bool          // it could not be asked since

	// opened is closed when the rest is known. What follows does not change after that.
	opened chan struct{}
	err    error // the object can't be opened
	pass   passing
	info   Info
	buf    []byte

	// filled is how many bytes of buf are there. It may be read without mu, as may the
	// bytes before it.
	filled atomic.Int64
	mu     sync.Mutex
	ended  error         // why no more will come: io.EOF, or a failure
	moved  chan struct{} // closed when filled or ended change; nil while nobody waits
}

// passing says why an object is not kept.
type passing string

const (
	passLocal  passing = "local"   // it is a file
	passLarge  passing = "large"   // it is larger than MaxObject
	passNoRoom passing = "no room" // all memory is in use
	passNoETag passing = "no ETag" // there is a condition that the store alone can judge
)

// overhead is what an entry counts for besides its bytes and its key: the structures, and
// the rest of the memory block that holds a small object.
const overhead = 1 << 10

// advance makes the next n bytes of buf known to readers.
func (e *entry) advance(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.filled.Add(int64(n))
	e.wake()
}

// finish says that no more bytes will come.
func (e *entry) finish(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		err = io.EOF
	}
	e.ended = err
	e.wake()
}

func (e *entry) wake() {
	if e.moved != nil {
		close(e.moved)
		e.moved = nil
	}
}

// wait returns how many bytes are there, once these are more than offset.
func (e *entry) wait(ctx context.Context, offset int64) (int64, error) {
	for {
		if n := e.filled.Load(); n > offset {
			return n, nil
		}
		e.mu.Lock()
		if e.filled.Load() > offset {
			e.mu.Unlock()
			continue
		}
		if e.ended != nil {
			defer e.mu.Unlock()
			return 0, e.ended
		}
		if e.moved == nil {
			e.moved = make(chan struct{})
		}
		moved := e.moved
		e.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// What follows is called with Cache.mu held.

// use takes hold of e.
func (c *Cache) use(e *entry) {
	e.users++
	if e.idle != nil {
		c.idle.Remove(e.idle)
		e.idle = nil
		c.idleBytes -= e.cost
	}
}

// settle finds the place of e after somebody has let go of it.
func (c *Cache) settle(e *entry) {
	switch {
	case e.users > 0:
	case e.loading:
		if !e.resident {
			e.cancel(errAbandoned)
		}
	case e.resident:
		if e.idle == nil {
			e.idle = c.idle.PushFront(e)
			c.idleBytes += e.cost
		}
	default:
		c.used -= e.cost
		e.cost = 0
	}
}

// detach takes e out of the map: who comes next gets another one.
func (c *Cache) detach(e *entry) {
	if !e.resident {
		return
	}
	e.resident = false
	delete(c.entries, e.key)
	if e.idle != nil {
		c.idle.Remove(e.idle)
		e.idle = nil
		c.idleBytes -= e.cost
	}
	c.settle(e)
}

// reserve counts n more bytes, for which it evicts what was used least recently. It
// returns false, and evicts nothing, where too much is in use.
func (c *Cache) reserve(n int64) bool {
	if c.used-c.idleBytes+n > c.opts.MaxBytes {
		return false
	}
	for c.used+n > c.opts.MaxBytes {
		e, _ := c.idle.Back().Value.(*entry)
		c.counters.evictions.Add(1)
		c.tell(CacheEvent{Kind: CacheEvicted, Key: e.key, Bytes: e.info.Size})
		c.detach(e)
	}
	c.used += n
	return true
}

// release lets go of e. Cache.mu is not held.
func (c *Cache) release(e *entry) {
	c.mu.Lock()
	defer c.unlock()
	e.users--
	c.settle(e)
}
