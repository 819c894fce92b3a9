package ffmpeg

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// activity notes when a process last did something, and how much of what it waits for
// is ours: a slow store is no stall.
type activity struct {
	last atomic.Int64 // unix nanoseconds
	busy atomic.Int64
}

func newActivity() *activity {
	a := &activity{}
	a.touch()
	return a
}

func (a *activity) touch() { a.last.Store(time.Now().UnixNano()) }

// ours marks the time until the returned function is called as held up by us.
func (a *activity) ours() func() {
	a.busy.Add(1)
	return func() {
		a.touch()
		a.busy.Add(-1)
	}
}

// watch calls stalled and returns when nothing has happened for limit; it returns
// when ctx ends.
func (a *activity) watch(ctx context.Context, limit time.Duration, stalled func()) {
	tick := time.NewTicker(max(limit/10, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if a.busy.Load() == 0 && time.Since(time.Unix(0, a.last.Load())) > limit {
				stalled()
				return
			}
		}
	}
}

// reader notes each read that yields bytes.
func (a *activity) reader(r io.Reader) io.Reader { return activeReader{r, a} }

type activeReader struct {
	r io.Reader
	a *activity
}

func (r activeReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.a.touch()
	}
	return n, err
}
