package upload

import (
	"context"
	"sync"
)

// registry knows the runs of this process. The zero value is empty.
type registry struct {
	mu   sync.Mutex
	runs map[string]*running
}

// running is the outside of a run.
type running struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when the run has ended and all its words are written
}

// add registers a run of the asset and returns the function that ends the entry.
func (r *registry) add(id string, cancel context.CancelCauseFunc) (end func()) {
	h := &running{cancel: cancel, done: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs == nil {
		r.runs = map[string]*running{}
	}
	r.runs[id] = h
	return func() {
		r.mu.Lock()
		if r.runs[id] == h {
			delete(r.runs, id)
		}
		r.mu.Unlock()
		close(h.done)
	}
}

// stop ends the asset's run with cause and waits until it has ended. It returns at
// once where there is none.
func (r *registry) stop(ctx context.Context, id string, cause error) error {
	r.mu.Lock()
	h := r.runs[id]
	r.mu.Unlock()
	if h == nil {
		return nil
	}
	h.cancel(cause)
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reservations are the ids whose assets are being made or unmade. The zero value is
// empty.
type reservations struct {
	mu     sync.Mutex
	ids    map[string]chan struct{} // closed when the id is free again
	places int                      // in the backlog
}

// take reserves id and a place in the backlog. It fails with ErrBacklogFull where
// waiting and reserved places reach most, with ErrExist where id is reserved.
func (r *reservations) take(id string, waiting, most int) (free func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] != nil {
		return nil, ErrExist
	}
	if waiting+r.places >= most {
		return nil, ErrBacklogFull
	}
	return r.reserve(id, 1), nil
}

// full says whether waiting and reserved places reach most.
func (r *reservations) full(waiting, most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return waiting+r.places >= most
}

// held says whether id is reserved.
func (r *reservations) held(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id] != nil
}

// await reserves id once it is free.
func (r *reservations) await(ctx context.Context, id string) (free func(), err error) {
	for {
		r.mu.Lock()
		taken := r.ids[id]
		if taken == nil {
			defer r.mu.Unlock()
			return r.reserve(id, 0), nil
		}
		r.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// try reserves id where it is free.
func (r *reservations) try(id string) (free func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] != nil {
		return nil, false
	}
	return r.reserve(id, 0), true
}

func (r *reservations) reserve(id string, places int) (free func()) {
	if r.ids == nil {
		r.ids = map[string]chan struct{}{}
	}
	done := make(chan struct{})
	r.ids[id] = done
	r.places += places
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.ids, id)
		r.places -= places
		close(done)
	}
}
