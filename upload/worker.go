package upload

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/vodkit/vodkit/internal/ids"
)

// work claims assets and runs them, one after another, until Shutdown.
func (p *Pipeline) work() {
	ctx := p.life.claims()
	wait := time.Second
	for ctx.Err() == nil {
		a, rev, err := p.catalog.Claim(ctx, p.newOwner(), p.opts.Lease)
		if err == nil {
			wait = time.Second
			_ = p.survive("work on asset "+a.ID, func() { p.serve(a, rev) })
			continue
		}
		if ctx.Err() != nil {
			return
		}
		p.log.Error("No asset could be claimed; trying again.", "error", err, "wait", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, time.Minute)
	}
}

// survive calls f, which may call into the host's Store, and outlives a panic. What was
// claimed is claimed again when its lease has passed.
func (p *Pipeline) survive(what string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p.log.Error("Something panicked.", "in", what, "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s: %w: %v", what, errPanic, v)
		}
	}()
	f()
	return nil
}

// newOwner returns a name for one claim: a process that stood still for longer than a
// lease may claim an asset that it works on already, and the one run must not take the
// other's record for its own.
func (p *Pipeline) newOwner() string { return p.owner + "/" + ids.New(now()) }

// owns says whether the owner of a record is this process.
func (p *Pipeline) owns(owner string) bool {
	return owner == p.owner || strings.HasPrefix(owner, p.owner+"/")
}

// serve does what a claimed asset needs.
func (p *Pipeline) serve(a Asset, rev Revision) {
	ctx, cancel := context.WithCancelCause(p.life.runCtx)
	defer cancel(nil)
	end := p.runs.add(a.ID, cancel)
	defer end()
	p.queue.remove(a.ID, a.Attempt)
	switch {
	case a.Intent == IntentDelete:
		if err := p.remove(ctx, a.ID); err != nil && !errors.Is(err, ErrNotFound) {
			p.log.Error("An asset could not be deleted; trying again.", "asset", a.ID, "error", err)
			p.letGo(ctx, a.ID)
		}
		return
	case a.Intent == IntentTidy:
		p.tidy(ctx, a, rev)
		return
	case a.Intent == IntentCancel:
		cancel(errCancelled)
	case p.life.claims().Err() != nil:
		cancel(errShutdown) // claimed in the moment in which Shutdown began
	}
	if e, ok := p.tracker.last(a.ID); a.Runs == 0 && a.Intent == IntentNone && (!ok || e.Attempt != a.Attempt) {
		p.events.Report(ctx, a.Event()) // faster than who recorded it: READY comes first all the same
	}
	leave, ok := p.seat(ctx, a, rev)
	if !ok {
		return
	}
	defer leave()
	r := newRun(p, a, rev, cancel)
	r.leave = leave
	err := r.process(ctx)
	if cause := context.Cause(ctx); cause != nil && !r.finished {
		err = cause // whatever the encoder made of it
	}
	r.conclude(ctx, err)
}
