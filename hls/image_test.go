package hls_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
)

// withImages adds an image track to the plan, and its segments.
func withImages(plan hls.Presentation, n int) (hls.Presentation, []any) {
	plan.Tracks = append(plan.Tracks, hls.Track{ID: "stills", Kind: hls.Image, Width: 256, Height: 144, Interval: hls.Rational{Num: 2002, Den: 1000}})
	var segments []any
	for i := range n {
		segments = append(segments, hls.Segment{Track: "stills", Number: i, Key: fmt.Sprintf("stills/%d-0f.jpg", i), Size: 9000, Start: int64(i) * 6006, Duration: 6006,
			Poster: &hls.Poster{Key: fmt.Sprintf("stills/poster-%d-0f.jpg", i), Size: 90_000, Width: 1280, Height: 720, Quality: 1}})
	}
	return plan, segments
}

// Images are in no playlist, and nobody who plays waits for them. But without them a
// presentation is not whole.
func TestImagesHoldNothingUp(t *testing.T) {
	plan, pictures := withImages(ntsc(), 3)
	s := newMemStore()
	s.check = consistent(t)
	p := newPublisher(t, s, plan, nil)
	giveAll(t, s, p, encode(ntsc(), 3, 0).updates())
	assert.True(t, p.Playable())
	assert.InDelta(t, 18.018, p.Front().Seconds(), 0.05)

	var incomplete *hls.IncompleteError
	require.ErrorAs(t, p.Finish(t.Context()), &incomplete)
	assert.Contains(t, incomplete.Error(), `track "stills" lacks all segments`)
	require.NoError(t, give(t, s, p, pictures[2]))
	require.NoError(t, give(t, s, p, pictures[0]))
	require.ErrorAs(t, p.Finish(t.Context()), &incomplete)
	assert.Contains(t, incomplete.Error(), `track "stills" lacks segments [1]`)
	require.NoError(t, give(t, s, p, pictures[1]))
	require.NoError(t, p.Finish(t.Context()))

	for key := range s.objects {
		assert.False(t, strings.HasPrefix(key, "media/42/a1/stills/") && strings.HasSuffix(key, ".m3u8"), key)
	}
	assert.NotContains(t, s.text("media/42/master.m3u8"), "stills")
	state := p.State()
	last := state.Tracks[len(state.Tracks)-1]
	assert.Equal(t, hls.Image, last.Track.Kind)
	assert.Nil(t, last.Init)
	assert.Equal(t, 18018*time.Millisecond, last.Duration)
	assert.Equal(t, "stills/poster-1-0f.jpg", last.Segments[1].Poster.Key)
}

func TestImagesAreRefused(t *testing.T) {
	plan, pictures := withImages(ntsc(), 1)
	for want, bend := range map[string]func(*hls.Track){
		"0 by 144 pixels": func(t *hls.Track) { t.Width = 0 },
		"a picture every": func(t *hls.Track) { t.Interval = hls.Rational{} },
	} {
		bad := plan
		bad.Tracks = append(bad.Tracks[:4:4], plan.Tracks[4])
		bend(&bad.Tracks[4])
		_, err := hls.NewPublisher(newMemStore(), prefix, attempt, bad, nil)
		require.ErrorIs(t, err, hls.ErrInvalidPlan)
		assert.ErrorContains(t, err, want)
	}
	alone := plan
	alone.Tracks = plan.Tracks[4:]
	_, err := hls.NewPublisher(newMemStore(), prefix, attempt, alone, nil)
	require.ErrorIs(t, err, hls.ErrInvalidPlan)

	p := newPublisher(t, newMemStore(), plan, nil)
	require.ErrorIs(t, p.Init(t.Context(), hls.Init{Track: "stills", Key: "stills/init-0.mp4", Timescale: 1000, Codecs: "jpeg"}), hls.ErrInvalidUpdate)
	s := pictures[0].(hls.Segment)
	s.Poster = &hls.Poster{Key: "../secret.jpg"}
	require.ErrorIs(t, p.Segment(t.Context(), s), hls.ErrInvalidUpdate)
}
