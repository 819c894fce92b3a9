package pack

import (
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// Grid says where a track is cut.
type Grid struct {
	// Segment is the nominal duration of every segment, in seconds, such as 6006/1000.
	Segment hls.Rational
	// First is the number of the stream's first segment. Defaults to 0.
	First int
	// Offset is added to every decode time, in seconds: where the stream lies on the
	// timeline when it is a window of it, usually First times Segment. It must be a
	// whole number of the track's ticks. Defaults to 0/0, none.
	Offset hls.Rational
	// Cuts are when segments 1, 2, … of the timeline begin, ascending, where they are not
	// all of the nominal duration; the last of them begins the last segment. Defaults to
	// nil, every segment has the nominal duration.
	Cuts []time.Duration
}

func (g Grid) check() error {
	if g.Segment.Num <= 0 || g.Segment.Den <= 0 {
		return fmt.Errorf("%w: segment duration %s", ErrOffGrid, g.Segment)
	}
	if g.First < 0 || g.Offset.Num < 0 || g.Offset.Den < 0 || (g.Offset.Den == 0 && g.Offset.Num != 0) {
		return fmt.Errorf("%w: first segment %d, offset %s", ErrOffGrid, g.First, g.Offset)
	}
	var before time.Duration
	for _, at := range g.Cuts {
		if at <= before {
			return fmt.Errorf("%w: a cut at %s behind one at %s", ErrOffGrid, at, before)
		}
		before = at
	}
	return nil
}

// start returns the nominal start of segment n in seconds, and whether there is one.
func (g Grid) start(n int) (num, den *big.Int, ok bool) {
	switch {
	case len(g.Cuts) == 0 || n == 0:
		num = new(big.Int).Mul(big.NewInt(int64(n)), big.NewInt(g.Segment.Num))
		return num, big.NewInt(g.Segment.Den), true
	case n <= len(g.Cuts):
		return big.NewInt(int64(g.Cuts[n-1])), big.NewInt(int64(time.Second)), true
	}
	return nil, nil, false
}

// millis returns when segment n opens, in milliseconds. There is no end to the last segment
// of a grid with cuts.
func (g Grid) millis(n int) int64 {
	switch {
	case len(g.Cuts) == 0 || n == 0:
		return (int64(n)*g.Segment.Num*1000 + g.Segment.Den/2) / g.Segment.Den
	case n <= len(g.Cuts):
		return g.Cuts[n-1].Round(time.Millisecond).Milliseconds()
	}
	return math.MaxInt64
}

// clock is a Grid in a track's ticks, and the segment that is open.
type clock struct {
	grid      Grid
	timescale uint32
	offset    int64 // ticks
	number    int   // of the open segment
	unit      int64 // duration of a frame, ticks; 0 before the first
	limit     int64 // where the next segment opens, ticks
	started   bool
}

func newClock(g Grid, timescale uint32) (*clock, error) {
	c := &clock{grid: g, timescale: timescale, number: g.First}
	if g.Offset.Num > 0 {
		n := new(big.Int).Mul(big.NewInt(g.Offset.Num), big.NewInt(int64(timescale)))
		q, r := n.QuoRem(n, big.NewInt(g.Offset.Den), new(big.Int))
		if r.Sign() != 0 || !q.IsInt64() || q.Int64() > math.MaxInt64/4 {
			return nil, fmt.Errorf("%w: offset %s s is not whole at timescale %d", ErrOffGrid, g.Offset, timescale)
		}
		c.offset = q.Int64()
	}
	return c, nil
}

// at returns when segment n opens: its nominal start plus halves half frames, in
// ticks, rounded up. There is no end to the last segment of a grid with cuts.
func (c *clock) at(n int, halves int64) int64 {
	num, den, ok := c.grid.start(n)
	if !ok {
		return math.MaxInt64
	}
	num.Mul(num, big.NewInt(2*int64(c.timescale)))
	num.Add(num, new(big.Int).Mul(den, big.NewInt(halves*c.unit)))
	den.Mul(den, big.NewInt(2))
	num.Add(num, den).Sub(num, big.NewInt(1)).Div(num, den) // ceiling; Div floors
	if !num.IsInt64() {
		return math.MaxInt64
	}
	return num.Int64()
}

// opens says whether what starts at start (presentation time) opens the next
// segment. unit is how long a frame is; the first call fixes it.
func (c *clock) opens(start, unit int64) (bool, error) {
	if !c.started {
		c.started, c.unit = true, unit
		c.limit = c.at(c.number+1, -1)
		if start < c.at(c.number, -1) || start >= c.limit {
			return false, fmt.Errorf("%w: segment %d starts at tick %d of %d a second", ErrOffGrid, c.number, start, c.timescale)
		}
		return false, nil
	}
	if start < c.limit {
		return false, nil
	}
	if start >= c.at(c.number+2, -1) {
		return false, fmt.Errorf("%w: nothing starts in segment %d", ErrOffGrid, c.number+1)
	}
	return true, nil
}

// advance opens the next segment.
func (c *clock) advance() {
	c.number++
	c.limit = c.at(c.number+1, -1)
}
