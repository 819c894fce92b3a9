package pack_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// What is behind the fragments that are wanted is read to its end, and left out.
func TestFragments(t *testing.T) {
	stream := fixture(t, "video.mp4")
	grid := pack.Grid{Segment: hls.Rational{Num: 2, Den: 5}} // two fragments
	r := bytes.NewReader(stream)
	p, err := run(t, t.Context(), hls.Video, grid, r, &pack.Options{Fragments: 3})
	require.NoError(t, err)
	assert.Zero(t, r.Len())
	require.Len(t, p.segments, 2)
	assert.EqualValues(t, 15, p.summary.Samples)
	assert.Equal(t, p.segments[0].Duration, 2*p.segments[1].Duration)

	all := must(t, hls.Video, grid, stream)
	assert.Equal(t, all.init, p.init)
	assert.Equal(t, all.segments[0], p.segments[0])

	_, err = run(t, t.Context(), hls.Video, grid, io.LimitReader(bytes.NewReader(stream), int64(len(stream)-1)), &pack.Options{Fragments: 3})
	assert.ErrorIs(t, err, pack.ErrTruncated)
}
