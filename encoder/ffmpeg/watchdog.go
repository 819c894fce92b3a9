package ffmpeg

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// activity notes when a process last gave a sign of life and last got further, and how
// much of what it waits for is ours: a slow store is no stall.
type activity struct {
	alive, moved atomic.Int64 // unix nanoseconds
	busy         atomic.Int64
}

// patience is how many times longer a process may go without getting further than
// without a sign of life: some versions of ffmpeg report progress from a thread of
// its own, whatever has become of the others.
const patience = 5

func newActivity() *activity {
	a := &activity{}
	a.move()
	return a
}

// touch notes a sign of life.
func (a *activity) touch() { a.alive.Store(time.Now().UnixNano()) }

// move notes that the process got further.
func (a *activity) move() {
	a.touch()
	a.moved.Store(a.alive.Load())
}

// ours marks the time until the returned function is called as held up by us.
func (a *activity) ours() func() {
	a.busy.Add(1)
	from := time.Now()
	return func() {
		a.touch()
		a.moved.Add(int64(time.Since(from)))
		a.busy.Add(-1)
	}
}

// watch calls stalled and returns when there was no sign of life for limit, or nothing
// got further for patience times as long; it returns when ctx ends.
func (a *activity) watch(ctx context.Context, limit time.Duration, stalled func()) {
	tick := time.NewTicker(max(limit/10, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if a.busy.Load() == 0 && (since(&a.alive) > limit || since(&a.moved) > patience*limit) {
				stalled()
				return
			}
		}
	}
}

func since(at *atomic.Int64) time.Duration { return time.Since(time.Unix(0, at.Load())) }

// reader calls note for each read that yields bytes.
func reader(r io.Reader, note func()) io.Reader { return activeReader{r, note} }

type activeReader struct {
	r    io.Reader
	note func()
}

func (r activeReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.note()
	}
	return n, err
}
