package progress

import (
	"container/list"
	"context"
	"fmt"
	"sync"
)

// ChanOptions configure a Chan.
type ChanOptions struct {
	// Assets is for how many assets unread progress is kept. Beyond, the progress that
	// waits longest is dropped. Defaults to 1024.
	Assets int
}

// Chan is a Sink that can be received from. A reader that is too slow misses progress
// and nothing else: of each asset only the newest unread event is kept, and it is
// dropped when the asset's terminal event arrives. Terminal events are never dropped,
// wait in their order and go before progress. So memory is bounded by Assets, plus
// the terminal events, one for each attempt, that a reader leaves unread.
//
//	events := progress.NewChan(nil)
//	go func() {
//		for e := range events.Events() { … }
//	}()
//
// A Chan has a goroutine, which Close ends.
type Chan struct {
	assets int
	out    chan Event
	wake   chan struct{} // there is something new to hand out, or closed
	abort  chan struct{}
	done   chan struct{} // the goroutine has ended
	once   sync.Once     // closes abort

	mu       sync.Mutex
	closed   bool
	ended    []*Event                 // terminal, unread
	progress *list.List               // of *Event, one an asset, the oldest in front
	byAsset  map[string]*list.Element // of progress
}

var _ Sink = (*Chan)(nil)

// NewChan returns a Chan that is open.
func NewChan(opts *ChanOptions) *Chan {
	c := &Chan{
		assets:   1024,
		out:      make(chan Event),
		wake:     make(chan struct{}, 1),
		abort:    make(chan struct{}),
		done:     make(chan struct{}),
		progress: list.New(),
		byAsset:  make(map[string]*list.Element),
	}
	if opts != nil && opts.Assets > 0 {
		c.assets = opts.Assets
	}
	go c.run()
	return c
}

// Events returns the channel to receive from, always the same. Several goroutines may
// receive from it; each event goes to one of them. Close closes it.
func (c *Chan) Events() <-chan Event { return c.out }

// Report keeps e to be received. After Close it does nothing.
func (c *Chan) Report(_ context.Context, e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	el := c.byAsset[e.Asset]
	switch {
	case e.Status.Terminal():
		c.drop(el)
		c.ended = append(c.ended, &e)
	case el != nil:
		el.Value = &e // it keeps the place of the one that it replaces
	default:
		if c.progress.Len() >= c.assets {
			c.drop(c.progress.Front())
		}
		c.byAsset[e.Asset] = c.progress.PushBack(&e)
	}
	c.signal()
}

// Close stops taking events, and waits until those that wait have been received or
// ctx ends; then it closes the channel. It returns an error that matches ctx.Err()
// where events were left unread. A reader that calls it must not be the one that is
// to receive them. It may be called more than once.
func (c *Chan) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.signal()
	select {
	case <-c.done:
	case <-ctx.Done():
		c.once.Do(func() { close(c.abort) })
		<-c.done
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.ended) + c.progress.Len(); n > 0 {
		err := ctx.Err()
		if err == nil { // the Close before this one gave up
			err = context.Canceled
		}
		return fmt.Errorf("progress: close channel with %d events unread: %w", n, err)
	}
	return nil
}

func (c *Chan) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run hands out events until Close.
func (c *Chan) run() {
	defer close(c.done)
	defer close(c.out)
	for {
		e, closed := c.head()
		if e == nil && closed {
			return
		}
		var out chan Event // nil: nothing to send, so wait
		var next Event
		if e != nil {
			out, next = c.out, *e
		}
		select {
		case out <- next:
			c.taken(e)
		case <-c.wake:
		case <-c.abort:
			return
		}
	}
}

// head returns the event to hand out next, nil for none.
func (c *Chan) head() (e *Event, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.ended) > 0:
		e = c.ended[0]
	case c.progress.Len() > 0:
		e = c.progress.Front().Value.(*Event)
	}
	return e, c.closed
}

// taken removes e, which has been received, unless another event has replaced it
// meanwhile.
func (c *Chan) taken(e *Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Status.Terminal() {
		c.ended[0] = nil
		c.ended = c.ended[1:]
		return
	}
	if el := c.byAsset[e.Asset]; el != nil && el.Value.(*Event) == e {
		c.drop(el)
	}
}

func (c *Chan) drop(el *list.Element) {
	if el != nil {
		delete(c.byAsset, el.Value.(*Event).Asset)
		c.progress.Remove(el)
	}
}
