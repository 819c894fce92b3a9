package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/storage"
)

// maxSession bounds what is read of a session's record, in bytes.
const maxSession = 1 << 20

// BeginSession admits an upload and records it. What can be refused before the first byte
// is refused here, with the errors of Create, and with [ErrNotFound] where the asset of
// SessionOptions.Replace is missing: what has begun is not refused for a full backlog when
// its last byte has come.
func (p *Pipeline) BeginSession(ctx context.Context, n NewAsset, opts *SessionOptions) (Session, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Session{}, fmt.Errorf("begin upload: %w", err)
	}
	defer end()
	var o SessionOptions
	if opts != nil {
		o = *opts
	}
	s, err := p.beginSession(ctx, n, o)
	if err != nil {
		return Session{}, fmt.Errorf("begin upload: %w", err)
	}
	return s, nil
}

func (p *Pipeline) beginSession(ctx context.Context, n NewAsset, o SessionOptions) (Session, error) {
	if o.Replace != "" {
		a, _, err := p.catalog.Get(ctx, o.Replace)
		if err != nil {
			return Session{}, err
		}
		n.ID, n.Tenant = "", a.Tenant
	}
	n, free, err := p.admit(ctx, n)
	if err != nil {
		return Session{}, err
	}
	defer free()
	if err := p.room(ctx, n.Size); err != nil {
		return Session{}, err
	}
	at := now()
	s := Session{
		Version: SessionVersion, ID: n.ID, Asset: n.ID, New: n, Token: ids.New(at),
		Protocol: o.Protocol, State: o.State, AutoFinish: o.AutoFinish, Created: at, Saved: at,
	}
	if o.Replace != "" { // the sweep knows a part's session by its asset or its token
		s.Asset, s.Replace, s.Token = o.Replace, true, n.ID
	}
	if err := p.putSession(ctx, s); err != nil {
		p.discard(ctx, sessionKey(s.ID))
		return Session{}, err
	}
	p.hold(s)
	return s, nil
}

// Session returns the session. A missing or abandoned one gives [ErrNotFound].
func (p *Pipeline) Session(ctx context.Context, id string) (Session, error) {
	s, err := p.session(ctx, id)
	if err != nil {
		return Session{}, fmt.Errorf("upload %q: %w", id, err)
	}
	return s, nil
}

// SaveSession records the State of s, and New.Size where that was not known before. The
// caller sees to it that nobody else does so at the same time. A session that is finished
// gives [ErrEnded].
func (p *Pipeline) SaveSession(ctx context.Context, s Session) (Session, error) {
	saved, err := p.saveSession(ctx, s)
	if err != nil {
		return Session{}, fmt.Errorf("save upload %q: %w", s.ID, err)
	}
	return saved, nil
}

func (p *Pipeline) saveSession(ctx context.Context, s Session) (Session, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Session{}, err
	}
	defer end()
	free, err := p.sessions.await(ctx, s.ID)
	if err != nil {
		return Session{}, err
	}
	defer free()
	is, err := p.session(ctx, s.ID)
	if err != nil {
		return Session{}, err
	}
	if !is.Finished.IsZero() {
		return Session{}, ErrEnded
	}
	size := s.New.Size
	switch {
	case size == is.New.Size:
	case is.New.Size != 0 || size < 0:
		return Session{}, invalid("How many bytes there are has been said already.")
	case size > p.opts.MaxSize:
		return Session{}, fmt.Errorf("%w: it has %d bytes, at most %d are accepted", ErrTooLarge, size, p.opts.MaxSize)
	}
	if err := p.grantSize(ctx, is, size); err != nil {
		return Session{}, err
	}
	is.State, is.New.Size, is.Saved = s.State, size, now()
	return is, p.putSession(ctx, is)
}

// session reads a record.
func (p *Pipeline) session(ctx context.Context, id string) (Session, error) {
	if ValidID(id) != nil {
		return Session{}, ErrNotFound
	}
	obj, err := p.store.Open(ctx, sessionKey(id), nil)
	if errors.Is(err, storage.ErrNotExist) {
		return Session{}, ErrNotFound
	}
	if err != nil {
		return Session{}, err
	}
	defer func() { _ = obj.Close() }()
	data, err := io.ReadAll(io.LimitReader(obj, maxSession))
	if err != nil {
		return Session{}, err
	}
	s, err := decodeSession(data)
	s.Saved = obj.ModTime
	return s, err
}

func (p *Pipeline) putSession(ctx context.Context, s Session) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = p.store.Put(ctx, sessionKey(s.ID), bytes.NewReader(data), &storage.PutOptions{Size: int64(len(data))})
	return err
}

// inSession says whether an upload has begun that becomes, or became, the asset with the id.
func (p *Pipeline) inSession(ctx context.Context, id string) (bool, error) {
	_, err := p.store.Stat(ctx, sessionKey(id))
	if errors.Is(err, storage.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
