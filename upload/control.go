package upload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/progress"
)

// Cancel ends the attempt of an asset that waits or runs: the encode is stopped, and
// the asset is ERROR with code cancelled when Cancel returns. What an earlier attempt
// published stays. An attempt that has ended already gives [ErrEnded], a missing asset
// [ErrNotFound]. The wish is durable first: where ctx ends early, it is still fulfilled.
func (p *Pipeline) Cancel(ctx context.Context, id string) (Asset, error) {
	a, err := p.cancel(ctx, id)
	if err != nil {
		return Asset{}, fmt.Errorf("cancel asset %q: %w", id, err)
	}
	return a, nil
}

func (p *Pipeline) cancel(ctx context.Context, id string) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, err
	}
	defer end()
	return p.cancelled(ctx, id)
}

// cancelled is cancel within an operation.
func (p *Pipeline) cancelled(ctx context.Context, id string) (Asset, error) {
	owned, owner := false, p.newOwner()
	a, err := p.edit(ctx, id, func(a *Asset) error {
		switch {
		case a.Intent == IntentDelete:
			return ErrNotFound // the wish to delete it must stay
		case a.Status.Terminal():
			return ErrEnded
		}
		owned = a.Owner != ""
		switch {
		case owned:
			a.Intent = IntentCancel
		case a.Runs > 0: // there is something to clean up
			a.Intent, a.Owner, a.Lease = IntentCancel, owner, now().Add(p.opts.Lease)
		default:
			a.fail(failureOf(errCancelled))
			p.tidyLater(a)
		}
		return nil
	})
	if err != nil {
		return Asset{}, err
	}
	attempt := a.Attempt
	if !owned {
		p.queue.remove(id, attempt)
		if a.Status.Terminal() {
			p.events.Report(ctx, a.Event())
			return a, nil
		}
		if err := p.endWaiting(ctx, id, owner); err != nil {
			return Asset{}, err
		}
	}
	for {
		if err := p.runs.stop(ctx, id, errCancelled); err != nil {
			return Asset{}, err
		}
		a, _, err := p.catalog.Get(ctx, id)
		switch {
		case err != nil:
			return Asset{}, err
		case a.Status == progress.Complete:
			return Asset{}, ErrEnded // it was faster
		case a.Status.Terminal() || a.Attempt != attempt:
			return a, nil
		}
		// Another process runs it, or a worker here has claimed it and not begun.
		select {
		case <-ctx.Done():
			return Asset{}, context.Cause(ctx)
		case <-time.After(askAgain):
		}
	}
}

// Retry begins a new attempt of an asset whose attempt has ended. What is published
// can be played until the new attempt is complete. An asset that waits or runs gives
// [ErrBusy], a full backlog [ErrBacklogFull], a missing asset [ErrNotFound].
func (p *Pipeline) Retry(ctx context.Context, id string) (Asset, error) {
	return p.RetryWith(ctx, id, nil)
}

// RetryOptions shape Pipeline.RetryWith and Pipeline.RetryAll.
type RetryOptions struct {
	// Profile is one of Options.Profiles, "" for Options.Plan; another one gives [ErrInvalid].
	// Defaults to nil, that of the asset.
	Profile *string
	// Priority is the asset's from now on. Defaults to nil, as it is.
	Priority *int
}

// RetryWith is Retry with another ladder or priority.
func (p *Pipeline) RetryWith(ctx context.Context, id string, opts *RetryOptions) (Asset, error) {
	var o RetryOptions
	if opts != nil {
		o = *opts
	}
	a, err := p.retry(ctx, id, o)
	if err != nil {
		return Asset{}, fmt.Errorf("retry asset %q: %w", id, err)
	}
	return a, nil
}

func (p *Pipeline) retry(ctx context.Context, id string, o RetryOptions) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, err
	}
	defer end()
	if o.Profile != nil {
		if err := p.knownProfile(*o.Profile); err != nil {
			return Asset{}, err
		}
	}
	free, err := p.reserved.take(id, p.queue.len(), p.opts.Backlog)
	if errors.Is(err, ErrExist) {
		return Asset{}, ErrBusy
	} else if err != nil {
		return Asset{}, err
	}
	defer free()
	attempt := ""
	a, err := p.edit(ctx, id, func(a *Asset) error {
		if a.busy() {
			return ErrBusy
		}
		attempt = ids.New(now())
		a.renew(attempt)
		if o.Profile != nil {
			a.Profile = *o.Profile
		}
		if o.Priority != nil {
			a.Priority = *o.Priority
		}
		p.queue.add(*a)
		return nil
	})
	if err != nil {
		p.queue.remove(id, attempt)
		return Asset{}, err
	}
	p.announce(ctx, a)
	return a, nil
}

// renew makes the record that of a new attempt, which waits.
func (a *Asset) renew(attempt string) {
	a.Attempt, a.Attempts, a.Runs, a.Failures = attempt, a.Attempts+1, 0, 0
	a.Status, a.Stage, a.Error = progress.Ready, progress.StageQueued, nil
	a.Warnings = nil
	a.Fraction, a.Position, a.Completed, a.Due = 0, 0, time.Time{}, time.Time{}
	a.Media = nil                                            // what looks into sources may have learnt something
	a.Owner, a.Lease, a.Intent = "", time.Time{}, IntentNone // what is superseded stays until this attempt has ended
}

// fail makes the attempt end with f.
func (a *Asset) fail(f progress.Failure) {
	a.Status, a.Stage, a.Error, a.Intent = progress.Error, "", &f, IntentNone
	a.Owner, a.Lease, a.Due = "", time.Time{}, time.Time{}
}

// endWaiting ends the attempt of an asset that waited to be gone on with, and that owner
// has taken.
func (p *Pipeline) endWaiting(ctx context.Context, id, owner string) error {
	a, rev, err := p.catalog.Get(ctx, id)
	if err != nil || a.Owner != owner {
		return err
	}
	newRun(p, a, rev, func(error) {}).conclude(ctx, errCancelled)
	return nil
}
