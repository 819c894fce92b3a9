package hls_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
)

// withKeyframes gives each video segment a keyframe every two seconds.
func withKeyframes(m material) material {
	for i, track := range m.plan.Tracks {
		if track.Kind != hls.Video {
			continue
		}
		scale := int64(m.inits[i].Timescale)
		for n := range m.segments[i] {
			s := &m.segments[i][n]
			for at := int64(0); at < s.Duration; at += 2 * scale {
				s.Keyframes = append(s.Keyframes, hls.Keyframe{
					Offset: at / scale * 10, Size: s.Size / 20, Duration: min(2*scale, s.Duration-at),
				})
			}
		}
	}
	return m
}

func TestIFramePlaylistGolden(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	giveAll(t, s, p, withKeyframes(encode(ntsc(), 2, 2.5)).updates())
	assert.NotContains(t, s.text("media/42/master.m3u8"), "I-FRAME", "while it grows there is none")
	require.NoError(t, p.Finish(t.Context()))
	golden(t, "iframe-master.m3u8", s.text("media/42/master.m3u8"))
	golden(t, "iframe-v720.m3u8", s.text("media/42/a1/v720/iframe.m3u8"))
	assert.Empty(t, s.text("media/42/a1/audio/iframe.m3u8"))
	assert.Len(t, parseMaster(t, s.text("media/42/master.m3u8")).Variants, 6, "three renditions and their I-frames")
}

func TestNoIFramePlaylistWhereOneSegmentTellsNothing(t *testing.T) {
	m := withKeyframes(encode(ntsc(), 2, 2.5))
	for i := range m.plan.Tracks {
		m.segments[i][1].Keyframes = nil
	}
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	giveAll(t, s, p, m.updates())
	require.NoError(t, p.Finish(t.Context()))
	assert.NotContains(t, s.text("media/42/master.m3u8"), "I-FRAME")
}

func TestKeyframesOutsideTheirSegmentAreRefused(t *testing.T) {
	for _, k := range []hls.Keyframe{
		{Offset: -1, Size: 1, Duration: 1}, {Offset: 0, Size: 0, Duration: 1}, {Offset: 0, Size: 1},
		{Offset: 1 << 62, Size: 1 << 62, Duration: 1},
	} {
		m := encode(ntsc(), 1, 0)
		s := m.segments[0][0]
		s.Keyframes = []hls.Keyframe{k}
		p := newPublisher(t, newMemStore(), ntsc(), nil)
		assert.ErrorIs(t, p.Segment(t.Context(), s), hls.ErrInvalidUpdate, "%+v", k)
	}
}
