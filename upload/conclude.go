package upload

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
)

// conclude writes how the run ended, tells of it, and cleans up. ctx may have ended.
func (r *run) conclude(ctx context.Context, err error) {
	ctx = context.WithoutCancel(ctx)
	switch {
	case err == nil:
		r.complete(ctx)
	case errors.Is(err, errDeleted), errors.Is(err, errLost):
		// The record is another's. Objects of this run are removed by the deletion, or by
		// the next run.
		r.log.Info("A run was given up.", "reason", err)
		r.p.makeGood(ctx, r.held.get().ID)
	case errors.Is(err, errShutdown):
		r.requeue(ctx, r.goesOn(""), func(*Asset) {})
	default:
		r.failed(ctx, err)
	}
}

// complete records COMPLETE, reports it, and removes what earlier runs published.
func (r *run) complete(ctx context.Context) {
	front, playlist := r.pub.Front(), r.pub.Playlist()
	output := r.held.get().Output
	superseded := r.held.get().Superseded
	if r.p.opts.KeepSuperseded < 0 {
		superseded = nil
	}
	usedUp := r.usedUp()
	old := r.list(ctx, mediaPrefix+r.held.get().ID+"/", func(key string) bool {
		return key != playlist && !strings.HasPrefix(key, output+"/") &&
			!Asset{Superseded: superseded}.superseded(key) || usedUp(key)
	})
	old = append(old, r.journals(ctx)...)
	old = append(old, r.held.get().Replaced.usedUp(r.held.get().Source)...)
	if !r.held.get().Stray { // or tidy looks, when whoever may have stood still has woken
		old = append(old, r.unreferenced(ctx)...)
	}
	err := r.finally(ctx, func(a *Asset) {
		a.Status, a.Stage, a.Error, a.Intent = progress.Complete, "", nil, IntentNone
		a.Fraction, a.Duration, a.Position, a.Front = 1, front, front, front
		a.Playlist, a.Published, a.Warnings = playlist, a.Output, r.warnings
		a.Replaced = nil
		a.Owner, a.Lease = "", time.Time{}
		a.Completed, a.Superseded = a.Updated, superseded
		r.p.tidyLater(a)
	})
	if err != nil {
		return
	}
	a := r.held.get()
	r.log.Info("An asset is complete.", "duration", a.Duration)
	r.report(ctx, a)
	r.removeListed(ctx, old)
}

// unreferenced lists what earlier runs have left under the output of this one.
func (r *run) unreferenced(ctx context.Context) []string {
	ctx, cancel := r.p.life.words(ctx, lastWords)
	defer cancel()
	keys, err := r.p.unreferenced(ctx, r.held.get())
	if err != nil {
		r.log.Warn("What earlier runs have left could not be listed.", "error", err)
	}
	return keys
}

// failed records ERROR and reports it, or lets the attempt run again.
func (r *run) failed(ctx context.Context, err error) {
	f := failureOf(err)
	var e *encoder.Error
	if errors.As(err, &e) && e.Stderr != "" {
		r.log = r.log.With("stderr", e.Stderr)
	}
	most := r.p.opts.Retries
	again := r.held.get().Failures
	switch f.Code {
	case CodeNonconformant:
		most = min(most, 1) // a bit that fell over falls once; a bug stays
	case encoder.CodePackaging:
		most = min(most, 1)
		f.Permanent = f.Permanent || again > 0
	}
	if !f.Permanent && !errors.Is(err, errCancelled) && again < most {
		due := now().Add(r.p.opts.RetryDelay << min(again, 16))
		r.log.Warn("A run failed and will be tried again.", "code", f.Code, "error", err, "due", due)
		r.requeue(ctx, r.goesOn(f.Code), func(a *Asset) {
			a.Failures++
			a.Due, a.Uncopied = due, a.Uncopied || uncopied(f.Code)
		})
		return
	}
	r.endGrowing(ctx)
	var old []string
	if !r.p.opts.KeepFailed {
		old = r.retire(ctx)
	}
	r.log.Warn("An asset failed.", "code", f.Code, "permanent", f.Permanent, "error", err)
	if r.finally(ctx, func(a *Asset) { r.copyProgress(a); a.fail(f); r.withdrawn(a); r.p.tidyLater(a) }) != nil {
		return
	}
	r.report(ctx, r.held.get())
	r.removeListed(ctx, old)
}

// requeue leaves the attempt READY for another run, which goes on with what this one has
// made: then players that follow the growing playlists see them grow again.
func (r *run) requeue(ctx context.Context, goesOn bool, change func(*Asset)) {
	var old []string
	if goesOn {
		r.flush(ctx)
	} else {
		r.endGrowing(ctx)
		old = r.retire(ctx)
	}
	var queued Asset
	err := r.finally(ctx, func(a *Asset) {
		r.copyProgress(a)
		change(a)
		a.Status, a.Stage = progress.Ready, progress.StageQueued
		if !goesOn {
			r.withdrawn(a)
			a.Output = outputOf(*a, a.Runs+1)
		}
		a.Owner, a.Lease = "", time.Time{}
		queued = *a
		r.p.queue.add(queued)
	})
	if err != nil {
		r.p.queue.remove(queued.ID, queued.Attempt)
		return
	}
	r.p.announce(ctx, r.held.get())
	r.removeListed(ctx, old)
}

// flush writes the last of the journal. What it lacks is encoded again.
func (r *run) flush(ctx context.Context) {
	ctx, cancel := r.p.life.words(ctx, lastWords)
	defer cancel()
	if err := r.record(ctx); err != nil {
		r.log.Warn("The last of what is encoded could not be recorded.", "error", err)
	}
}

// endGrowing ends playlists that will not grow any more, so that players stop where
// the video stops.
func (r *run) endGrowing(ctx context.Context) {
	switch a := r.held.get(); {
	case r.finished:
	case a.Playlist != "" && a.Published == a.Output && (r.pub == nil || !r.pub.Playable()):
		r.endGrowingOf(ctx, a) // an earlier run's
	case r.pub != nil && r.pub.Playable():
		ctx, cancel := r.p.life.words(ctx, lastWords)
		defer cancel()
		if err := r.pub.Fail(ctx); err != nil {
			r.log.Warn("The growing playlists could not be ended.", "error", err)
		}
	}
}

// endGrowingOf ends what the run that a tells of has published.
func (r *run) endGrowingOf(ctx context.Context, a Asset) {
	ctx, cancel := r.p.life.words(ctx, lastWords)
	defer cancel()
	if err := r.p.endGrowing(ctx, a); err != nil {
		r.log.Warn("The growing playlists of an earlier run could not be ended.", "error", err)
	}
}

// finally writes the record's last words of this run, and tries for a while.
func (r *run) finally(ctx context.Context, change func(*Asset)) error {
	ctx, cancel := r.p.life.words(ctx, lastWords)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := r.held.update(ctx, change)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errCancelled):
			continue // the wish came too late, or is being fulfilled
		case errors.Is(err, errDeleted), errors.Is(err, errLost):
			r.log.Info("A run's end was not recorded.", "reason", err)
			r.p.makeGood(ctx, r.held.get().ID)
			return err
		}
		select {
		case <-ctx.Done():
			// Nothing was told, so nothing is wrong: the lease ends, and the attempt runs again.
			r.log.Error("A run's end could not be recorded.", "error", err)
			return err
		case <-time.After(wait):
		}
	}
}

// report tells of the attempt's end.
func (r *run) report(ctx context.Context, a Asset) {
	e := a.Event()
	r.mu.Lock()
	e.Speed = r.state.Speed
	r.mu.Unlock()
	r.p.events.Report(ctx, e)
}
