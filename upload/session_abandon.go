package upload

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// AbandonSession ends an upload and removes what has come of it; an asset that it has
// become stays. A missing one gives [ErrNotFound].
func (p *Pipeline) AbandonSession(ctx context.Context, id string) error {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return fmt.Errorf("abandon upload %q: %w", id, err)
	}
	defer end()
	if err := p.abandonSession(ctx, id, false); err != nil {
		return fmt.Errorf("abandon upload %q: %w", id, err)
	}
	return nil
}

// abandonSession removes a session, or only where nothing has come of it for too long.
func (p *Pipeline) abandonSession(ctx context.Context, id string, onlyExpired bool) error {
	free, err := p.sessions.await(ctx, id)
	if err != nil {
		return err
	}
	defer free()
	s, err := p.session(ctx, id)
	if err != nil {
		return err
	}
	if onlyExpired {
		if last, err := p.lastByte(ctx, s); err != nil || !p.expired(last) {
			return err
		}
	}
	if s.Finished.IsZero() {
		if err := p.removeParts(ctx, s); err != nil {
			return err
		}
	}
	if err := p.store.Delete(ctx, sessionKey(id)); err != nil {
		return err
	}
	p.unhold(id)
	return nil
}

// removeParts removes what has come of an upload, unless an asset is made of it.
func (p *Pipeline) removeParts(ctx context.Context, s Session) error {
	_, err := p.madeOf(ctx, s)
	if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrExist) {
		return err
	}
	if err := p.abortPresigned(ctx, s); err != nil {
		return err
	}
	_, keys, err := p.sessionParts(ctx, s)
	if err != nil {
		return err
	}
	return p.removeAll(ctx, keys)
}

// SessionExpires returns when an upload is abandoned that brings nothing more.
func (p *Pipeline) SessionExpires(ctx context.Context, s Session) (time.Time, error) {
	last, err := p.lastByte(ctx, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("upload %q: %w", s.ID, err)
	}
	return last.Add(p.opts.SessionExpiry), nil
}

// lastByte returns when the session last changed.
func (p *Pipeline) lastByte(ctx context.Context, s Session) (time.Time, error) {
	last, err := p.lastPart(ctx, s)
	if err != nil {
		return last, err
	}
	if s.Saved.After(last) {
		last = s.Saved
	}
	for info, err := range p.store.List(ctx, s.partPrefix()) {
		if err != nil {
			return last, err
		}
		if info.ModTime.After(last) {
			last = info.ModTime
		}
	}
	return last, nil
}
