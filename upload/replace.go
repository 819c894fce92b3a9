package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/ids"
)

// NewSource describes what replaces the source of an asset. All fields are optional.
type NewSource struct {
	// Name is for people, as NewAsset.Name. Defaults to "", the asset keeps its own.
	Name string
	// ContentType is what the uploader says the bytes are.
	ContentType string
	// Size is how many bytes there will be, where that is known. Defaults to 0, unknown.
	Size int64
}

// Replace keeps what r yields as the new source of the asset and begins a new attempt over
// it. What is published can be played until that attempt is complete, and its source stays
// as long (Asset.Replaced): RestoreSource goes back to it. First the bytes are stored, under the
// same terms as those of Create, then an attempt that has not ended is cancelled. A source
// of which nothing is published is removed, unless it is the host's (Asset.External). Where
// Replace fails before the bytes are there, nothing has changed; where it fails behind that,
// the old attempt may be cancelled.
//
// Errors are those of Create; ErrNotFound where there is no such asset, or none any more,
// and ErrBusy while another Replace of it is under way.
func (p *Pipeline) Replace(ctx context.Context, id string, n NewSource, r io.Reader) (Asset, error) {
	a, err := p.replace(ctx, id, n, r)
	if err != nil {
		return Asset{}, fmt.Errorf("replace the source of asset %q: %w", id, err)
	}
	return a, nil
}

func (p *Pipeline) replace(ctx context.Context, id string, n NewSource, r io.Reader) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, err
	}
	defer end()
	asset, free, err := p.admitReplacement(ctx, id, NewAsset{Name: n.Name, ContentType: n.ContentType, Size: n.Size})
	if err != nil {
		return Asset{}, err
	}
	defer free()
	part, err := p.receive(ctx, asset, r)
	if err != nil {
		return Asset{}, err
	}
	if n.Name == "" {
		asset.Name = "" // it may have been changed meanwhile
	}
	a, err := p.replaceSource(ctx, id, []encoder.Part{part}, asset)
	if err != nil && p.sourceUnused(ctx, id, part.Key) {
		p.discard(ctx, part.Key)
	}
	return a, err
}

// admitReplacement is admit for what replaces the source of the asset id: the tenant is the
// asset's, and the name where n has none. One replacement of an asset is under way at a
// time in this process, and its place in the backlog is kept until free is called.
func (p *Pipeline) admitReplacement(ctx context.Context, id string, n NewAsset) (_ NewAsset, free func(), err error) {
	a, _, err := p.catalog.Get(ctx, id)
	if err == nil && a.Intent == IntentDelete {
		err = ErrNotFound
	}
	if err != nil {
		return n, nil, err
	}
	n.ID, n.Tenant, n.Metadata = id, a.Tenant, nil
	if n.Name == "" {
		n.Name = a.Name
	}
	if n, err = p.presentable(n); err != nil {
		return n, nil, err
	}
	n.Priority, n.Metadata, n.since = a.Priority, a.Metadata, a.Created
	unreserve, err := p.reserved.take(sourceOf(id), p.queue.len(), p.opts.Backlog)
	if errors.Is(err, ErrExist) {
		err = ErrBusy
	}
	if err != nil {
		return n, nil, err
	}
	return p.ask(ctx, n, unreserve)
}

// sourceOf is what is reserved while a new source of the asset comes: not its id, for it may
// be retried or deleted meanwhile. No id has spaces.
func sourceOf(id string) string { return "source of " + id }

// replaceSource makes parts, which are in the Store, the source of the asset and begins a
// new attempt over it. Where they are that already, the asset is returned as it is, so it
// can be called again. Of n the name, if there is one, and the type are recorded.
//
// The caller is within an operation (lifecycle.begin) and does not hold the reservation of
// id.
func (p *Pipeline) replaceSource(ctx context.Context, id string, parts []encoder.Part, n NewAsset) (Asset, error) {
	for _, part := range parts {
		defer p.imports.begin(part.Key)()
	}
	return p.exchangeSource(ctx, id, func(a *Asset) (old []string, err error) {
		switch {
		case !n.since.IsZero() && a.Created.After(n.since):
			return nil, ErrNotFound
		case slices.Equal(a.Source.Parts, parts):
			return nil, errSame
		case a.busy():
			return nil, ErrBusy
		case a.Replaced == nil && a.Playlist != "":
			a.Replaced = &ReplacedSource{a.Source, a.External, a.ContentType}
		case !a.External:
			old = keysWithout(a.Source.Parts, parts)
		}
		a.Source, a.External, a.ContentType = encoder.Source{Parts: slices.Clone(parts)}, false, n.ContentType
		if n.Name != "" {
			a.Name = n.Name
		}
		return old, nil
	})
}

// exchangeSource records another source of the asset, as change makes it, with a new
// attempt, and removes the objects whose keys change returns: nothing refers to them any
// more. Where change says ErrBusy an attempt is cancelled first; neither that nor a full
// backlog is a reason to refuse what is there already.
//
// It goes on when ctx ends, or the old attempt might be cancelled for nothing.
func (p *Pipeline) exchangeSource(ctx context.Context, id string, change func(*Asset) ([]string, error)) (Asset, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*p.opts.Lease+lastWords) // a process that has died holds its lease
	defer cancel()
	defer context.AfterFunc(p.life.runCtx, cancel)()
	free, err := p.reserved.await(ctx, id) // nobody retries it meanwhile
	if err != nil {
		return Asset{}, err
	}
	defer free()
	for {
		a, old, err := p.exchange(ctx, id, change)
		if !errors.Is(err, ErrBusy) {
			if err == nil {
				p.discardAll(ctx, old)
			}
			return a, err
		}
		if _, err := p.cancelled(ctx, id); err != nil && !errors.Is(err, ErrEnded) {
			return Asset{}, err
		}
	}
}

// exchange records what change makes of the asset and what it returns.
func (p *Pipeline) exchange(ctx context.Context, id string, change func(*Asset) ([]string, error)) (_ Asset, old []string, err error) {
	attempt := ""
	a, err := p.edit(ctx, id, func(a *Asset) (err error) {
		if a.Intent == IntentDelete {
			return ErrNotFound
		}
		if old, err = change(a); err != nil {
			return err
		}
		attempt = ids.New(now())
		a.renew(attempt)
		a.Size, a.Fetch, a.Duration, a.Uncopied = a.Source.Size(), nil, 0, false
		p.queue.add(*a)
		return nil
	})
	if errors.Is(err, errSame) {
		return p.current(a), nil, nil
	}
	if err != nil && (attempt == "" || !p.recorded(ctx, a)) {
		p.queue.remove(id, attempt)
		return Asset{}, nil, err
	}
	p.log.Info("The source of an asset was replaced.", "asset", id, "tenant", a.Tenant, "bytes", a.Size)
	p.announce(ctx, a)
	return a, old, nil
}

// errSame says that the source is what it should become.
var errSame = errors.New("the source is there already")

// everyPart returns the parts of the asset's source, and of the one that this has taken the
// place of.
func (a Asset) everyPart() []encoder.Part {
	if a.Replaced == nil {
		return a.Source.Parts
	}
	return slices.Concat(a.Source.Parts, a.Replaced.Source.Parts)
}

// hasPart says whether the object of the key is one of those.
func (a Asset) hasPart(key string) bool {
	return slices.ContainsFunc(a.everyPart(), func(part encoder.Part) bool { return part.Key == key })
}

// usedUp returns the keys of the source that was replaced, once nobody goes back to it.
func (s *ReplacedSource) usedUp(by encoder.Source) []string {
	if s == nil || s.External {
		return nil
	}
	return keysWithout(s.Source.Parts, by.Parts)
}

// keysWithout returns the keys of parts that are not those of others.
func keysWithout(parts, others []encoder.Part) (keys []string) {
	for _, part := range parts {
		if !slices.ContainsFunc(others, func(o encoder.Part) bool { return o.Key == part.Key }) {
			keys = append(keys, part.Key)
		}
	}
	return keys
}

// discardAll removes objects that nothing refers to any more, also after ctx has ended. What
// stays is for Sweep.
func (p *Pipeline) discardAll(ctx context.Context, keys []string) {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	if err := p.removeAll(ctx, keys); err != nil {
		p.log.Warn("A source that was replaced could not be removed.", "error", err)
	}
}

// sourceUnused says whether the record of id surely has no use for the object of a key.
// Where that is not known, Sweep will.
func (p *Pipeline) sourceUnused(ctx context.Context, id, key string) bool {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	a, _, err := p.catalog.Get(ctx, id)
	if err != nil {
		return errors.Is(err, ErrNotFound)
	}
	return !a.hasPart(key)
}
