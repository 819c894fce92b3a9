package upload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
)

// Causes that end a run.
var (
	errCancelled = errors.New("the encode was cancelled")
	errDeleted   = errors.New("the asset was deleted")
	errLost      = errors.New("somebody else works on the asset")
)

// errElsewhere says that another process, which knows, has to let go first.
var errElsewhere = errors.New("another process works on the asset")

// askAgain is how often a wish that another goroutine or process has to fulfil is
// asked after.
const askAgain = 100 * time.Millisecond

// Delete removes the asset: its encode is stopped, its media, its source (unless that
// is the host's) and its record are removed, and an attempt that had not ended ends
// with a terminal event of code deleted. The wish is durable first: where Delete
// fails midway, because ctx ended or the Store refused, a worker goes on with it, and
// it can be called again. A missing asset gives [ErrNotFound].
//
// A Store may be too full for the wish to be recorded. Of an asset whose attempt has
// ended, media and source are removed first then, which makes room; a process that is
// killed over that leaves a record without them, to be deleted again. Others give an
// error that matches storage.ErrNoSpace.
func (p *Pipeline) Delete(ctx context.Context, id string) error {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return fmt.Errorf("delete asset %q: %w", id, err)
	}
	defer end()
	if err = p.takeForDelete(ctx, id); full(err) && p.emptied(ctx, id) {
		err = p.takeForDelete(ctx, id)
	}
	if err == nil {
		err = p.remove(ctx, id)
		if errors.Is(err, ErrNotFound) {
			err = nil // a worker that has claimed the wish, or who wished the same, was faster
		}
		if err != nil {
			p.letGo(ctx, id)
		}
	}
	if err != nil {
		return fmt.Errorf("delete asset %q: %w", id, err)
	}
	return nil
}

// emptied removes the media and the source of an asset whose attempt has ended, before
// the wish is recorded, and says whether it did.
func (p *Pipeline) emptied(ctx context.Context, id string) bool {
	free, ok := p.reserved.try(id) // nobody retries it meanwhile
	if !ok {
		return false
	}
	defer free()
	a, _, err := p.catalog.Get(ctx, id)
	if err != nil || !a.Status.Terminal() {
		return false
	}
	p.log.Warn("The store is full: an asset's objects are removed before its deletion can be recorded.", "asset", id)
	keys, err := p.belongings(ctx, a)
	if err == nil {
		err = p.removeBelongings(ctx, id, keys)
	}
	if err != nil {
		p.log.Error("An asset's objects could not be removed.", "asset", id, "error", err)
	}
	return err == nil
}

// takeForDelete records the intent, stops what runs, and makes this process the owner,
// so that no worker claims the asset meanwhile.
func (p *Pipeline) takeForDelete(ctx context.Context, id string) error {
	for again := false; ; again = true {
		elsewhere := false
		_, err := p.edit(ctx, id, func(a *Asset) error {
			elsewhere = a.Owner != "" && !p.owns(a.Owner) && a.Lease.After(now())
			if elsewhere && a.Intent == IntentDelete {
				return errElsewhere // which knows already
			}
			a.Intent = IntentDelete
			if !elsewhere {
				a.Owner, a.Lease = p.owner, now().Add(p.opts.Lease)
			}
			return nil
		})
		if again && errors.Is(err, ErrNotFound) {
			return nil // the other has done it
		}
		if err != nil && !errors.Is(err, errElsewhere) {
			return err
		}
		if !elsewhere {
			return p.runs.stop(ctx, id, errDeleted)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(askAgain):
		}
	}
}

// letGo leaves the rest of a deletion to whoever claims the asset.
func (p *Pipeline) letGo(ctx context.Context, id string) {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	_, err := p.edit(ctx, id, func(a *Asset) error {
		if a.Intent != IntentDelete || !p.owns(a.Owner) {
			return errLost
		}
		a.Owner, a.Lease, a.Due = "", time.Time{}, now().Add(p.opts.RetryDelay)
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, errLost) {
		p.log.Error("A deletion that failed could not be handed on.", "asset", id, "error", err)
	}
}

// remove removes everything of an asset that is to be deleted and does not run, the
// record last.
func (p *Pipeline) remove(ctx context.Context, id string) error {
	free, err := p.reserved.await(ctx, id) // or two deletions might take what was uploaded between them
	if err != nil {
		return err
	}
	defer free()
	a, err := p.erase(ctx, id)
	if errors.Is(err, ErrOwned) || errors.Is(err, ErrNotFound) {
		p.makeGood(ctx, id) // it may have another's multivariant playlist by now
	}
	if err != nil {
		return err
	}
	p.queue.remove(id, a.Attempt)
	p.log.Info("An asset was deleted.", "asset", id, "tenant", a.Tenant)
	if p.opts.OnDelete != nil {
		_ = p.survive("OnDelete", func() { p.opts.OnDelete(ctx, a) }) // which logs
	}
	if !a.Status.Terminal() {
		a.fail(progress.Failure{Code: progress.CodeDeleted, Permanent: true, Message: "The video was deleted."})
		a.Playlist, a.Updated = "", now()
		p.events.Report(ctx, a.Event())
	}
	return nil
}

// erase removes what belongs to an asset, and its record last. What is removed was
// listed before the record was written once more: a process that stands still over this
// takes nothing that a later asset of the id has.
func (p *Pipeline) erase(ctx context.Context, id string) (Asset, error) {
	for {
		a, rev, err := p.catalog.Get(ctx, id)
		if err != nil {
			return a, err
		}
		if a.Intent != IntentDelete {
			return a, ErrNotFound // another asset that has the id now
		}
		keys, err := p.belongings(ctx, a)
		if err != nil {
			return a, err
		}
		a.Updated = now()
		next, err := p.catalog.Put(ctx, a, rev)
		switch {
		case errors.Is(err, ErrConflict):
			continue // another wish to delete it
		case errors.Is(err, storage.ErrNoSpace):
			next = rev // there will be room
		case err != nil:
			return a, err
		}
		if err := p.removeBelongings(ctx, id, keys); err != nil {
			return a, err
		}
		if err = p.catalog.Delete(ctx, id, next); !errors.Is(err, ErrConflict) {
			return a, err
		}
	}
}

// belongings returns the keys of an asset's media and of its source, and whatever else
// was uploaded under the id, but not of what is the host's.
func (p *Pipeline) belongings(ctx context.Context, a Asset) ([]string, error) {
	keys, err := p.listUnder(ctx, mediaPrefix+a.ID+"/", everything)
	if err != nil {
		return nil, err
	}
	journals, err := p.listUnder(ctx, journalKeys(a.ID), everything)
	if err != nil {
		return nil, err
	}
	keys = append(keys, journals...)
	parts := map[string]bool{}
	for _, part := range a.everyPart() {
		parts[part.Key] = true
	}
	if !a.External {
		keys = append(keys, keysWithout(a.Source.Parts, nil)...)
	}
	keys = append(keys, a.Replaced.usedUp(a.Source)...)
	sources, err := p.listUnder(ctx, sourcesPrefix+a.ID+"/", func(key string) bool { return !parts[key] })
	return append(keys, sources...), err
}

// removeBelongings removes what belongings has listed. The multivariant playlist goes
// first, so that nobody begins to play what is going.
func (p *Pipeline) removeBelongings(ctx context.Context, id string, keys []string) error {
	if err := p.store.Delete(ctx, hls.MasterKey(mediaPrefix+id)); err != nil {
		return err
	}
	return p.removeAll(ctx, keys)
}

// everything matches all keys.
func everything(string) bool { return true }

// listUnder returns the keys under prefix that match: whoever removes looks first, so
// that the list is not changed while it is read.
func (p *Pipeline) listUnder(ctx context.Context, prefix string, match func(key string) bool) (keys []string, err error) {
	for info, err := range p.store.List(ctx, prefix) {
		if err != nil {
			return keys, err
		}
		if match(info.Key) {
			keys = append(keys, info.Key)
		}
	}
	return keys, nil
}

// removeAll removes objects, in batches.
func (p *Pipeline) removeAll(ctx context.Context, keys []string) error {
	for batch := range slices.Chunk(keys, 256) {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(8)
		for _, key := range batch {
			g.Go(func() error { return p.store.Delete(ctx, key) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}
