package check

import (
	"math"
	"time"
)

// coverageRules: the presentation is all of what was to be presented.
func coverageRules() []rule {
	return []rule{conformance("COVERAGE", "the presentation is as long as Options.Expected", coverage)}
}

func coverage(p *presentation, r *reporter) {
	shortest, missing := p.missingContent()
	tolerance := p.opts.Tolerance
	if _, target, _ := p.content(); tolerance <= 0 {
		tolerance = seconds(target)
	}
	if missing <= tolerance {
		return
	}
	where := Where{Offset: -1}
	what := "The presentation"
	if shortest != nil {
		where, what = shortest.at(0), "The shortest track"
	}
	percent := math.Round(1000*float64(missing)/float64(p.opts.Expected)) / 10
	r.at(where, "%s lasts %v of %v: %v are missing, %g %%. The source was cut off or the encode stopped too early.", what,
		(p.opts.Expected - missing).Round(time.Millisecond), p.opts.Expected.Round(time.Millisecond), missing.Round(time.Millisecond), percent)
}

// missingContent returns the shortest video or audio track and how much of
// Options.Expected it lacks, 0 where nothing is expected or missing.
func (p *presentation) missingContent() (*track, time.Duration) {
	var shortest *track
	for _, t := range p.media("video", "audio") {
		if shortest == nil || t.duration < shortest.duration {
			shortest = t
		}
	}
	if p.opts.Expected <= 0 {
		return shortest, 0
	}
	if shortest == nil {
		return nil, p.opts.Expected
	}
	return shortest, max(0, p.opts.Expected-seconds(shortest.duration))
}
