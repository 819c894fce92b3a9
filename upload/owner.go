package upload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// ownership is the right to write a StoreCatalog. Each time of owning is a numbered
// term with a record in the Store, and the last term's owner is the catalog's. Terms are
// made with IfNotExist, so of several processes that start at once only one is given the
// next, and a term that has been succeeded stays so whatever its owner does later.
//
// The owner renews its record; whoever comes judges by the beat alone, so clocks need
// not agree. An owner that has not renewed for a while doubts itself before others may
// take it for dead: it writes nothing until it has renewed, or has found its successor.
type ownership struct {
	store  storage.Store
	prefix string // of the records' keys
	every  time.Duration
	log    *slog.Logger

	mu   sync.Mutex
	term *term // nil while the ownership is not held
}

// term is one time of owning, from acquire to release.
type term struct {
	number   int64
	standing int64 // the last term whose owner may only stand still, 0 for none
	stop     context.CancelFunc
	done     chan struct{} // closed when the heartbeat has ended
	ended    chan struct{} // closed when the ownership is lost or released
	renewing chan struct{} // holds one entry while somebody renews; guards rec
	rec      ownerRecord

	lost    bool      // under ownership.mu
	settled bool      // under ownership.mu: what an earlier owner may still write is overruled
	renewed time.Time // under ownership.mu: before the last renewal that went well
}

const (
	// missedBeats is how many beats an owner may miss before it is taken for dead.
	missedBeats = 3
	// doubtBeats is after how many an owner no longer trusts that it is one. What it had
	// begun to write has one more to arrive.
	doubtBeats = missedBeats - 1
	// slowestBeat is the longest interval between beats.
	slowestBeat = time.Minute
)

func newOwnership(store storage.Store, prefix string, every time.Duration, log *slog.Logger) *ownership {
	return &ownership{store: store, prefix: prefix, every: min(every, slowestBeat), log: log}
}

// acquire takes the ownership and begins the heartbeat. standing says that an earlier
// owner may only stand still, and finish a write when it wakes.
func (o *ownership) acquire(ctx context.Context) (standing bool, err error) {
	o.mu.Lock()
	held := o.term != nil && !o.term.lost
	o.mu.Unlock()
	if held {
		return false, fmt.Errorf("%w: it has been started already", ErrOwned)
	}
	before, err := o.awaitVacancy(ctx)
	if err != nil {
		return false, err
	}
	begun := time.Now()
	rec := newOwnerRecord(before.term+1, o.every)
	rec.Standing = before.Standing
	if !before.over() {
		rec.Standing = before.term
	}
	if err := o.put(ctx, rec, true); errors.Is(err, storage.ErrExist) {
		if now, err := o.get(ctx, rec.term); err == nil {
			return false, now.refusal()
		}
		return false, fmt.Errorf("%w: it has just taken it", ErrOwned)
	} else if err != nil {
		return false, err
	}
	if err := o.confirm(ctx, rec); err != nil {
		return false, err
	}
	beatCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	t := &term{number: rec.term, standing: rec.Standing, stop: stop, done: make(chan struct{}), ended: make(chan struct{}), renewing: make(chan struct{}, 1),
		rec: rec, renewed: begun}
	o.mu.Lock()
	o.term = t
	o.mu.Unlock()
	go o.beat(beatCtx, t)
	return before.term != 0 && !(before.Settled && before.over()), nil
}

// settle says that nothing is left of what an earlier owner may still write: who comes
// behind this one need not care. The next beat records it.
func (o *ownership) settle() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.term != nil {
		o.term.settled = true
	}
}

// number returns the number of the term, 0 where there is none.
func (o *ownership) number() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.term == nil {
		return 0
	}
	return o.term.number
}

// awaitVacancy returns the last term once nobody owns the catalog: at once where its
// owner has released it or surely is dead, else when its beat has stood still for long
// enough.
func (o *ownership) awaitVacancy(ctx context.Context) (ownerRecord, error) {
	first, err := o.last(ctx)
	if err != nil || first.vacant() {
		return first, err
	}
	if first.dead() {
		o.log.Warn("The process that owned the catalog has died.", "pid", first.PID, "since", first.Since)
		return first, nil
	}
	interval := max(o.every, min(time.Duration(first.Interval*float64(time.Second)), slowestBeat))
	deadline := time.Now().Add(missedBeats * interval)
	o.log.Warn("The catalog has an owner; waiting whether it lives.", "host", first.Host, "pid", first.PID, "since", first.Since)
	for time.Now().Before(deadline) {
		select {
		case <-ctx.Done():
			return first, fmt.Errorf("%w (waited for the owner before)", ctx.Err())
		case <-time.After(interval / 4):
		}
		now, err := o.last(ctx)
		switch {
		case err != nil || now.vacant():
			return now, err
		case !now.is(first) || now.Beat != first.Beat:
			return now, now.refusal()
		}
	}
	return first, nil
}

// confirm finds out whether rec, which has just been put, is the last term: the one
// before may have been succeeded meanwhile by another that has ended too, and where
// IfNotExist is weak somebody else may have put the same term. It removes the records of
// the terms before.
func (o *ownership) confirm(ctx context.Context, rec ownerRecord) error {
	now, err := o.last(ctx)
	if err == nil && !now.is(rec) {
		err = now.refusal()
	}
	if err != nil {
		if now.term != rec.term {
			_ = o.store.Delete(context.WithoutCancel(ctx), o.key(rec.term)) // nobody has relied on it
		}
		return err
	}
	terms, err := o.terms(ctx)
	for _, n := range terms {
		if n < rec.term && err == nil {
			err = o.store.Delete(ctx, o.key(n))
		}
	}
	if err != nil {
		o.log.Warn("The records of the catalog's owners before could not be removed.", "error", err)
	}
	return nil
}

// beat renews the term until ctx ends or it is lost.
func (o *ownership) beat(ctx context.Context, t *term) {
	defer close(t.done)
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.ended:
			return
		case <-tick.C:
		}
		if err := o.renewSafely(ctx, t); err != nil && ctx.Err() == nil && !errors.Is(err, ErrOwned) {
			o.log.Warn("The catalog's heartbeat failed.", "error", err)
		}
	}
}

// renewSafely is renew, and outlives a Store that panics: nobody else would.
func (o *ownership) renewSafely(ctx context.Context, t *term) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("renew the ownership of the catalog: %w: %v", errPanic, v)
		}
	}()
	return o.renew(ctx, t)
}

// renew makes sure that t is the last term, and shows that its owner lives.
func (o *ownership) renew(ctx context.Context, t *term) error {
	select {
	case t.renewing <- struct{}{}:
		defer func() { <-t.renewing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, missedBeats*o.every)
	defer cancel()
	begun := time.Now()
	now, err := o.present(ctx, t)
	if err != nil {
		return fmt.Errorf("renew the ownership of the catalog: %w", err)
	}
	if now.term != 0 && !now.is(t.rec) {
		if o.end(t, true) {
			o.log.Error("Another process has taken the catalog; this one stops writing.", "host", now.Host, "pid", now.PID)
		}
		return fmt.Errorf("%w: it has taken over", ErrOwned)
	}
	o.mu.Lock()
	t.rec.Settled = t.settled
	o.mu.Unlock()
	t.rec.Beat++
	if err := o.put(ctx, t.rec, now.term == 0); err != nil {
		return fmt.Errorf("renew the ownership of the catalog: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	t.renewed = begun
	return nil
}

// standing returns the last term before this one whose owner may only stand still, 0
// where there is none.
func (o *ownership) standing() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.term == nil {
		return 0
	}
	return o.term.standing
}

// present returns the record of the last term, as far as t needs to know it: a beat
// should not cost a list. A successor's record comes before t's goes, so it is looked
// for first.
func (o *ownership) present(ctx context.Context, t *term) (ownerRecord, error) {
	next, err := o.get(ctx, t.number+1)
	if !errors.Is(err, storage.ErrNotExist) {
		return next, err
	}
	own, err := o.get(ctx, t.number)
	if !errors.Is(err, storage.ErrNotExist) {
		return own, err
	}
	return o.last(ctx) // there have been several, or somebody has tidied too much
}

// end marks the term as over, and says whether it was not yet.
func (o *ownership) end(t *term, lost bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-t.ended:
		return false
	default:
	}
	t.lost = lost
	close(t.ended)
	return true
}

// release ends the heartbeat and says in the record that the term is over, where it is
// still the last.
func (o *ownership) release(ctx context.Context) {
	o.mu.Lock()
	t := o.term
	o.term = nil
	o.mu.Unlock()
	if t == nil {
		return
	}
	o.end(t, false)
	t.stop()
	<-t.done
	select {
	case t.renewing <- struct{}{}: // behind a write that renews
	case <-ctx.Done():
		return
	}
	now, err := o.last(ctx)
	if err == nil && now.is(t.rec) {
		now.Released = true
		o.mu.Lock()
		now.Settled = t.settled
		o.mu.Unlock()
		err = o.put(ctx, now, false)
	}
	if err != nil {
		o.log.Warn("The catalog's ownership could not be released; the next process has to wait.", "error", err)
	}
}

// held says, without looking into the Store, whether the ownership is held.
func (o *ownership) held() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.term != nil && !o.term.lost
}

// check returns nil while the ownership is held. Where it is in doubt, because the
// process was frozen or the Store did not answer, check renews it first.
func (o *ownership) check(ctx context.Context) error {
	o.mu.Lock()
	t := o.term
	switch {
	case t == nil:
		o.mu.Unlock()
		return fmt.Errorf("catalog is %w", ErrClosed)
	case t.lost:
		o.mu.Unlock()
		return fmt.Errorf("%w: it has taken over", ErrOwned)
	}
	sure := o.recent(t)
	o.mu.Unlock()
	if sure {
		return nil
	}
	return o.renew(ctx, t)
}

// sure says, without looking into the Store, whether the ownership is held beyond doubt.
func (o *ownership) sure() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.term != nil && !o.term.lost && o.recent(o.term)
}

// recent says whether t was renewed so recently that nobody can have succeeded it. Some
// clocks stand still while the machine sleeps: both must say so.
func (o *ownership) recent(t *term) bool {
	now, most := time.Now(), doubtBeats*o.every
	return now.Sub(t.renewed) < most && now.Round(0).Sub(t.renewed.Round(0)) < most
}

// ended returns a channel that is closed when the ownership ends.
func (o *ownership) ended() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.term == nil {
		c := make(chan struct{})
		close(c)
		return c
	}
	return o.term.ended
}
