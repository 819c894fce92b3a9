package upload

import (
	"context"
	"fmt"
)

// RestoreSource gives up a source that Replace has brought, and goes back to that of the published
// video: a new attempt over it begins, the other one's is cancelled where it has not ended,
// and the other source is removed. So a replacement that turns out to be broken, or the
// wrong one, costs nothing. The name stays as it is.
//
// It fails with ErrNotFound where there is no such asset, and with ErrNotReplaced where
// there is nothing to go back to (Asset.Replaced), as once the new source has been encoded.
func (p *Pipeline) RestoreSource(ctx context.Context, id string) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, fmt.Errorf("restore the source of asset %q: %w", id, err)
	}
	defer end()
	a, err := p.exchangeSource(ctx, id, (*Asset).restoreSource)
	if err != nil {
		return Asset{}, fmt.Errorf("restore the source of asset %q: %w", id, err)
	}
	return a, nil
}

// restoreSource puts back the source that was replaced, and returns the keys of the other.
func (a *Asset) restoreSource() (old []string, err error) {
	is := a.Replaced
	switch {
	case is == nil:
		return nil, ErrNotReplaced
	case a.busy():
		return nil, ErrBusy
	}
	old = keysWithout(a.Source.Parts, is.Source.Parts) // it came with Replace, so it is not the host's
	a.Source, a.External, a.ContentType, a.Replaced = is.Source, is.External, is.ContentType, nil
	return old, nil
}
