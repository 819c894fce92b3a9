package upload

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/storage"
)

// mostLogged bounds the findings of one check that are logged.
const mostLogged = 20

// gate is what the publisher asks before it replaces the multivariant playlist.
//
// It writes the record right before that: the write fails where another process has
// taken over while this one stood still, nobody removes what the record names, and
// whoever finds another playlist in the Store can put this one back (see restore).
func (r *run) gate(job encoder.Job) func(ctx context.Context, master []byte, final bool) error {
	return func(ctx context.Context, master []byte, final bool) error {
		if final && !r.p.opts.CheckOff {
			if err := r.check(ctx, job, master); err != nil {
				return err
			}
		}
		return r.held.update(ctx, func(a *Asset) {
			r.copyProgress(a)
			if a.Published != "" && a.Published != a.Output && !slices.Contains(a.Superseded, a.Published) {
				a.Superseded = append(a.Superseded, a.Published)
			}
			a.Published, a.Master = a.Output, string(master)
			r.setStills(a)
		})
	}
}

// check reads the whole presentation back and refuses it unless it conforms and every
// track is as long as it should be.
func (r *run) check(ctx context.Context, job encoder.Job, master []byte) error {
	begun := time.Now()
	wants, opts := r.expectations(job)
	src := check.Overlay(check.Store(storage.Prefix(r.p.store, path.Dir(job.Output))), check.Memory{hls.MasterName: master})
	report, err := check.Run(ctx, src, hls.MasterName, opts)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return &encoder.Error{Code: encoder.CodeStorage, Err: err,
			Message: "The encoded video could not be read back from the storage. Try again later."}
	}
	report.Findings = append(report.Findings, short(report, job, wants)...)
	for i, f := range report.Findings {
		if i == mostLogged {
			r.log.Warn("More was found than is logged.", "findings", len(report.Findings)+report.Omitted)
			break
		}
		if f.Severity == check.Error {
			r.log.Error("A check found an error.", "rule", f.Rule, "where", f.Where.String(), "finding", f.Message)
		} else {
			r.log.Debug("A check found something.", "rule", f.Rule, "where", f.Where.String(), "finding", f.Message)
		}
	}
	r.log.Debug("The output was checked.", "took", time.Since(begun), "duration", report.Duration)
	if err := report.Err(); err != nil {
		return nonconformant(err)
	}
	return nil
}

// expectations returns how long each track has to be, and the options of the check.
func (r *run) expectations(job encoder.Job) ([]time.Duration, *check.Options) {
	partial := r.partial()
	state := r.pub.State()
	wants := make([]time.Duration, len(job.Tracks))
	least, most := time.Duration(math.MaxInt64), time.Duration(0)
	for i := range wants {
		wants[i] = wanted(job, i)
		if partial {
			wants[i] = min(wants[i], state.Tracks[i].Duration)
		}
		least, most = min(least, wants[i]), max(most, wants[i])
	}
	opts := &check.Options{
		Profiles: []check.Profile{check.Conformance}, Expected: least, Tolerance: slack(job), Key: r.keyOf(job, state),
	}
	if most-least > 500*time.Millisecond {
		opts.Skip = []string{"M8.3"} // that audio and video last equally long: the source's do not
	}
	return wants, opts
}

// short returns findings for the tracks whose bytes do not last as long as they
// should. The rule COVERAGE looks at the shortest track only.
func short(report check.Report, job encoder.Job, wants []time.Duration) []check.Finding {
	byURI := map[string]check.Track{}
	for _, t := range report.Tracks {
		byURI[path.Dir(t.URI)] = t
	}
	var findings []check.Finding
	for i, spec := range job.Tracks {
		if spec.Kind == hls.Image {
			continue // in no playlist
		}
		uri := path.Join(path.Base(job.Output), spec.ID)
		t, there := byURI[uri]
		if there && t.Duration+slack(job) >= wants[i] {
			continue
		}
		findings = append(findings, check.Finding{
			Rule: "COVERAGE", Profile: check.Conformance, Severity: check.Error,
			Where:   check.Where{Playlist: uri, Offset: -1},
			Message: fmt.Sprintf("The track lasts %v of %v.", t.Duration.Round(time.Millisecond), wants[i].Round(time.Millisecond)),
		})
	}
	return findings
}

// nonconformant says that what was encoded is not published. That may be the Store's
// doing, so it is worth another run.
func nonconformant(err error) error {
	msg := "The encoded video did not pass its check and was not published."
	var e *check.NonconformanceError
	if errors.As(err, &e) && len(e.Findings) > 0 {
		msg += fmt.Sprintf(" %s: %s", e.Findings[0].Rule, e.Findings[0].Message)
		if n := len(e.Findings) - 1; n > 0 {
			msg += fmt.Sprintf(" And %d more.", n)
		}
	}
	return &encoder.Error{Code: CodeNonconformant, Err: err, Message: msg}
}
