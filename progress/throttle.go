package progress

import (
	"context"
	"sync"
	"time"
)

// Throttled is the Sink that Throttle returns.
type Throttled struct {
	sink  Sink
	every time.Duration

	mu     sync.Mutex
	passed map[string]pass // by asset
	sweep  int             // the size of passed that calls for a sweep
}

var _ Sink = (*Throttled)(nil)

// pass is an event that was let through.
type pass struct {
	event Event
	at    time.Time
}

// Throttle returns a Sink that hands events on to sink, and of those that only tell of
// progress at most one per asset in each interval. A [Milestone], another place in the
// queue and a terminal event are handed on at once, always. It is for sinks that do
// work with every event, such as a log or a database.
//
// An event is handed on in the call that reports it, or never: nothing is held back,
// so no event can arrive late or out of order, and there is no goroutine and nothing
// to close. What is dropped is at most one interval newer than what was handed on
// before. Memory: the assets reported within about one interval.
//
// With an interval of 0 or less everything is handed on.
func Throttle(sink Sink, every time.Duration) *Throttled {
	return &Throttled{sink: sink, every: every, passed: make(map[string]pass), sweep: minSweep}
}

// minSweep is the least number of assets that a sweep is worth.
const minSweep = 64

// Report hands e on, or drops it.
func (t *Throttled) Report(ctx context.Context, e Event) {
	if t.admit(e, time.Now()) {
		t.sink.Report(ctx, e)
	}
}

func (t *Throttled) admit(e Event, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Status.Terminal() {
		delete(t.passed, e.Asset)
		return true
	}
	last, ok := t.passed[e.Asset]
	if ok && now.Sub(last.at) < t.every && last.event.Queue == e.Queue && !Milestone(last.event, e) {
		return false
	}
	if len(t.passed) >= t.sweep {
		// Entries older than an interval hold nothing back.
		for asset, p := range t.passed {
			if now.Sub(p.at) >= t.every {
				delete(t.passed, asset)
			}
		}
		t.sweep = max(minSweep, 2*len(t.passed))
	}
	t.passed[e.Asset] = pass{e, now}
	return true
}
