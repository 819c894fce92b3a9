package sse

import (
	"cmp"
	"container/list"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// Hub takes events as a progress.Sink and streams them as an http.Handler. Its methods
// may be called concurrently. Events of an asset have to be reported in their order,
// which progress.Guard sees to.
//
// It keeps the newest state of every asset that has not ended, and of others for
// Options.Retain, at most 10,000 of those. It starts no goroutine: each stream runs in
// the one of its request.
type Hub struct {
	opts  Options
	epoch string        // tells this Hub's ids from another's
	done  chan struct{} // closed by Close

	mu      sync.Mutex
	closed  bool
	seq     uint64 // of the last version
	clients int
	states  map[string]*state
	idle    *list.List // of *state that may be dropped, the first to go in front
}

var (
	_ progress.Sink = (*Hub)(nil)
	_ http.Handler  = (*Hub)(nil)
)

// maxIdle is how many states that may be dropped are kept at most.
const maxIdle = 10_000

// state is what the Hub knows of one asset.
type state struct {
	asset    string
	current  *version // nil while unknown
	reported bool     // current comes from Report, not from Snapshot
	subs     map[*subscription]struct{}
	idle     *list.Element // in Hub.idle, nil where it isn't
	since    time.Time     // when it became idle
}

// subscription is one client's interest in one asset.
type subscription struct {
	client *client
	state  *state
	dirty  bool // state has a version that the client has not got
}

// client is one stream. Its fields are guarded by Hub.mu, except for wake.
type client struct {
	subs   []*subscription
	dirty  []*subscription
	urgent bool          // one of dirty is to be sent at once
	wake   chan struct{} // there is more to do
}

// NewHub returns a Hub that is open.
func NewHub(opts *Options) *Hub {
	var epoch [6]byte
	_, _ = rand.Read(epoch[:]) // never fails
	return &Hub{
		opts:   opts.withDefaults(),
		epoch:  hex.EncodeToString(epoch[:]),
		done:   make(chan struct{}),
		states: make(map[string]*state),
		idle:   list.New(),
	}
}

// Report makes e the state of its asset and wakes the streams that tell of it. It does
// no I/O, and nothing after Close.
func (h *Hub) Report(_ context.Context, e progress.Event) {
	if e.Asset == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	s := h.state(e.Asset)
	h.set(s, e)
	s.reported = true
	h.settle(s)
}

// Close ends all streams and answers new ones 503. It returns at once and may be
// called more than once; http.Server.Shutdown waits for the streams.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
}

// state returns the asset's state, a new one if need be. The caller holds h.mu, here and
// in the methods below.
func (h *Hub) state(asset string) *state {
	s := h.states[asset]
	if s == nil {
		s = &state{asset: asset, subs: make(map[*subscription]struct{})}
		h.states[asset] = s
	}
	return s
}

// set makes e the current version of s and wakes its clients.
func (h *Hub) set(s *state, e progress.Event) {
	urgent := s.current == nil || progress.Milestone(s.current.event, e)
	h.seq++
	s.current = newVersion(h.epoch, h.seq, e)
	for sub := range s.subs {
		sub.mark(urgent)
	}
}

// mark says that there is a version to send. It wakes the client only where it isn't
// going to look anyway.
func (sub *subscription) mark(urgent bool) {
	c := sub.client
	if sub.dirty && (c.urgent || !urgent) {
		return
	}
	if !sub.dirty {
		sub.dirty = true
		c.dirty = append(c.dirty, sub)
	}
	c.urgent = c.urgent || urgent
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// settle keeps s, drops it, or lets it be dropped later.
func (h *Hub) settle(s *state) {
	if s.idle != nil {
		h.idle.Remove(s.idle)
		s.idle = nil
	}
	now := time.Now()
	switch {
	case len(s.subs) > 0:
	case s.current == nil:
		delete(h.states, s.asset)
	case !s.reported || s.current.event.Status.Terminal():
		s.idle, s.since = h.idle.PushBack(s), now
	}
	for el := h.idle.Front(); el != nil; el = h.idle.Front() {
		old := el.Value.(*state)
		if h.idle.Len() <= maxIdle && now.Sub(old.since) < h.opts.Retain {
			break
		}
		h.idle.Remove(el)
		delete(h.states, old.asset)
	}
}

var (
	errClosed = errors.New("the hub is closed")
	errFull   = errors.New("the hub has as many clients as it may")
)

// subscribe returns a client of the assets, who has to leave.
func (h *Hub) subscribe(assets []string) (*client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	if h.opts.MaxClients >= 0 && h.clients >= h.opts.MaxClients {
		return nil, errFull
	}
	h.clients++
	c := &client{wake: make(chan struct{}, 1)}
	for _, asset := range assets {
		sub := &subscription{client: c, state: h.state(asset)}
		sub.state.subs[sub] = struct{}{}
		c.subs = append(c.subs, sub)
		h.settle(sub.state)
	}
	return c, nil
}

func (h *Hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients--
	for _, sub := range c.subs {
		delete(sub.state.subs, sub)
		h.settle(sub.state)
	}
}

// known says whether the state of sub's asset is the producer's own word.
func (h *Hub) known(sub *subscription) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return sub.state.reported
}

// learn takes e from a Snapshot, unless the producer has reported something meanwhile.
func (h *Hub) learn(sub *subscription, e progress.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.Asset = sub.state.asset
	if s := sub.state; !s.reported && (s.current == nil || !s.current.says(e)) {
		h.set(s, e)
	}
}

// unlearn takes it from a Snapshot that there is no such asset any more.
func (h *Hub) unlearn(sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !sub.state.reported {
		sub.state.current = nil
	}
}

// start prepares c for a client that has got everything up to the version seen: it
// keeps the states that are newer to be sent at once. It returns how many of c's
// assets are unknown, and whether nothing is newer and everything has ended.
func (h *Hub) start(c *client, seen uint64) (unknown int, over bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.dirty, c.urgent, over = nil, true, true
	for _, sub := range c.subs {
		v := sub.state.current
		sub.dirty = v != nil && (v.seq > seen || seen > h.seq)
		switch {
		case v == nil:
			unknown++
		case sub.dirty:
			c.dirty = append(c.dirty, sub)
		}
		if sub.dirty || v == nil || !v.event.Status.Terminal() {
			over = false
		}
	}
	return unknown, over
}

// take returns the versions to send to c now, the oldest first. Where progress is not
// due, it returns none unless one is urgent, and says whether some wait. All that is
// new goes together, so that the id of the last one stands for all.
func (h *Hub) take(c *client, due bool) (batch []*version, waiting, ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ended = h.opts.Linger > 0
	for i := 0; ended && i < len(c.subs); i++ {
		v := c.subs[i].state.current
		ended = v == nil || v.event.Status.Terminal()
	}
	if len(c.dirty) == 0 || !due && !c.urgent {
		return nil, len(c.dirty) > 0, ended
	}
	for _, sub := range c.dirty {
		sub.dirty = false
		if sub.state.current != nil {
			batch = append(batch, sub.state.current)
		}
	}
	c.dirty, c.urgent = c.dirty[:0], false
	slices.SortFunc(batch, func(a, b *version) int { return cmp.Compare(a.seq, b.seq) })
	return batch, false, ended
}
