package upload

import (
	"context"
	"errors"
	"maps"
	"sync"
)

// holds are the bytes that sessions have announced: they are under way from request to
// request. A process knows of the sessions that it has begun or has found when it started;
// another may have ended them. The zero value is ready.
type holds struct {
	mu   sync.Mutex
	byID map[string]hold
}

type hold struct {
	tenant string
	bytes  int64
}

// set notes what a session has announced and returns what was noted before.
func (h *holds) set(id string, now hold) (was hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byID == nil {
		h.byID = map[string]hold{}
	}
	was = h.byID[id]
	if h.byID[id] = now; now == (hold{}) {
		delete(h.byID, id)
	}
	return was
}

// of returns the ids of the tenant's sessions.
func (h *holds) of(tenant string) (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, is := range maps.All(h.byID) {
		if is.tenant == tenant {
			ids = append(ids, id)
		}
	}
	return ids
}

// hold counts what a session has announced as under way, until release.
func (p *Pipeline) hold(s Session) {
	if p.opts.Quota == nil || !s.Finished.IsZero() {
		return
	}
	p.grants.add(s.New.Tenant, s.New.Size)
	p.release(p.holds.set(s.ID, hold{s.New.Tenant, s.New.Size}))
}

// unhold is for a session that has ended.
func (p *Pipeline) unhold(id string) { p.release(p.holds.set(id, hold{})) }

func (p *Pipeline) release(was hold) { p.grants.add(was.tenant, -was.bytes) }

// holdAll takes note of the sessions that are there.
func (p *Pipeline) holdAll(ctx context.Context) {
	if p.opts.Quota == nil {
		return
	}
	ids, err := p.sessionIDs(ctx)
	if err != nil {
		p.log.Warn("Uploads under way could not be listed: they do not count for quotas.", "error", err)
	}
	for _, id := range ids {
		p.lookAgain(ctx, id)
	}
}

// lookAgain brings what is noted of a session up to date.
func (p *Pipeline) lookAgain(ctx context.Context, id string) {
	free, ok := p.sessions.try(id) // or it might end between the look and the note
	if !ok {
		return // whoever is at it, and perhaps waits for this, keeps the note
	}
	defer free()
	switch s, err := p.session(ctx, id); {
	case errors.Is(err, ErrNotFound), err == nil && !s.Finished.IsZero():
		p.unhold(id)
	case err == nil:
		p.hold(s)
	}
}

// grantSize asks for what a session announces now, or has brought without a word. What it
// announced before is part of it.
func (p *Pipeline) grantSize(ctx context.Context, s Session, size int64) error {
	if p.opts.Quota == nil || size == s.New.Size {
		return nil
	}
	_, release, err := p.grant(ctx, s.New.Tenant, size)
	if err != nil {
		return err
	}
	s.New.Size = size
	p.hold(s)
	release()
	return nil
}
