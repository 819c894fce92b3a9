package check

import (
	"math"
	"slices"
)

// authoringMediaRules: items of the Authoring Specification on media playlists and how
// segments are cut.
func authoringMediaRules() []rule {
	return []rule{
		should("S7.5", "the target duration is 6 s", sixSeconds),
		should("S7.6", "segments last about 6 s", sixSecondSegments),
		should("S8.22", "segment boundaries are aligned between tracks", aligned),
	}
}

func sixSeconds(p *presentation, r *reporter) {
	for _, t := range p.media("video", "audio") {
		if t.target > 0 && t.target != 6 {
			r.at(t.at(t.lines["#EXT-X-TARGETDURATION"]), "The target duration is %d s; 6 s are advised.", t.target)
		}
	}
}

func sixSecondSegments(p *presentation, r *reporter) {
	for _, t := range p.media("video", "audio") {
		var ds []float64
		for _, s := range t.segments {
			ds = append(ds, s.duration)
		}
		if len(ds) < 3 {
			continue
		}
		slices.Sort(ds)
		if mid := ds[len(ds)/2]; math.Abs(mid-6) > 0.5 {
			r.at(t.at(0), "Segments last %.3f s as a rule; about 6 s are advised.", mid)
		}
	}
}

// aligned compares where segments start, of those that two tracks both have.
func aligned(p *presentation, r *reporter) {
	var first *track
	for _, t := range p.media("video", "audio") {
		if !t.timed {
			continue
		}
		if first == nil {
			first = t
			continue
		}
		most := max(t.frame, first.frame) + jitter
		a, b := p.boundaries(first), p.boundaries(t)
		for i := range min(len(a), len(b)) {
			if math.Abs(a[i]-b[i]) > most {
				r.at(t.at(t.segments[i].line), "Segment %d starts %.3f s into the content, and in %s %.3f s; aligned segments let players switch without loading twice.", i, b[i], first.uri, a[i])
				break
			}
		}
	}
}

// boundaries returns when each segment starts, in seconds after the first.
func (p *presentation) boundaries(t *track) []float64 {
	var out []float64
	var at float64
	for _, s := range t.segments {
		out = append(out, at)
		r, track := p.run(s)
		at += float64(r.duration) / float64(track.timescale)
	}
	return out
}
