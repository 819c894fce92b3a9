package upload

import (
	"context"
	"errors"
	"fmt"
	"maps"
)

// Edit is what Pipeline.Update may change of an asset.
type Edit struct {
	// Name is for people, as NewAsset.Name.
	Name string
	// Metadata is bounded as NewAsset.Metadata. It may be changed in place, unless it is nil.
	Metadata map[string]string
	// Priority orders what waits. What runs already goes on as it is.
	Priority int
}

// Update calls change with what the asset says now and records what change makes of it.
// Where others write the record meanwhile, as a run does, change is called again. An error
// from change is returned as it is, wrapped; then, and where nothing has changed, nothing is
// written. What cannot be accepted gives [ErrInvalid], a missing asset, or one that is being
// deleted, [ErrNotFound].
func (p *Pipeline) Update(ctx context.Context, id string, change func(*Edit) error) (Asset, error) {
	return p.update(ctx, id, func(_ Asset, e *Edit) error { return change(e) })
}

// update is Update for who wants to see the whole record.
func (p *Pipeline) update(ctx context.Context, id string, change func(Asset, *Edit) error) (Asset, error) {
	a, err := p.edited(ctx, id, change)
	if err != nil {
		return Asset{}, fmt.Errorf("update asset %q: %w", id, err)
	}
	return p.current(a), nil
}

// errUnchanged says that a record is not to be written.
var errUnchanged = errors.New("nothing has changed")

func (p *Pipeline) edited(ctx context.Context, id string, change func(Asset, *Edit) error) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, err
	}
	defer end()
	a, err := p.rewrite(ctx, id, func(a *Asset) error {
		if a.Intent == IntentDelete {
			return ErrNotFound
		}
		e := Edit{Name: a.Name, Metadata: maps.Clone(a.Metadata), Priority: a.Priority}
		if err := change(a.clone(), &e); err != nil {
			return err
		}
		n, err := NewAsset{ID: a.ID, Name: e.Name, Metadata: e.Metadata, Priority: e.Priority}.clean()
		switch {
		case err != nil:
			return err
		case n.Name == a.Name && n.Priority == a.Priority && maps.Equal(n.Metadata, a.Metadata):
			return errUnchanged
		}
		if len(n.Metadata) == 0 {
			n.Metadata = nil
		}
		a.Name, a.Metadata, a.Priority, a.Edited = n.Name, n.Metadata, n.Priority, now()
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return a, nil
	}
	if err == nil {
		p.queue.reprioritize(a)
	}
	return a, err
}
