package encoder

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// division is a job in parts: what Parallel makes of it.
type division struct {
	video   []TrackSpec // the tracks of each window, with images
	sound   []TrackSpec // the tracks that are made in one piece, beside the windows: what is copied, too
	missing []Window    // what has to be made of video, in order
}

// nothing says that all is there already.
func (d division) nothing() bool { return len(d.missing) == 0 && len(d.sound) == 0 }

// divide splits a job. It is false for one that has to be encoded as it is.
func divide(job Job) (d division, ok bool) {
	total := job.Grid.Segments()
	if total == 0 || job.Window != (Window{}) || len(job.Tracks) == 0 {
		return d, false
	}
	for _, t := range job.Tracks {
		lacks := missing(job.Done, t.ID, total)
		switch {
		case t.heavy():
			d.video = append(d.video, t)
			d.missing = append(d.missing, lacks...)
		case len(lacks) > 0:
			d.sound = append(d.sound, t)
		}
	}
	d.missing = union(d.missing)
	g := job.Grid
	split := job.Media.Windowable && len(d.video) > 0 && g.FrameRate.Num > 0 && g.FrameRate.Den > 0 && g.Frames >= 2*int64(g.Segment)
	return d, split || d.nothing()
}

// missing returns what of the first total segments is not in done, in order.
func missing(done []Done, track string, total int) []Window {
	var have []Window
	for _, d := range done {
		// What makes no sense is taken for what is not there.
		if d.Track == track && d.First >= 0 && d.First < total && d.Segments > 0 {
			have = append(have, Window{d.First, min(d.Segments, total-d.First)})
		}
	}
	var out []Window
	at := 0
	for _, w := range union(have) {
		if w.First > at {
			out = append(out, Window{at, w.First - at})
		}
		at = w.First + w.Segments
	}
	if at < total {
		out = append(out, Window{at, total - at})
	}
	return out
}

// union returns the segments of all windows as few windows, in order.
func union(windows []Window) []Window {
	slices.SortFunc(windows, func(a, b Window) int { return cmp.Compare(a.First, b.First) })
	var out []Window
	for _, w := range windows {
		if n := len(out); n > 0 && w.First <= out[n-1].First+out[n-1].Segments {
			last := &out[n-1]
			last.Segments = max(last.Segments, w.First+w.Segments-last.First)
			continue
		}
		out = append(out, w)
	}
	return out
}

// windows cuts what is missing: first segments, then twice as many each time, up to
// longest; at once as many where the start is there already and can be played. Towards the
// end no window has more than a worker's share of what is left, so that all of them end
// together. Of two windows before a hole or the end, neither is much shorter than the
// other, and a last segment of less than half the length is no window.
func windows(g Grid, missing []Window, first, longest, workers int) (out []Window) {
	n, left, last := first, 0, g.Segments()-1
	short := 2*(g.Frames-g.Start(last)) < int64(g.Segment)
	for _, m := range missing {
		left += m.Segments
		if short && m.First+m.Segments > last {
			left-- // it would make a share larger that it adds next to nothing to
		}
	}
	if len(missing) > 0 && missing[0].First > 0 {
		n = longest
	}
	for _, m := range missing {
		for m.Segments > 0 {
			begun, share := len(out) > 0, (left+workers-1)/workers
			take := min(n, m.Segments, max(first, share))
			if begun && m.Segments > take && m.Segments < 2*take { // the first is as short as asked for
				take = (m.Segments + 1) / 2
			}
			if begun && short && m.First+take == last && take < m.Segments {
				take++
			}
			out = append(out, Window{m.First, take})
			left -= take
			m.First, m.Segments = m.First+take, m.Segments-take
			n = max(first, min(2*n, longest))
		}
	}
	return out
}

// segmentsIn returns how many segments come closest to d, at least one.
func segmentsIn(d time.Duration, g Grid) int {
	n := d.Seconds() / g.SegmentDuration().Float()
	return int(max(1, min(n+0.5, math.MaxInt32)))
}

// between returns how long segments from to to of the timeline are. Neighbours add up
// without a rounding error.
func (g Grid) between(from, to int) time.Duration {
	at := func(n int) time.Duration {
		part := Grid{FrameRate: g.FrameRate, Frames: min(g.Frames, g.Start(n))}
		return part.Duration()
	}
	return at(to) - at(from)
}
