package progress_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/progress"
)

func TestEstimatorMeasuresASteadyEncode(t *testing.T) {
	var x progress.Estimator
	for i := range 61 {
		x.Observe(at.Add(time.Duration(i)*500*time.Millisecond), time.Duration(i)*time.Second)
	}
	assert.InDelta(t, 2, x.Speed(), 1e-9)
	assert.InDelta(t, 30, x.ETA(2*time.Minute).Seconds(), 1e-6)
	assert.Zero(t, x.ETA(time.Minute), "nothing is left")
	assert.Zero(t, x.ETA(0), "the duration is unknown")
}

func TestEstimatorFollowsAChange(t *testing.T) {
	x := progress.Estimator{HalfLife: 5 * time.Second}
	now, pos := at, time.Duration(0)
	step := func(speed float64, n int) {
		for range n {
			now, pos = now.Add(time.Second), pos+time.Duration(speed*float64(time.Second))
			x.Observe(now, pos)
		}
	}
	step(4, 60)
	step(1, 5)
	assert.InDelta(t, 2.5, x.Speed(), 0.1, "half of it after one half-life")
	step(1, 60)
	assert.InDelta(t, 1, x.Speed(), 0.01)
	step(0, 2000)
	assert.Zero(t, x.ETA(pos+time.Hour), "it stands still")
}

func TestEstimatorSaysNothingWithoutGround(t *testing.T) {
	var x progress.Estimator
	assert.Zero(t, x.Speed())
	assert.Zero(t, x.ETA(time.Minute))
	x.Observe(at, 10*time.Second)
	x.Observe(at, 20*time.Second)                // no time has passed
	x.Observe(at.Add(-time.Second), time.Minute) // the clock went back
	x.Observe(at.Add(time.Second), time.Second)  // so did the position
	x.Observe(at.Add(100*time.Millisecond), 11*time.Second)
	assert.Zero(t, x.Speed(), "too early")
	x.Observe(at.Add(2*time.Second), 14*time.Second)
	assert.False(t, math.IsNaN(x.Speed()))
	assert.InDelta(t, 2, x.Speed(), 0.5)
}

func ExampleEstimator() {
	var x progress.Estimator
	start := time.Now()
	x.Observe(start, 0)
	x.Observe(start.Add(10*time.Second), 30*time.Second)
	fmt.Println(x.Speed(), x.ETA(time.Minute))
	// Output: 3 10s
}
