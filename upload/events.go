package upload

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/vodkit/vodkit/progress"
)

// tracker stands between the guard and the host's sink. It remembers the last event
// of each asset that has not ended, drops what was overtaken, and outlives a sink
// that panics.
//
// Overtaken is an event that is older than one of the same attempt that went before:
// an upload tells of READY when its record is written, but a worker may have claimed
// it by then.
type tracker struct {
	sink progress.Sink
	log  *slog.Logger

	mu   sync.Mutex
	live map[string]progress.Event
}

var _ progress.Sink = (*tracker)(nil)

func newTracker(sink progress.Sink, log *slog.Logger) *tracker {
	return &tracker{sink: sink, log: log, live: map[string]progress.Event{}}
}

// Report is called by the guard, one at a time for each asset.
func (t *tracker) Report(ctx context.Context, e progress.Event) {
	if !t.note(e) || t.sink == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			t.log.Error("The progress sink panicked.", "asset", e.Asset, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	t.sink.Report(ctx, e)
}

func (t *tracker) note(e progress.Event) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Status.Terminal() {
		delete(t.live, e.Asset)
		return true
	}
	if last, ok := t.live[e.Asset]; ok && last.Attempt == e.Attempt && e.Time.Before(last.Time) {
		return false
	}
	t.live[e.Asset] = e
	return true
}

// last returns the asset's last event unless that was terminal.
func (t *tracker) last(id string) (progress.Event, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.live[id]
	return e, ok
}
