package progress

import (
	"math"
	"time"
)

// Estimator measures how fast one attempt encodes, and how long the rest will take,
// from the positions that it is told. It looks at the recent past: what lies HalfLife
// back counts half. The zero value is ready. It starts nothing and reads no clock. It
// must not be used concurrently.
type Estimator struct {
	// HalfLife is how fast the past is forgotten. Defaults to 10 seconds.
	HalfLife time.Duration

	started  bool
	at       time.Time     // of the last observation
	position time.Duration // at the last observation
	encoded  float64       // discounted seconds of the timeline
	elapsed  float64       // discounted seconds of wall time
	since    time.Duration // wall time observed, not discounted
}

// warmUp is how long an Estimator observes before it says anything.
const warmUp = time.Second

// Observe tells that at the time at position of the timeline has been encoded. What
// goes back in time or position is ignored.
func (x *Estimator) Observe(at time.Time, position time.Duration) {
	if !x.started {
		x.started, x.at, x.position = true, at, position
		return
	}
	dt := at.Sub(x.at)
	if dt <= 0 || position < x.position {
		return
	}
	half := x.HalfLife
	if half <= 0 {
		half = 10 * time.Second
	}
	keep := math.Exp2(-dt.Seconds() / half.Seconds())
	x.encoded = x.encoded*keep + (position - x.position).Seconds()
	x.elapsed = x.elapsed*keep + dt.Seconds()
	x.since += dt
	x.at, x.position = at, position
}

// Speed returns encoded time over wall time, such as 2 for twice real time, and 0
// while that is unknown: in the first second.
func (x *Estimator) Speed() float64 {
	if x.since < warmUp {
		return 0
	}
	return x.encoded / x.elapsed
}

// ETA returns how long it will take from the last observation until all of duration
// has been encoded. It returns 0 where that is unknown, or nothing is left.
func (x *Estimator) ETA(duration time.Duration) time.Duration {
	left, speed := (duration - x.position).Seconds(), x.Speed()
	if left <= 0 || speed <= 0 {
		return 0
	}
	eta := left / speed
	if eta > (1000 * time.Hour).Seconds() {
		return 0 // it stands still, more or less
	}
	return time.Duration(eta * float64(time.Second))
}
