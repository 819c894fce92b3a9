package hls_test

import (
	"fmt"
	"path"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
)

// subtitled adds two languages of subtitles to the plan.
func subtitled() hls.Presentation {
	plan := ntsc()
	plan.Tracks = append(plan.Tracks,
		hls.Track{ID: "text", Kind: hls.Subtitle, Language: "en", Name: "English"},
		hls.Track{ID: "text-2", Kind: hls.Subtitle, Language: "de"})
	return plan
}

// captions returns a subtitle track's segments; the last is tail long.
func captions(track string, n int, tail int64) []hls.Segment {
	var out []hls.Segment
	for i := range n {
		s := hls.Segment{
			Track: track, Number: i, Key: fmt.Sprintf("%s/%d-00.vtt", track, i), Size: 100,
			Start: int64(i) * 6006, Duration: 6006,
		}
		if i == n-1 {
			s.Duration = tail
		}
		out = append(out, s)
	}
	return out
}

func TestSubtitlesGolden(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	plan := subtitled()
	p := newPublisher(t, s, plan, nil)
	giveAll(t, s, p, encode(ntsc(), 2, 2.5).updates())
	assert.False(t, p.Playable(), "subtitles are a part of it")
	for _, track := range []string{"text", "text-2"} {
		for _, c := range captions(track, 3, 2500) {
			require.NoError(t, give(t, s, p, c))
		}
	}
	assert.True(t, p.Playable())
	require.NoError(t, p.Finish(t.Context()))
	golden(t, "subtitles-master.m3u8", s.text("media/42/master.m3u8"))
	golden(t, "subtitles-text.m3u8", s.text("media/42/a1/text/index.m3u8"))
	st := p.State()
	text := st.Tracks[len(st.Tracks)-1]
	assert.Nil(t, text.Init)
	assert.InDelta(t, 14.512, text.Duration.Seconds(), 1e-6)

	init := hls.Init{Track: "text", Key: "text/init.mp4", Size: 1, Timescale: 1000, Codecs: "wvtt"}
	assert.ErrorIs(t, p.Init(t.Context(), init), hls.ErrInvalidUpdate)
}

func TestSubtitlesOfSound(t *testing.T) {
	plan := hls.Presentation{
		SegmentDuration: hls.Rational{Num: 6006, Den: 1000},
		Tracks: []hls.Track{
			{ID: "audio", Kind: hls.Audio, Language: "en", Name: "English", Channels: 2},
			{ID: "text", Kind: hls.Subtitle, Language: "en", Name: "English", Default: true},
		},
	}
	m := encode(hls.Presentation{SegmentDuration: plan.SegmentDuration, Tracks: plan.Tracks[:1]}, 1, 2)
	s := newMemStore()
	p := newPublisher(t, s, plan, nil)
	giveAll(t, s, p, m.updates())
	for _, c := range captions("text", 2, 2000) {
		require.NoError(t, give(t, s, p, c))
	}
	require.NoError(t, p.Finish(t.Context()))
	master := s.text("media/42/master.m3u8")
	assert.Contains(t, master, `TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en",DEFAULT=YES`)
	assert.Contains(t, master, `SUBTITLES="subtitles"`)
	assert.NotContains(t, s.text(path.Join(prefix, attempt, "text", hls.IndexName)), "EXT-X-MAP")
}

func TestSubtitlesAloneAreNoPresentation(t *testing.T) {
	plan := subtitled()
	plan.Tracks = plan.Tracks[len(plan.Tracks)-1:]
	_, err := hls.NewPublisher(newMemStore(), prefix, attempt, plan, nil)
	assert.ErrorIs(t, err, hls.ErrInvalidPlan)
}
