package progress

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

// GuardOptions configure a Guard.
type GuardOptions struct {
	// Remember is how many assets that have ended are remembered, so that nothing gets
	// through behind their terminal event. The ones that ended first are forgotten first.
	// Defaults to 10,000, about 3 MB.
	Remember int
}

// Guard is the Sink that a producer reports through: it hands events on to another
// one and holds them to what Event promises, whatever the producer's goroutines do.
// Within one attempt
//
//   - Fraction, Position and Front never go back; none is NaN or negative, and
//     Fraction is 1 only when COMPLETE, where it always is;
//   - Tenant and Duration, once known, stay, and so does Playlist until the terminal
//     event;
//   - exactly one terminal event gets through, and nothing after it. Stage, ETA and
//     Queue are empty there, and Error is set only with ERROR.
//
// Another Attempt starts from 0. Where the one before it has not ended, the guard
// first ends it, with ERROR and [CodeCancelled]; what still comes of it is dropped. An
// event without an Attempt belongs to the attempt that is under way, and where none is,
// only READY starts one. Events without a Time get the present one, events without an
// Asset or a Status are dropped.
//
// Report may be called concurrently, for one asset too, and from inside the other
// sink: events of one asset leave in the order in which they were let through, one
// at a time. Where another goroutine is handing one on, it hands on this one too, and
// Report returns before.
//
// A Guard keeps about 300 bytes for each asset that has not ended, and what Remember
// says of those that have. It starts no goroutine and needs no Close.
type Guard struct {
	sink     Sink
	remember int

	mu     sync.Mutex
	assets map[string]*guarded
	ended  *list.List // of *guarded, the one that ended first in front
}

var _ Sink = (*Guard)(nil)

// guarded is what a Guard knows of an asset.
type guarded struct {
	asset string
	last  Event         // the last event let through; only its Attempt once ended
	ended *list.Element // not nil once ended
	past  []string      // attempts before this one, the newest at the end

	out     []Event // let through, to be handed on
	sending bool    // a goroutine is handing on out
}

// maxPast is how many former attempts of an asset are told from new ones.
const maxPast = 4

// NewGuard returns a Guard in front of sink.
func NewGuard(sink Sink, opts *GuardOptions) *Guard {
	g := &Guard{sink: sink, remember: 10_000, assets: make(map[string]*guarded), ended: list.New()}
	if opts != nil && opts.Remember > 0 {
		g.remember = opts.Remember
	}
	return g
}

// Report hands e on as far as it is let through.
func (g *Guard) Report(ctx context.Context, e Event) {
	if e.Asset == "" || e.Status == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.assets[e.Asset]
	if a == nil {
		a = &guarded{asset: e.Asset}
		g.assets[e.Asset] = a
	}
	g.admit(a, e)
	g.send(ctx, a)
}

// Last returns the last event of the asset that was let through, and whether there is
// one in an attempt that has not ended.
func (g *Guard) Last(asset string) (Event, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.assets[asset]
	if a == nil || a.ended != nil {
		return Event{}, false
	}
	return a.last, true
}

// Forget drops what the guard knows of the asset, as if it had never been reported.
func (g *Guard) Forget(asset string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.assets[asset]; a != nil {
		g.forget(a)
	}
}

func (g *Guard) forget(a *guarded) {
	if a.ended != nil {
		g.ended.Remove(a.ended)
	}
	delete(g.assets, a.asset)
}

// admit puts into a.out what e lets through.
func (g *Guard) admit(a *guarded, e Event) {
	e = e.clean()
	if e.Time.IsZero() {
		e.Time = time.Now().UTC().Round(0)
	}
	live := a.ended == nil && a.last.Status != ""
	if e.Attempt == "" && live {
		e.Attempt = a.last.Attempt
	}
	switch {
	case a.last.Status == "": // the first event
	case slices.Contains(a.past, e.Attempt):
		return
	case e.Attempt == a.last.Attempt || e.Attempt == "":
		if !live && (e.Attempt != "" || e.Status != Ready) {
			return // behind the terminal event
		}
		if !live {
			g.next(a, e)
		}
	case live && a.last.Attempt == "": // the attempt has got its name
	default:
		g.next(a, e)
	}
	a.out = append(a.out, g.hold(a, e))
}

// next makes e's attempt the current one.
func (g *Guard) next(a *guarded, e Event) {
	if a.ended != nil {
		g.ended.Remove(a.ended)
		a.ended = nil
	} else {
		end := a.last
		end.Status, end.Time = Error, e.Time
		end.Error = &Failure{Code: CodeCancelled, Message: "A newer attempt has taken the place of this one."}
		a.out = append(a.out, terminal(end))
	}
	if a.last.Attempt != "" {
		a.past = append(a.past, a.last.Attempt)
		a.past = a.past[max(0, len(a.past)-maxPast):]
	}
	a.last = Event{}
}

// hold brings e to what may follow a.last, and remembers it.
func (g *Guard) hold(a *guarded, e Event) Event {
	e.Fraction = max(e.Fraction, a.last.Fraction)
	e.Position = max(e.Position, a.last.Position)
	e.Front = max(e.Front, a.last.Front)
	if e.Duration == 0 {
		e.Duration = a.last.Duration
	}
	if e.Tenant == "" {
		e.Tenant = a.last.Tenant
	}
	if e.Status != Complete {
		e.Fraction = min(e.Fraction, almost)
	}
	if !e.Status.Terminal() {
		e.Error = nil
		if e.Playlist == "" {
			e.Playlist = a.last.Playlist
		}
		a.last = e
		return e
	}
	a.last = Event{Attempt: e.Attempt, Status: e.Status}
	a.ended = g.ended.PushBack(a)
	for g.ended.Len() > g.remember {
		g.forget(g.ended.Front().Value.(*guarded))
	}
	return terminal(e)
}

// almost is the greatest fraction of an attempt that is not COMPLETE: what a page
// rounds to a whole per cent stays under 100.
const almost = 0.99

// terminal returns e as the last event of its attempt.
func terminal(e Event) Event {
	e.Stage, e.ETA, e.Queue = "", 0, 0
	if e.Status == Complete {
		e.Fraction, e.Error = 1, nil
	}
	return e
}

// send hands on what is in a.out, outside the lock, unless another goroutine does so
// already. The caller holds g.mu, and holds it again afterwards.
func (g *Guard) send(ctx context.Context, a *guarded) {
	if a.sending {
		return
	}
	a.sending = true
	defer func() { a.sending = false }() // when the sink panics too
	for len(a.out) > 0 {
		e := a.out[0]
		a.out = a.out[1:]
		g.handOn(ctx, e)
	}
	a.out = nil
}

func (g *Guard) handOn(ctx context.Context, e Event) {
	g.mu.Unlock()
	defer g.mu.Lock()
	g.sink.Report(ctx, e)
}
