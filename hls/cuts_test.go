package hls_test

import (
	"path"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
)

// Where segments have lengths of their own, a short one in the middle ends no track, and
// the last one does, however long it is.
func TestPublisherWithCuts(t *testing.T) {
	plan := ntsc()
	plan.SegmentDuration = hls.Rational{Num: 6, Den: 1}
	plan.Tracks = plan.Tracks[1:3]
	plan.Cuts = []time.Duration{4400 * time.Millisecond, 10750 * time.Millisecond, 15150 * time.Millisecond}
	ends := append(plan.Cuts, 21400*time.Millisecond)

	s := newMemStore()
	s.check = consistent(t)
	p := newPublisher(t, s, plan, nil)
	for _, track := range plan.Tracks {
		require.NoError(t, give(t, s, p, hls.Init{Track: track.ID, Key: track.ID + "/init.mp4", Size: 800, Timescale: 1000, Codecs: "avc1.64001f"}))
	}
	segment := func(track, n int) hls.Segment {
		from := time.Duration(0)
		if n > 0 {
			from = ends[n-1]
		}
		id := plan.Tracks[track].ID
		return hls.Segment{Track: id, Number: n, Key: path.Join(id, string(rune('a'+n))) + ".m4s", Size: 100_000,
			Start: from.Milliseconds(), Duration: (ends[n] - from).Milliseconds()}
	}
	for n := range 3 {
		require.NoError(t, give(t, s, p, segment(0, n)))
	}
	require.NoError(t, give(t, s, p, segment(1, 0)))
	assert.Equal(t, ends[0], p.Front(), "4.4 s are a whole segment here")
	require.NoError(t, give(t, s, p, segment(0, 3)))
	require.NoError(t, give(t, s, p, segment(1, 1)))
	assert.Equal(t, ends[1], p.Front())
	require.NoError(t, give(t, s, p, segment(1, 2)))
	require.NoError(t, give(t, s, p, segment(1, 3)))
	assert.Equal(t, ends[3], p.Front())
	require.NoError(t, p.Finish(t.Context()))
	text := s.text(path.Join(prefix, attempt, plan.Tracks[0].ID, hls.IndexName))
	assert.Contains(t, text, "#EXT-X-TARGETDURATION:6\n")
	assert.Contains(t, text, "#EXTINF:6.350,")
}

func TestPlansWithBadCuts(t *testing.T) {
	for name, cuts := range map[string][]time.Duration{
		"at the start": {0}, "back": {2, 1}, "twice": {time.Second, time.Second}, "far": {2 * time.Hour},
	} {
		plan := ntsc()
		plan.Cuts = cuts
		_, err := hls.NewPublisher(newMemStore(), prefix, attempt, plan, nil)
		assert.ErrorIs(t, err, hls.ErrInvalidPlan, name)
	}
}
