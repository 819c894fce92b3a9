package hls

import (
	"maps"
	"path"
	"slices"
	"time"
)

// State is what a [Publisher] has accepted and published.
type State struct {
	Attempt string
	Tracks  []TrackState // in the plan's order
	// Front and Playable are those of the Publisher.
	Front    time.Duration
	Playable bool
	// Finished says that Finish has succeeded, Failed that Fail has been called.
	Finished, Failed bool
	// Duration is that of the longest track but images, up to its first missing segment.
	Duration time.Duration
	Size     int64 // bytes of all accepted segments and initialization segments
}

// TrackState is what has been accepted of one track.
type TrackState struct {
	Track Track // the plan
	Init  *Init // nil while there is none, and always for subtitles and images
	// Segments are in the order of their numbers. The first Contiguous of them have the
	// numbers from 0.
	Segments   []Segment
	Contiguous int
	// Duration is that of the contiguous segments, 0 without Init.
	Duration time.Duration
	Size     int64 // bytes
	// Peak and Average are the measured bit rates of the contiguous segments, in bits
	// per second: BANDWIDTH and AVERAGE-BANDWIDTH of RFC 8216 section 4.3.4.2. 0 without
	// Init.
	Peak, Average int64
}

// State returns a copy of the Publisher's state.
func (p *Publisher) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := State{
		Attempt: p.attempt, Front: p.front, Playable: p.playable,
		Finished: p.finished, Failed: p.failed,
	}
	for _, t := range p.tracks {
		ts := TrackState{
			Track: t.plan, Segments: slices.Clone(t.segs), Contiguous: len(t.segs),
			Duration: t.duration(len(t.segs)),
		}
		for _, n := range slices.Sorted(maps.Keys(t.ahead)) {
			ts.Segments = append(ts.Segments, t.ahead[n])
		}
		for _, seg := range ts.Segments {
			ts.Size += seg.Size
		}
		if t.init != nil {
			init := *t.init
			if t.plan.Kind != Subtitle && t.plan.Kind != Image {
				ts.Init = &init
				ts.Size += init.Size
			}
			ts.Peak = peakBandwidth(t.segs, init.Timescale, p.target)
			ts.Average = averageBandwidth(t.segs, init.Timescale)
		}
		s.Tracks = append(s.Tracks, ts)
		if t.plan.Kind != Image {
			s.Duration = max(s.Duration, ts.Duration)
		}
		s.Size += ts.Size
	}
	return s
}

// renditions returns what the multivariant playlist that points at the playlists of
// the name says. Figures are measured; for a presentation that grows they are not less
// than planned.
func (p *Publisher) renditions(name string) []rendition {
	var out []rendition
	for _, t := range p.played {
		r := rendition{
			Track: t.plan, codecs: t.init.Codecs,
			uri:     path.Join(p.attempt, t.plan.ID, name),
			peak:    peakBandwidth(t.segs, t.init.Timescale, p.target),
			average: averageBandwidth(t.segs, t.init.Timescale),
		}
		if name == EventName {
			r.peak = max(r.peak, t.plan.PeakBandwidth)
			if t.plan.AverageBandwidth > 0 {
				r.average = t.plan.AverageBandwidth
			}
			r.average = min(r.average, r.peak)
		} else if t.hasKeyframes() {
			frames := keyframes(t.segs)
			r.iframes = &rendition{
				Track: t.plan, codecs: t.init.Codecs,
				uri:     path.Join(p.attempt, t.plan.ID, ofRun(IFrameName, p.opts.Run)),
				peak:    peakBandwidth(frames, t.init.Timescale, p.target),
				average: averageBandwidth(frames, t.init.Timescale),
			}
		}
		out = append(out, r)
	}
	return out
}
