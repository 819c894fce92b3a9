package encoder

import (
	"math"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// standardRates are the frame rates that SnapRate knows.
var standardRates = [...]hls.Rational{
	{Num: 1, Den: 1}, {Num: 2, Den: 1}, {Num: 5, Den: 1}, {Num: 6, Den: 1}, {Num: 8, Den: 1}, {Num: 10, Den: 1},
	{Num: 12, Den: 1}, {Num: 25, Den: 2}, {Num: 15000, Den: 1001}, {Num: 15, Den: 1}, {Num: 18, Den: 1}, {Num: 20, Den: 1},
	{Num: 24000, Den: 1001}, {Num: 24, Den: 1}, {Num: 25, Den: 1},
	{Num: 30000, Den: 1001}, {Num: 30, Den: 1}, {Num: 48000, Den: 1001}, {Num: 48, Den: 1}, {Num: 50, Den: 1},
	{Num: 60000, Den: 1001}, {Num: 60, Den: 1}, {Num: 90, Den: 1}, {Num: 100, Den: 1},
	{Num: 120000, Den: 1001}, {Num: 120, Den: 1}, {Num: 240, Den: 1},
}

// SnapRate returns the standard frame rate within 0.3 % of fps, the nearest where
// there are several, and otherwise fps in thousandths. It returns 25 frames a second
// where fps is no usable number.
func SnapRate(fps float64) hls.Rational {
	if math.IsNaN(fps) || fps <= 0 || fps > 1000 {
		return hls.Rational{Num: 25, Den: 1}
	}
	best, bestOff := hls.Rational{}, 0.003
	for _, r := range standardRates {
		if off := math.Abs(r.Float()/fps - 1); off < bestOff {
			best, bestOff = r, off
		}
	}
	if best.Den != 0 {
		return best
	}
	return hls.Rational{Num: max(1, int64(fps*1000+0.5)), Den: 1000}
}

// capRate halves the rate until it is at most limit, and raises one under a frame a
// second to that: a picture that stands still for longer costs nothing and cuts
// segments to size.
func capRate(r hls.Rational, limit int) hls.Rational {
	if r.Num <= 0 || r.Den <= 0 {
		return hls.Rational{Num: 25, Den: 1}
	}
	if r.Num < r.Den {
		return hls.Rational{Num: 1, Den: 1}
	}
	for r.Float() > float64(limit)+0.001 {
		if r.Num%2 == 0 {
			r.Num /= 2
		} else {
			r.Den *= 2
		}
	}
	return r
}

// newGrid cuts at the rate: a GOP of two seconds and three to a segment, as nearly as
// whole frames allow (HLS Authoring Specification 1.13 and 7.5).
func newGrid(rate hls.Rational) Grid {
	gop := max(1, int(math.Round(2*rate.Float())))
	return Grid{FrameRate: rate, GOP: gop, Segment: 3 * gop}
}

// shiftOnto returns the grid's Shift for pictures that begin at start. Without it they
// would be put on the nearest frame by themselves, up to half a frame away from their
// sound, and each another way where a container rounds times.
func (g Grid) shiftOnto(start time.Duration) time.Duration {
	rate := g.FrameRate.Float()
	frames := start.Seconds() * rate
	return time.Duration((math.Round(frames) - frames) / rate * float64(time.Second))
}

// CutTimes returns when the segments of Cuts begin, nil where there are none.
func (g Grid) CutTimes() []time.Duration {
	var out []time.Duration
	for _, n := range g.Cuts {
		out = append(out, Grid{FrameRate: g.FrameRate, Frames: n}.Duration())
	}
	return out
}

// shortenFirst makes the first segment last about d, in whole GOPs.
func (g *Grid) shortenFirst(d time.Duration) {
	gop := Grid{FrameRate: g.FrameRate, Frames: int64(g.GOP)}.Duration()
	if d <= 0 || gop <= 0 {
		return
	}
	first := max(1, int64(float64(d)/float64(gop)+0.5)) * int64(g.GOP)
	if first >= int64(g.Segment) {
		return
	}
	for at := first; at < g.Frames; at += int64(g.Segment) {
		g.Cuts = append(g.Cuts, at)
	}
}
