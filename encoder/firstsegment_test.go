package encoder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

func TestFirstSegment(t *testing.T) {
	media := func(d time.Duration) encoder.Media {
		return encoder.Media{Format: "mov,mp4", Duration: d, Streams: []encoder.Stream{
			{Kind: encoder.VideoStream, Codec: "h264", Width: 640, Height: 360, FrameRate: hls.Rational{Num: 25, Den: 1}, End: d, Packets: 1},
		}}
	}
	for _, tc := range []struct {
		first, long time.Duration
		cuts        []int64
	}{
		{0, 20 * time.Second, nil},
		{6 * time.Second, 20 * time.Second, nil},
		{time.Minute, 20 * time.Second, nil},
		{2 * time.Second, 20 * time.Second, []int64{50, 200, 350}},
		{2 * time.Second, 14 * time.Second, []int64{50, 200}},
		{4200 * time.Millisecond, 11 * time.Second, []int64{100, 250}},
		{time.Millisecond, 3 * time.Second, []int64{50}},
		{2 * time.Second, time.Second, nil},
	} {
		grid, _, err := encoder.Plan(media(tc.long), &encoder.PlanOptions{FirstSegment: tc.first})
		require.NoError(t, err)
		assert.Equal(t, tc.cuts, grid.Cuts, "%v of %v", tc.first, tc.long)
		if len(tc.cuts) > 0 {
			assert.Equal(t, len(tc.cuts)+1, grid.Segments())
		}
	}
}
