package upload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/stills"
	"github.com/vodkit/vodkit/progress"
)

// persistEvery is how often progress goes into the record.
const persistEvery = 3 * time.Second

// run is one run of an asset's attempt, from its claim to its conclusion.
type run struct {
	p      *Pipeline
	held   *holder
	cancel context.CancelCauseFunc
	leave  func() // the seat of its fetch; may be called again
	log    *slog.Logger

	pub      *hls.Publisher
	resumed  bool // it goes on with what earlier runs have made
	finished bool // the presentation is published whole
	warnings []Warning
	stills   stills.Result

	mu    sync.Mutex // guards what follows, which the keeper reads
	state progress.Event
	speed progress.Estimator
	book  *journal // nil where a next run cannot go on
}

func newRun(p *Pipeline, a Asset, rev Revision, cancel context.CancelCauseFunc) *run {
	held := p.newHolder(a, rev)
	held.stray = a.Status == progress.Running // whoever ran it may only have stood still
	return &run{
		p: p, held: held, cancel: cancel, leave: func() {},
		log:   p.log.With("asset", a.ID, "tenant", a.Tenant, "attempt", a.Attempt),
		state: a.Event(),
	}
}

// process fetches, probes, plans, encodes and publishes. It returns nil when the presentation
// is published whole, and leaves the record RUNNING in every case.
func (r *run) process(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.log.Error("The encoder or prober panicked.", "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, v)
		}
	}()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	keeper, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() { defer close(kept); r.keep(keeper) }()
	defer func() { stop(); <-kept }()

	if _, err := r.profile(); err != nil {
		return err
	}
	if err := r.fetch(ctx); err != nil {
		return err
	}
	media, err := r.probe(ctx)
	if err != nil {
		return err
	}
	job, err := r.plan(media)
	if err != nil {
		return err
	}
	if err := r.settle(ctx, &job); err != nil {
		return err
	}
	if err := r.roomFor(ctx, job); err != nil {
		return err
	}
	if err := r.encode(ctx, job); err != nil {
		return err
	}
	return r.publish(ctx)
}

// begin makes the record RUNNING. The output stays that of the attempt's run before,
// until settle knows whether that can be gone on with.
func (r *run) begin(ctx context.Context) error {
	stage := progress.StageProbing
	if r.held.get().Fetch != nil {
		stage = progress.StageFetching
	}
	err := r.held.update(ctx, func(a *Asset) {
		a.Status, a.Stage, a.Due = progress.Running, stage, time.Time{}
		if a.Runs++; a.Runs == 1 {
			a.Output = outputOf(*a, 1)
			r.withdrawn(a)
		}
	})
	if err != nil {
		return storeError(err)
	}
	a := r.held.get()
	r.log = r.log.With("run", a.Runs)
	r.log.Info("An asset is being worked on.")
	r.tell(ctx, func(e *progress.Event) { e.Status, e.Stage = progress.Running, stage })
	return nil
}

// probe looks into the source, once for each attempt.
func (r *run) probe(ctx context.Context) (encoder.Media, error) {
	a := r.held.get()
	if a.Media != nil {
		return *a.Media, r.excuse(shortened(*a.Media), a.Media.Duration > 0)
	}
	media, err := r.p.prober.Probe(ctx, a.Source)
	if err == nil {
		err = r.excuse(shortened(media), media.Duration > 0)
	}
	if err == nil {
		err = r.consent(ctx, media)
	}
	if err != nil {
		return media, err
	}
	err = r.held.update(ctx, func(a *Asset) { a.Media, a.Duration = &media, media.Duration })
	return media, storeError(err)
}

// plan makes the job, but for its output.
func (r *run) plan(media encoder.Media) (encoder.Job, error) {
	grid, tracks, err := r.planned(media)
	if err != nil {
		return encoder.Job{}, err
	}
	r.skipped(media)
	a := r.held.get()
	return encoder.Job{
		Version: encoder.JobVersion, Source: a.Source, Media: media, Grid: grid, Tracks: tracks,
		Tenant: a.Tenant, Priority: a.Priority,
	}, nil
}

// encode runs the encoder and hands on what it emits.
func (r *run) encode(ctx context.Context, job encoder.Job) error {
	duration := timeline(job)
	r.tell(ctx, func(e *progress.Event) { e.Stage, e.Duration = progress.StageEncoding, duration })
	err := r.p.enc.Encode(ctx, job, func(u encoder.Update) error {
		if err := sealed(job, u.Segment); err != nil {
			return err
		}
		return r.accept(ctx, u)
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	state := r.pub.State()
	if err == nil {
		err = covers(state, job)
	}
	return r.excuse(err, whole(state))
}

// accept takes one update of the encoder.
func (r *run) accept(ctx context.Context, u encoder.Update) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	r.note(u)
	var err error
	switch {
	case u.Init != nil:
		err = r.pub.Init(ctx, *u.Init)
	case u.Segment != nil:
		err = r.pub.Segment(ctx, *u.Segment)
	}
	if err != nil {
		return storeError(err)
	}
	if err := r.playable(ctx); err != nil {
		return err
	}
	front := r.pub.Front()
	r.tell(ctx, func(e *progress.Event) {
		if u.Progress != nil {
			e.Position = max(e.Position, u.Progress.Position)
			r.speed.Observe(time.Now(), u.Progress.Position)
			e.Speed = u.Progress.Speed
		}
		e.Front = max(e.Front, front)
		e.Position = max(e.Position, front)
		if s := r.speed.Speed(); s > 0 {
			e.Speed = s
		}
		if e.Duration > 0 {
			e.Fraction = max(e.Fraction, min(0.99, e.Position.Seconds()/e.Duration.Seconds()))
			e.ETA = r.speed.ETA(e.Duration)
		}
	})
	return nil
}

// playable records, once, that the video can be played.
func (r *run) playable(ctx context.Context) error {
	if r.state.Playlist != "" || !r.pub.Playable() {
		return nil
	}
	front := r.pub.Front()
	err := r.held.update(ctx, func(a *Asset) {
		r.copyProgress(a)
		a.Playlist, a.Published, a.Front = r.pub.Playlist(), a.Output, front
	})
	if err != nil {
		return storeError(err)
	}
	r.tell(ctx, func(e *progress.Event) { e.Playlist, e.Front = r.pub.Playlist(), max(e.Front, front) })
	return nil
}

// publish writes the final playlists.
func (r *run) publish(ctx context.Context) error {
	r.tell(ctx, func(e *progress.Event) {
		e.Stage, e.ETA = progress.StagePublishing, 0
		e.Position = max(e.Position, e.Duration)
		e.Fraction = 0.99
	})
	if err := r.makeStills(ctx); err != nil {
		return err
	}
	if err := r.pub.Finish(ctx); err != nil {
		var incomplete *hls.IncompleteError
		var known *encoder.Error
		switch {
		case errors.As(err, &incomplete):
			return &encoder.Error{Code: encoder.CodeEncoderFailed, Err: err,
				Message: "The encoder left out a part of the video. Try again."}
		case errors.As(err, &known):
			return err
		}
		return storeError(err)
	}
	r.finished = true
	return nil
}

// tell changes the state and reports it.
func (r *run) tell(ctx context.Context, change func(*progress.Event)) {
	r.mu.Lock()
	change(&r.state)
	r.state.Time = now()
	e := r.state
	r.mu.Unlock()
	r.p.events.Report(ctx, e)
}

// copyProgress puts the state into the record.
func (r *run) copyProgress(a *Asset) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.Stage, a.Fraction, a.Position, a.Front = r.state.Stage, r.state.Fraction, r.state.Position, r.state.Front
	if r.state.Duration > 0 {
		a.Duration = r.state.Duration
	}
}

// keep renews the lease and records progress until ctx ends.
func (r *run) keep(ctx context.Context) {
	tick := time.NewTicker(min(persistEvery, r.held.lease/3))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.held.update(ctx, r.copyProgress)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			r.recordSoon(ctx)
		case ends(err):
			r.cancel(err)
			return
		case r.held.expired():
			r.log.Error("The lease could not be renewed; the run is given up.", "error", err)
			r.cancel(errLost)
			return
		default:
			r.log.Warn("Progress could not be recorded.", "error", err)
		}
	}
}
