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

// watch ends the encode where there was no sign of life for stall, nothing got further
// for patience times as long, or it has taken longer than wall beside what was ours; it
// returns then or when ctx ends.
func (a *activity) watch(ctx context.Context, stall, wall time.Duration, end context.CancelCauseFunc) {
	every := max(min(stall, wall)/10, time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	// Ticks are counted, and not the clock read, so that a suspended machine takes no time.
	var spent time.Duration
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if a.busy.Load() > 0 {
			continue
		}
		spent += every
		switch {
		case since(&a.alive) > stall || since(&a.moved) > patience*stall:
			end(errStalled)
			return
		case spent > wall:
			end(errTooSlow)
			return
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
