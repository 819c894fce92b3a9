package pack_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

// cuts are those of a source whose keyframes come anywhere.
var cuts = []time.Duration{4400 * time.Millisecond, 10 * time.Second, 14360 * time.Millisecond}

// All tracks are cut at the same places, wherever those are, and the last segment goes on
// to a track's end.
func TestCuts(t *testing.T) {
	grid := pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}, Cuts: cuts}
	stream := video(t, "25", "540", "50", "-force_key_frames", "4.4,10,14.36")
	v := must(t, hls.Video, grid, stream)
	a := must(t, hls.Audio, grid, audio(t, "48000", "21.6"))
	for p, frame := range map[*packed]float64{v: 0.5, a: 512} {
		require.Len(t, p.segments, 4)
		scale := float64(p.init.Timescale)
		for n, s := range p.segments[1:] {
			assert.InDelta(t, cuts[n].Seconds()*scale, float64(s.Start), frame)
		}
		assert.InDelta(t, 21.6*scale, float64(p.summary.End), 1)
	}
	assert.Equal(t, decoded(t, stream), decoded(t, v.bytes()))

	store := memstore.New()
	var starts []int64
	vtt := "WEBVTT\n\n00:04.390 --> 00:04.410\nOne\n\n00:21.000 --> 00:30.000\nTwo"
	_, err := pack.Text(t.Context(), store, "out", textTrack, grid, 21600*time.Millisecond, strings.NewReader(vtt), func(e pack.Event) error {
		starts = append(starts, e.Segment.Start, e.Segment.Duration)
		return nil
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, []int64{0, 4400, 4400, 5600, 10000, 4360, 14360, 7240}, starts)
}

// A window of a grid with cuts has its place between them.
func TestCutsInAWindow(t *testing.T) {
	stream := video(t, "25", "249", "50", "-force_key_frames", "5.6") // from 4.4 s on
	grid := pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}, Cuts: cuts, First: 1, Offset: hls.Rational{Num: 44, Den: 10}}
	p := must(t, hls.Video, grid, stream)
	require.Len(t, p.segments, 2)
	tick := int64(p.init.Timescale) / 25
	assert.Equal(t, []int64{110 * tick, 140 * tick}, []int64{p.segments[0].Start, p.segments[0].Duration})
	assert.Equal(t, []int64{250 * tick, 109 * tick}, []int64{p.segments[1].Start, p.segments[1].Duration})
}

func TestCutsThatGoBack(t *testing.T) {
	grid := pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}, Cuts: []time.Duration{time.Second, time.Second}}
	_, err := run(t, context.Background(), hls.Video, grid, strings.NewReader(""), nil)
	require.ErrorIs(t, err, pack.ErrOffGrid)
}
