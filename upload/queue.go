package upload

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// queue knows what waits in this process's view, and tells waiting assets their
// places when those change.
type queue struct {
	tracker *tracker
	events  progress.Sink
	changed chan struct{} // holds one token when places may have changed

	mu      sync.Mutex
	waiting map[string]*waiter
}

type waiter struct {
	id, attempt string
	priority    int
	created     time.Time
	place       int // as last told
}

// queuePause is how long changes are gathered before places are told: with a thousand
// assets waiting, each claim moves all of them.
const queuePause = 200 * time.Millisecond

func newQueue(tracker *tracker, events progress.Sink) *queue {
	return &queue{tracker: tracker, events: events, changed: make(chan struct{}, 1), waiting: map[string]*waiter{}}
}

func (q *queue) add(a Asset) {
	q.mu.Lock()
	q.waiting[a.ID] = &waiter{id: a.ID, attempt: a.Attempt, priority: a.Priority, created: a.Created}
	q.mu.Unlock()
	q.wake()
}

// remove takes the attempt of an asset out; a newer attempt stays.
func (q *queue) remove(id, attempt string) {
	q.mu.Lock()
	if w := q.waiting[id]; w != nil && w.attempt == attempt {
		delete(q.waiting, id)
	}
	q.mu.Unlock()
	q.wake()
}

// reprioritize takes over the priority of an asset that waits.
func (q *queue) reprioritize(a Asset) {
	q.mu.Lock()
	if w := q.waiting[a.ID]; w != nil && w.attempt == a.Attempt {
		w.priority = a.Priority
	}
	q.mu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// report tells places until ctx ends.
func (q *queue) report(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.changed:
		}
		for _, e := range q.moved() {
			q.events.Report(ctx, e)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(queuePause):
		}
	}
}

// moved returns an event for each waiting asset whose place is another than it was
// told. Events bear the time of the look, so that one that is overtaken by the
// asset's start is dropped.
func (q *queue) moved() []progress.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	order := make([]*waiter, 0, len(q.waiting))
	for _, w := range q.waiting {
		order = append(order, w)
	}
	slices.SortFunc(order, func(a, b *waiter) int {
		return cmp.Or(-cmp.Compare(a.priority, b.priority), a.created.Compare(b.created), cmp.Compare(a.id, b.id))
	})
	at := now()
	var events []progress.Event
	for i, w := range order {
		if w.place == i+1 {
			continue
		}
		e, ok := q.tracker.last(w.id)
		if !ok || e.Attempt != w.attempt || e.Status != progress.Ready {
			continue
		}
		w.place = i + 1
		e.Queue, e.Time = w.place, at
		events = append(events, e)
	}
	return events
}
