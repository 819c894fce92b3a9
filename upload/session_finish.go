package upload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
)

// SessionParts returns what has come of an upload without a gap: its objects in order, from
// byte 0 on. Their ETags may be empty.
func (p *Pipeline) SessionParts(ctx context.Context, s Session) ([]encoder.Part, error) {
	parts, _, err := p.sessionParts(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("parts of upload %q: %w", s.ID, err)
	}
	return parts, nil
}

// TrimSession removes the session's objects that SessionParts leaves out, such as what came
// behind a gap, and returns the others. The caller sees to it that nobody writes parts at
// the same time.
func (p *Pipeline) TrimSession(ctx context.Context, s Session) ([]encoder.Part, error) {
	parts, keys, err := p.sessionParts(ctx, s)
	if err == nil && s.Finished.IsZero() && len(keys) > len(parts) {
		err = p.removeAll(ctx, slices.DeleteFunc(keys, func(key string) bool {
			return slices.ContainsFunc(parts, func(part encoder.Part) bool { return part.Key == key })
		}))
	}
	if err != nil {
		return nil, fmt.Errorf("trim upload %q: %w", s.ID, err)
	}
	return parts, nil
}

// sessionParts returns the parts, and the keys of all objects of the session.
func (p *Pipeline) sessionParts(ctx context.Context, s Session) (parts []encoder.Part, keys []string, err error) {
	var end int64
	for info, err := range p.store.List(ctx, s.partPrefix()) { // in the order of their offsets
		if err != nil {
			return nil, nil, err
		}
		keys = append(keys, info.Key)
		at, err := strconv.ParseInt(strings.TrimPrefix(info.Key, s.partPrefix()), 10, 64)
		if err == nil && at == end && info.Size > 0 {
			parts = append(parts, encoder.Part{Key: info.Key, Size: info.Size, ETag: info.ETag})
			end += info.Size
		}
	}
	return parts, keys, nil
}

// FinishSession makes an asset of the session's parts, or has them replace an asset's
// source, exactly once: called again, also in another process, it returns the asset. parts
// are objects whose keys begin as PartKey's do; nil stands for SessionParts.
//
// Errors match [ErrNotFound] where there is no such session, or the asset has been deleted
// since; [ErrIncomplete], [ErrEmpty] or [ErrTooLarge], after which the session goes on;
// others are the Store's or the Catalog's.
func (p *Pipeline) FinishSession(ctx context.Context, id string, parts []encoder.Part) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, fmt.Errorf("finish upload %q: %w", id, err)
	}
	defer end()
	free, err := p.sessions.await(ctx, id)
	if err != nil {
		return Asset{}, fmt.Errorf("finish upload %q: %w", id, err)
	}
	defer free()
	a, err := p.finishSession(ctx, id, parts)
	if err != nil {
		return Asset{}, fmt.Errorf("finish upload %q: %w", id, err)
	}
	return a, nil
}

func (p *Pipeline) finishSession(ctx context.Context, id string, parts []encoder.Part) (Asset, error) {
	s, err := p.session(ctx, id)
	if err != nil {
		return Asset{}, err
	}
	a, err := p.madeOf(ctx, s)
	if err == nil {
		p.sessionFinished(ctx, s)
		return p.current(a), nil
	}
	if !errors.Is(err, ErrNotFound) || !s.Finished.IsZero() {
		return Asset{}, err
	}
	if parts == nil {
		if parts, _, err = p.sessionParts(ctx, s); err != nil {
			return Asset{}, err
		}
	}
	if parts, err = p.pin(ctx, s, parts); err != nil {
		return Asset{}, err
	}
	if s.New.Size == 0 {
		if err := p.grantSize(ctx, s, sizeOf(parts)); err != nil {
			return Asset{}, err
		}
	}
	if s.Replace {
		s.New.since = s.Created
		a, err = p.replaceSource(ctx, s.Asset, parts, s.New)
	} else {
		a, err = p.register(ctx, s.New, parts, false)
	}
	if errors.Is(err, ErrExist) { // another process was faster
		a, err = p.madeOf(ctx, s)
	}
	if err != nil {
		return Asset{}, err
	}
	p.sessionFinished(ctx, s)
	return a, nil
}

// madeOf returns the asset whose source the session has brought, ErrNotFound where there is
// none.
func (p *Pipeline) madeOf(ctx context.Context, s Session) (Asset, error) {
	a, _, err := p.catalog.Get(ctx, s.Asset)
	if err != nil {
		return Asset{}, err
	}
	if !slices.ContainsFunc(a.Source.Parts, func(part encoder.Part) bool { return strings.HasPrefix(part.Key, s.partPrefix()) }) {
		if !s.Replace {
			return Asset{}, ErrExist
		}
		return Asset{}, ErrNotFound
	}
	return a, nil
}

// pin looks at each part: it is there, has its size, and gets its ETag.
func (p *Pipeline) pin(ctx context.Context, s Session, parts []encoder.Part) ([]encoder.Part, error) {
	pinned := make([]encoder.Part, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, part := range parts {
		g.Go(func() error {
			if !strings.HasPrefix(part.Key, s.partPrefix()) {
				return invalid("%q is not a part of this upload.", part.Key)
			}
			info, err := p.store.Stat(ctx, part.Key)
			switch {
			case errors.Is(err, storage.ErrNotExist):
				return fmt.Errorf("%w: %q is missing", ErrIncomplete, part.Key)
			case err != nil:
				return err
			case part.Size != 0 && info.Size != part.Size, part.ETag != "" && info.ETag != part.ETag:
				return fmt.Errorf("%w: %q is not what was sent", ErrIncomplete, part.Key)
			}
			pinned[i] = encoder.Part{Key: part.Key, Size: info.Size, ETag: info.ETag}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	size := sizeOf(pinned)
	switch {
	case size > p.opts.MaxSize:
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are accepted", ErrTooLarge, size, p.opts.MaxSize)
	case s.New.Size != 0 && size != s.New.Size:
		return nil, fmt.Errorf("%w: %d bytes came and %d were announced", ErrIncomplete, size, s.New.Size)
	case size == 0:
		return nil, ErrEmpty
	}
	return pinned, nil
}

// sessionFinished notes that the session is an asset. Where that fails the asset tells.
func (p *Pipeline) sessionFinished(ctx context.Context, s Session) {
	p.unhold(s.ID)
	if !s.Finished.IsZero() {
		return
	}
	s.Finished = now()
	if err := p.putSession(ctx, s); err != nil {
		p.log.Warn("An upload's end could not be noted; its asset is there.", "asset", s.Asset, "error", err)
	}
}
