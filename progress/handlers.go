package progress

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// HandlersOptions configure Handlers.
type HandlersOptions struct {
	// OnComplete is called when an attempt is COMPLETE. Defaults to nil, nothing.
	OnComplete func(ctx context.Context, e Event)
	// OnError is called when an attempt is ERROR; e.Error says why, and a code of
	// CodeCancelled or CodeDeleted that somebody wanted it. Defaults to nil, nothing.
	OnError func(ctx context.Context, e Event)
	// Timeout is how long the context of one call lasts. Defaults to one minute.
	Timeout time.Duration
	// Logger is told of handlers that panic and of calls that Close gave up. Defaults to
	// nil, silent.
	Logger *slog.Logger
}

// Handlers is a Sink that calls the host back when an attempt ends: to send a mail, to
// mark a row, to call a webhook. Each attempt's terminal event is handled once; a
// repetition is recognized by its Attempt among the last 10,000.
//
// Calls run outside of Report, one after another in the order of the events; a handler
// that takes long may start a goroutine of its own. What waits is kept in memory: a
// host that must not miss an end when the process dies reads the Catalog after a
// restart. A handler that panics is logged, and the next one is called.
type Handlers struct {
	opts HandlersOptions
	log  *slog.Logger
	// ctx is the parent of the calls' contexts; it ends when Close gives up waiting. The
	// contexts that Report gets end too early for calls that outlive it.
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	queue  []Event
	idle   chan struct{} // closed when the goroutine ends; nil while there is none
	recent recent
}

var _ Sink = (*Handlers)(nil)

// NewHandlers returns Handlers that are open. They have a goroutine only while there is
// something to handle.
func NewHandlers(opts *HandlersOptions) *Handlers {
	h := &Handlers{}
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.Timeout <= 0 {
		h.opts.Timeout = time.Minute
	}
	h.log = h.opts.Logger
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Report queues a call if e is terminal. After Close it does nothing but log.
func (h *Handlers) Report(ctx context.Context, e Event) {
	if h.handler(e) == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		h.log.WarnContext(ctx, "event after Close is not handled", "asset", e.Asset, "status", string(e.Status))
		return
	}
	if !h.recent.add(e.Asset, e.Attempt) {
		return
	}
	h.queue = append(h.queue, e)
	if h.idle == nil {
		h.idle = make(chan struct{})
		go h.run(h.idle)
	}
}

// Close stops taking events and waits until those that wait have been handled. When
// ctx ends before, it cancels the context of the call that runs, gives up the others
// and returns an error that matches ctx.Err(). It may be called more than once.
func (h *Handlers) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	idle := h.idle
	h.mu.Unlock()
	defer h.cancel()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	h.mu.Lock()
	rest := h.queue
	h.queue = nil
	h.mu.Unlock()
	for _, e := range rest {
		h.log.ErrorContext(ctx, "event is not handled: closed before its turn", "asset", e.Asset, "status", string(e.Status))
	}
	return fmt.Errorf("progress: close handlers with %d events not handled: %w", len(rest)+1, ctx.Err())
}

func (h *Handlers) handler(e Event) func(context.Context, Event) {
	switch e.Status {
	case Complete:
		return h.opts.OnComplete
	case Error:
		return h.opts.OnError
	}
	return nil
}

// run handles what is in the queue and ends when it is empty.
func (h *Handlers) run(idle chan struct{}) {
	defer close(idle)
	for {
		h.mu.Lock()
		if len(h.queue) == 0 {
			h.queue, h.idle = nil, nil
			h.mu.Unlock()
			return
		}
		e := h.queue[0]
		h.queue = h.queue[1:]
		h.mu.Unlock()
		h.call(e)
	}
}

func (h *Handlers) call(e Event) {
	ctx, cancel := context.WithTimeout(h.ctx, h.opts.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			h.log.ErrorContext(ctx, "handler panicked", "asset", e.Asset, "status", string(e.Status),
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	h.handler(e)(ctx, e)
}

// recent remembers the last attempt of each of the assets that ended last, in two
// generations of equal size.
type recent struct {
	young, old map[string]string // attempt by asset
}

const generation = 10_000

// add remembers the attempt and reports whether it is new. Attempts without a name
// always are.
func (r *recent) add(asset, attempt string) bool {
	if attempt == "" {
		return true
	}
	last, ok := r.young[asset]
	if !ok {
		last = r.old[asset]
	}
	if last == attempt {
		return false
	}
	if r.young == nil || len(r.young) >= generation {
		r.young, r.old = make(map[string]string), r.young
	}
	r.young[asset] = attempt
	return true
}
