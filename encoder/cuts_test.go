package encoder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

func TestGridStart(t *testing.T) {
	regular := encoder.Grid{FrameRate: hls.Rational{Num: 25, Den: 1}, GOP: 50, Segment: 150, Frames: 400}
	cut := regular
	cut.Cuts = []int64{110, 250, 359}
	open := cut
	open.Frames = 0
	for name, tc := range map[string]struct {
		grid     encoder.Grid
		starts   []int64
		segments int
	}{
		"regular":            {regular, []int64{0, 150, 300, 400, 400}, 3},
		"cuts":               {cut, []int64{0, 110, 250, 359, 400, 400}, 4},
		"no end":             {encoder.Grid{Segment: 150}, []int64{0, 150, 300, 450}, 0},
		"cuts and no end":    {open, []int64{0, 110, 250, 359, 509}, 0},
		"the nearest window": {encoder.Grid{Segment: 150, Frames: 150}, []int64{0, 150, 150}, 1},
	} {
		var starts []int64
		for n := range tc.starts {
			starts = append(starts, tc.grid.Start(n))
		}
		assert.Equal(t, tc.starts, starts, name)
		assert.Equal(t, tc.segments, tc.grid.Segments(), name)
	}
	assert.Equal(t, []time.Duration{4400 * time.Millisecond, 10 * time.Second, 14360 * time.Millisecond}, cut.CutTimes())
	assert.Nil(t, regular.CutTimes())
	p := encoder.Job{Grid: cut}.Presentation()
	assert.Equal(t, cut.CutTimes(), p.Cuts)
}
