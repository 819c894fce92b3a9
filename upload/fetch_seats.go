package upload

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// seats bound how many assets are fetched at once, and know which were put off for want
// of one.
type seats struct {
	mu     sync.Mutex
	free   int
	putOff []string // ids, the one that waits longest in front
}

// take takes a seat, or notes that the asset waits for one.
func (s *seats) take(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(s.putOff, id)
	switch {
	case s.free > 0:
		if s.free--; at >= 0 {
			s.putOff = slices.Delete(s.putOff, at, at+1)
		}
		return true
	case at < 0:
		s.putOff = append(s.putOff, id)
	}
	return false
}

func (s *seats) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
}

// next returns who is to be woken, "" for nobody.
func (s *seats) next() (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free > 0 && len(s.putOff) > 0 {
		id = s.putOff[0]
		s.putOff = s.putOff[1:]
	}
	return id
}

// lookAgain is after how long an asset looks for a seat by itself.
const lookAgain = time.Minute

// seat takes a seat for the fetch of a claimed asset. Where there is none the asset is
// let go, and claimed again when one is free.
func (p *Pipeline) seat(ctx context.Context, a Asset, rev Revision) (leave func(), ok bool) {
	if p.fetcher == nil || a.Fetch == nil {
		return func() {}, true // what is wrong with that is for the run to say
	}
	if p.fetcher.seats.take(a.ID) {
		return sync.OnceFunc(func() {
			p.fetcher.seats.leave()
			p.wakeNext(ctx)
		}), true
	}
	h := p.newHolder(a, rev)
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	p.queue.add(a)
	err := h.update(ctx, func(a *Asset) {
		a.Owner, a.Lease, a.Due = "", time.Time{}, now().Add(lookAgain)
	})
	if err != nil {
		p.queue.remove(a.ID, a.Attempt)
		if !ends(err) {
			p.log.Warn("An import could not be put off; its lease has to end.", "asset", a.ID, "error", err)
		}
		return nil, false
	}
	p.wakeNext(ctx) // a seat may have come free meanwhile
	return nil, false
}

// wakeNext lets the asset that was put off first be claimed, where there is a seat.
func (p *Pipeline) wakeNext(ctx context.Context) {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	for id := p.fetcher.seats.next(); id != ""; id = p.fetcher.seats.next() {
		if p.wake(ctx, id) {
			return
		}
	}
}

func (p *Pipeline) wake(ctx context.Context, id string) bool {
	_, err := p.edit(ctx, id, func(a *Asset) error {
		if a.Owner != "" || a.Status != progress.Ready || a.Fetch == nil {
			return errLost
		}
		a.Due = time.Time{}
		return nil
	})
	return err == nil
}
