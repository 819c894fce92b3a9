package check

import "math"

// timelineRules: times in the bytes, against each other and against the playlists.
func timelineRules() []rule {
	return []rule{
		conformance("M7.1", "decode times continue from segment to segment", continuity),
		conformance("M7.4", "every video segment starts with an IDR picture", startsOnIDR),
		conformance("M7.7", "no segment is more than 0.5 s over the target duration", tooLong),
		conformance("M8.1", "any run of EXTINF sums to the true duration within a frame", extinf),
		conformance("M8.3", "audio and video last equally long", sameDuration),
		conformance("M8.7", "audio and video start at the same time", sameStart),
	}
}

// jitter is how far times may be off through the rounding of timescales, in seconds.
const jitter = 0.001

func continuity(p *presentation, r *reporter) {
	bytesRule(p, r)
	for _, t := range p.media("video", "audio") {
		var before *run
		var end float64
		for _, s := range t.segments {
			now, track := p.run(s)
			if s.discontinuity || now == nil {
				before = nil
			}
			if now == nil {
				continue
			}
			start := float64(now.decode) / float64(track.timescale)
			if before != nil && math.Abs(start-end) > jitter {
				what := "a gap"
				if start < end {
					what = "an overlap"
				}
				r.at(t.inSegment(s, -1), "The segment starts at %.3f s by its tfdt, but the samples before it end at %.3f s: %s of %.3f s. Decode times must be the sum of what came before.", start, end, what, math.Abs(start-end))
			}
			before, end = now, float64(now.end)/float64(track.timescale)
		}
	}
}

func startsOnIDR(p *presentation, r *reporter) {
	for _, t := range p.media("video") {
		for _, s := range t.segments {
			now, track := p.run(s)
			switch {
			case now == nil || track.handler != "vide":
			case !now.sync:
				r.at(t.inSegment(s, -1), "The first sample of the segment is not marked as a sync sample; a player that switches or seeks here shows nothing until the next one. Start segments on an IDR picture.")
			case now.idr == no:
				r.at(t.inSegment(s, -1), "The first picture of the segment is marked as a sync sample, but its NAL unit is no IDR picture. Start segments on an IDR picture.")
			}
		}
	}
}

func tooLong(p *presentation, r *reporter) {
	for _, t := range p.media("video", "audio") {
		for _, s := range t.segments {
			now, track := p.run(s)
			if now == nil || t.target == 0 {
				continue
			}
			d := float64(now.duration) / float64(track.timescale)
			if d > float64(t.target)+0.5+1e-9 && math.Floor(s.duration+0.5) <= float64(t.target) {
				r.at(t.inSegment(s, -1), "The segment lasts %.3f s, more than 0.5 s over the target duration of %d s.", d, t.target)
			}
		}
	}
}

// extinf looks for the run of segments whose EXTINF is furthest from the truth: between
// the least and the greatest difference of the two sums.
func extinf(p *presentation, r *reporter) {
	for _, t := range p.media("video", "audio") {
		var runs runCheck
		for i, s := range t.segments {
			now, track := p.run(s)
			if now == nil || s.timed == 0 {
				runs = runCheck{}
				continue
			}
			d := float64(now.duration) / float64(track.timescale)
			off, from := runs.add(i, s.duration-d)
			frame := max(t.frame, jitter) + jitter
			if math.Abs(off) <= frame {
				continue
			}
			if from == i {
				r.at(t.at(s.timed), "EXTINF says %.3f s, but the samples of the segment last %.3f s.", s.duration, d)
			} else {
				r.at(t.at(s.timed), "From line %d to here EXTINF sums to %.3f s off what the samples last; carry the rounding error from segment to segment.", t.segments[from].timed, off)
			}
			break
		}
	}
}

// runCheck follows the sum of differences and its extremes.
type runCheck struct {
	sum           float64
	low, high     float64
	lowAt, highAt int // the segment behind the extreme
	started       bool
}

// add adds the difference of segment i and returns the largest difference of a run that
// ends with it, and where that run starts.
func (c *runCheck) add(i int, d float64) (off float64, from int) {
	if !c.started {
		c.started, c.lowAt, c.highAt = true, i, i
	}
	c.sum += d
	if c.sum-c.low > c.high-c.sum {
		off, from = c.sum-c.low, c.lowAt
	} else {
		off, from = c.sum-c.high, c.highAt
	}
	if c.sum < c.low {
		c.low, c.lowAt = c.sum, i+1
	}
	if c.sum > c.high {
		c.high, c.highAt = c.sum, i+1
	}
	return off, from
}

func sameDuration(p *presentation, r *reporter) {
	var longest *track
	tracks := p.media("video", "audio")
	for _, t := range tracks {
		if t.ended && !t.skipped && !t.cut && (longest == nil || t.duration > longest.duration) {
			longest = t
		}
	}
	for _, t := range tracks {
		if t == longest || longest == nil || !t.ended || t.skipped || t.cut {
			continue
		}
		most := max(0.5, t.frame, longest.frame)
		if !t.timed || !longest.timed {
			most = max(most, float64(longest.target))
		}
		if short := longest.duration - t.duration; short > most {
			r.at(t.at(0), "The track lasts %.3f s, %.3f s less than %s; audio and video must cover the same content. Pad what ends early.", t.duration, short, longest.uri)
		}
	}
}

func sameStart(p *presentation, r *reporter) {
	var first *track
	for _, t := range p.media("video", "audio") {
		if !t.timed {
			continue
		}
		if first == nil {
			first = t
		} else if off := t.start - first.start; math.Abs(off) > 0.25 {
			r.at(t.at(0), "The track starts at %.3f s and %s at %.3f s; they would play %.3f s apart.", t.start, first.uri, first.start, math.Abs(off))
		}
	}
}
