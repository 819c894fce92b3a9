package upload

import (
	"context"
	"errors"
	"time"
)

// Bounds of how often expired sessions are looked for.
const (
	leastExpiryLook = time.Second
	mostExpiryLook  = time.Hour
)

// expireSessions abandons expired sessions, and finishes those that are whole, until ctx ends.
func (p *Pipeline) expireSessions(ctx context.Context) {
	tick := time.NewTicker(min(max(p.opts.SessionExpiry/24, leastExpiryLook), mostExpiryLook))
	defer tick.Stop()
	_ = p.survive("count uploads", func() { p.holdAll(ctx) })
	for {
		if panicked := p.survive("expire uploads", func() { p.lookAfterSessions(ctx) }); panicked != nil {
			p.log.Error("Expired uploads could not be looked for.", "error", panicked)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *Pipeline) lookAfterSessions(ctx context.Context) {
	ids, err := p.sessionIDs(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.log.Warn("Expired uploads could not be looked for; trying again later.", "error", err)
		}
		return
	}
	for _, id := range ids {
		if err := p.lookAfter(ctx, id); err != nil && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
			p.log.Warn("An upload that has ended or expired could not be concluded; trying again later.", "asset", id, "error", err)
		}
	}
}

// sessionIDs returns the ids of all sessions, those that were listed before an error with
// that: whoever removes looks first.
func (p *Pipeline) sessionIDs(ctx context.Context) (ids []string, err error) {
	for info, err := range p.store.List(ctx, sessionsPrefix) {
		if err != nil {
			return ids, err
		}
		if id, ok := sessionOf(info.Key); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// lookAfter finishes a session that is whole, and abandons one that has expired.
func (p *Pipeline) lookAfter(ctx context.Context, id string) error {
	s, err := p.session(ctx, id)
	if err != nil {
		return err
	}
	if s.Finished.IsZero() && s.AutoFinish && s.New.Size > 0 {
		parts, _, err := p.sessionParts(ctx, s)
		if err != nil {
			return err
		}
		if sizeOf(parts) == s.New.Size {
			_, err := p.FinishSession(ctx, id, parts)
			if !lasting(err) {
				return err
			}
			p.log.Warn("An upload is whole and cannot be accepted; it will expire.", "asset", id, "error", err)
		}
	}
	if !p.expired(s.Saved) {
		return nil
	}
	return p.abandonSession(ctx, id, true)
}

// lasting says whether a session that could not be finished never can be.
func lasting(err error) bool {
	for _, is := range []error{ErrInvalid, ErrType, ErrTooLarge, ErrEmpty, ErrExist, ErrNotFound} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

func (p *Pipeline) expired(last time.Time) bool { return now().Sub(last) > p.opts.SessionExpiry }
