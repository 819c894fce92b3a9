package progresstest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/vodkit/vodkit/progress"
)

// Recorder is a Sink that keeps every event for a test to look at. The zero value is
// ready. Its methods may be called concurrently.
type Recorder struct {
	mu     sync.Mutex
	events []progress.Event
	more   chan struct{} // closed when there are more events; nil while nobody waits
}

var _ progress.Sink = (*Recorder)(nil)

// Report records e.
func (r *Recorder) Report(_ context.Context, e progress.Event) {
	if e.Error != nil {
		f := *e.Error
		e.Error = &f
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
}

// Events returns all events in the order in which they were reported.
func (r *Recorder) Events() []progress.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Of returns the events of one asset in their order.
func (r *Recorder) Of(asset string) []progress.Event {
	return slices.DeleteFunc(r.Events(), func(e progress.Event) bool { return e.Asset != asset })
}

// Last returns the asset's last event, and whether there is one.
func (r *Recorder) Last(asset string) (progress.Event, bool) {
	events := r.Of(asset)
	if len(events) == 0 {
		return progress.Event{}, false
	}
	return events[len(events)-1], true
}

// Terminal returns the asset's last terminal event, and whether there is one.
func (r *Recorder) Terminal(asset string) (progress.Event, bool) {
	for _, e := range slices.Backward(r.Of(asset)) {
		if e.Status.Terminal() {
			return e, true
		}
	}
	return progress.Event{}, false
}

// Wait returns the first event, also of those that are recorded already, that match
// says true to. It returns an error that matches ctx.Err() and tells of the last
// event where ctx ends before. match must not call the Recorder.
func (r *Recorder) Wait(ctx context.Context, match func(progress.Event) bool) (progress.Event, error) {
	for n := 0; ; {
		r.mu.Lock()
		fresh := r.events[n:]
		n += len(fresh)
		if r.more == nil {
			r.more = make(chan struct{})
		}
		more := r.more
		r.mu.Unlock()
		for _, e := range fresh {
			if match(e) {
				return e, nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			last := "none"
			if all := r.Events(); len(all) > 0 {
				last = describe(all[len(all)-1])
			}
			return progress.Event{}, fmt.Errorf("progresstest: wait for an event, %d so far, the last %s: %w", n, last, ctx.Err())
		}
	}
}

// WaitTerminal returns the asset's first terminal event, waiting for it as Wait does.
func (r *Recorder) WaitTerminal(ctx context.Context, asset string) (progress.Event, error) {
	return r.Wait(ctx, func(e progress.Event) bool { return e.Asset == asset && e.Status.Terminal() })
}

// WaitAttempt returns the terminal event of one attempt of the asset, waiting for it as
// Wait does.
func (r *Recorder) WaitAttempt(ctx context.Context, asset, attempt string) (progress.Event, error) {
	return r.Wait(ctx, func(e progress.Event) bool {
		return e.Asset == asset && e.Attempt == attempt && e.Status.Terminal()
	})
}

// CheckInvariants returns an error that joins every breach of what progress.Event
// promises in the events so far, nil for none. See [CheckInvariants].
func (r *Recorder) CheckInvariants() error { return CheckInvariants(r.Events()) }

func describe(e progress.Event) string {
	b, err := e.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(b)
}
