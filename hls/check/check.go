package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Options configure [Run].
type Options struct {
	// Profiles are the rules to apply. Defaults to both profiles.
	Profiles []Profile
	// Skip are IDs of rules not to apply. Defaults to none.
	Skip []string
	// Expected is how long the presentation has to be, such as what a probe of the source
	// measured. Defaults to 0, unknown: coverage is not checked.
	Expected time.Duration
	// Tolerance is how much may be missing of Expected. Defaults to the longest target
	// duration, a segment.
	Tolerance time.Duration
	// Sample is how many segments of each track are looked at, evenly spread, with the
	// first and the last. What needs all of them (bit rates, measured durations) is then
	// not checked, and a finding says so. Defaults to 0, all.
	Sample int
	// Key returns the 16 bytes of an AES-128 key. Defaults to nil: the bytes of encrypted
	// segments are not checked, and a finding says so.
	Key func(ctx context.Context, uri string) ([]byte, error)
	// Parallel is how many objects are read at a time. Defaults to 4.
	Parallel int
	// MaxPlaylist is the size of a playlist in bytes that is read at most. Defaults to
	// 4 MiB.
	MaxPlaylist int64
	// MaxPlaylists is how many media playlists are read at most. Defaults to 200.
	MaxPlaylists int
	// MaxSegments is how many segments all playlists together may have. Defaults to
	// 200,000.
	MaxSegments int
	// MaxSegment is the size of a segment in bytes that is looked at at most. Defaults to
	// 256 MiB.
	MaxSegment int64
	// MaxFindings is how many findings of one rule are reported at most. Defaults to 50.
	MaxFindings int
}

func (o *Options) defaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	set(&d.Parallel, 4)
	set(&d.MaxPlaylist, 4<<20)
	set(&d.MaxPlaylists, 200)
	set(&d.MaxSegments, 200_000)
	set(&d.MaxSegment, 256<<20)
	set(&d.MaxFindings, 50)
	if len(d.Profiles) == 0 {
		d.Profiles = []Profile{Conformance, Authoring}
	}
	return d
}

func set[T int | int64](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// ErrPlaylist says that what Run was pointed at is larger than Options.MaxPlaylist.
var ErrPlaylist = errors.New("hls/check: the playlist is too large")

// Run checks the presentation of a multivariant playlist, or of a single media playlist.
// master is its URI as src takes it.
//
// What is wrong with the presentation is in the Report; [Report.Err] says whether it
// conforms. An error means that the check could not be done: the playlist cannot be read,
// ctx ended, or src failed for a reason other than that an object is missing; then the
// Report holds what was found so far.
func Run(ctx context.Context, src Source, master string, opts *Options) (Report, error) {
	p := newPresentation(src, master, opts.defaults())
	report := Report{Master: master, Expected: p.opts.Expected, Findings: []Finding{}, Variants: []Variant{}, Tracks: []Track{}}
	if err := p.load(ctx); err != nil {
		return report, fmt.Errorf("hls/check: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return report, fmt.Errorf("hls/check: %w", err)
	}
	p.measure()
	p.findings(&report)
	p.summary(&report)
	if p.failed != nil {
		return report, fmt.Errorf("hls/check: %w", p.failed)
	}
	return report, nil
}

// findings applies the rules.
func (p *presentation) findings(report *Report) {
	for _, r := range table() {
		if !slices.Contains(p.opts.Profiles, r.Profile) || slices.Contains(p.opts.Skip, r.ID) {
			continue
		}
		rep := &reporter{rule: r.Rule, most: p.opts.MaxFindings}
		r.apply(p, rep)
		report.Findings = append(report.Findings, rep.findings...)
		report.Omitted += rep.omitted
	}
	order := map[Severity]int{Error: 0, Warning: 1, Info: 2}
	slices.SortStableFunc(report.Findings, func(a, b Finding) int { return order[a.Severity] - order[b.Severity] })
}
