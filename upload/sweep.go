package upload

import (
	"context"
	"fmt"
	"time"
)

// SweepOptions shape Pipeline.Sweep.
type SweepOptions struct {
	// OlderThan is how old an object is at least that is removed: longer than any upload
	// lasts from its last byte to its record in other processes. Negative means of any
	// age. Defaults to 24 hours.
	OlderThan time.Duration
	// DryRun removes nothing and reports what would be. Defaults to false.
	DryRun bool
}

// SweepReport is what Pipeline.Sweep removed, or would have.
type SweepReport struct {
	Objects []SweptObject `json:"objects"`
	Bytes   int64         `json:"bytes"` // of Objects
	// Restored are the keys of multivariant playlists that were not what their records
	// say, and have been put back: a process that had stood still wrote them too late.
	Restored []string `json:"restored,omitempty"`
	// Temporary are the temporary files that a Store which is a folder removed.
	Temporary []string `json:"temporary,omitempty"`
}

// SweptObject is an object that nothing refers to.
type SweptObject struct {
	Key     string    `json:"key"`
	Size    int64     `json:"size"` // bytes
	ModTime time.Time `json:"mod_time"`
	// Reason is one of the constants below.
	Reason string `json:"reason"`
}

// Why an object is swept.
const (
	SweptNoRecord = "no_record"  // there is no such asset: an abandoned upload, or the rest of a deletion
	SweptUpload   = "upload"     // the asset has another source
	SweptAttempt  = "superseded" // another run, or nothing, of the asset can be played
)

const defaultSweepAge = 24 * time.Hour

// Sweep removes what uploads, encodes and deletions left behind whose process was
// killed, or whose Store failed: sources that no record has, and media of runs that
// are neither at work nor published, nor kept for Options.KeepSuperseded. Multivariant
// playlists that are not what their records say are put back. Where the Store has
// temporary files (storage.SweepTemporary), they are swept too, but not in a dry run.
//
// Only keys that vodkit makes itself are looked at, by their exact form; whatever else
// a host keeps under "sources/", "media/" and "journal/" stays. What an asset whose record cannot
// be read has stays too. Pipelines that share a Store must share the Catalog: what is
// in no record of this one's is nobody's. Uploads and encodes of this process are safe whatever their
// age, those of others by SweepOptions.OlderThan. One Sweep runs at a time. It goes on
// behind failures and returns all of them, with a report of what was done.
func (p *Pipeline) Sweep(ctx context.Context, opts *SweepOptions) (SweepReport, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return SweepReport{}, fmt.Errorf("sweep: %w", err)
	}
	defer end()
	var o SweepOptions
	if opts != nil {
		o = *opts
	}
	if o.OlderThan == 0 {
		o.OlderThan = defaultSweepAge
	}
	select {
	case p.sweeping <- struct{}{}:
		defer func() { <-p.sweeping }()
	case <-ctx.Done():
		return SweepReport{}, fmt.Errorf("sweep: %w", context.Cause(ctx))
	}
	s := &sweep{p: p, dry: o.DryRun, stale: map[string]bool{}, uploads: map[string]bool{}, age: max(0, o.OlderThan), report: SweepReport{Objects: []SweptObject{}}}
	if panicked := p.survive("sweep", func() { err = s.run(ctx) }); panicked != nil {
		err = panicked
	}
	if err != nil {
		return s.report, fmt.Errorf("sweep: %w", err)
	}
	return s.report, nil
}

// sweepEvery sweeps at intervals until ctx ends.
func (p *Pipeline) sweepEvery(ctx context.Context) {
	tick := time.NewTicker(p.opts.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		report, err := p.Sweep(ctx, nil)
		if err != nil && ctx.Err() == nil {
			p.log.Error("What was left behind could not be swept wholly.", "error", err)
		}
		if n := len(report.Objects) + len(report.Restored) + len(report.Temporary); n > 0 {
			p.log.Info("What was left behind was swept.", "objects", len(report.Objects), "bytes", report.Bytes,
				"restored", len(report.Restored), "temporary", len(report.Temporary))
		}
	}
}
