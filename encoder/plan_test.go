package encoder_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

func video(w, h int, fps hls.Rational, seconds float64) encoder.Stream {
	return encoder.Stream{Kind: encoder.VideoStream, Codec: "h264", Width: w, Height: h, FrameRate: fps,
		End: time.Duration(seconds * float64(time.Second)), Packets: 10}
}

func audio(seconds float64) encoder.Stream {
	return encoder.Stream{Index: 1, Kind: encoder.AudioStream, Codec: "aac", Channels: 2, SampleRate: 44100,
		End: time.Duration(seconds * float64(time.Second)), Packets: 10}
}

func sizes(tracks []encoder.TrackSpec) (out [][2]int) {
	for _, t := range tracks {
		if t.Kind == hls.Video {
			out = append(out, [2]int{t.Width, t.Height})
		}
	}
	return out
}

func TestPlanLadder(t *testing.T) {
	r30 := hls.Rational{Num: 30, Den: 1}
	rotated := video(1920, 1080, r30, 10)
	rotated.Rotation = 90
	wide := video(720, 576, r30, 10)
	wide.PixelAspect = hls.Rational{Num: 64, Den: 45}
	for name, tc := range map[string]struct {
		in   encoder.Stream
		want [][2]int
	}{
		"1080p":          {video(1920, 1080, r30, 10), [][2]int{{1920, 1080}, {1280, 720}, {854, 480}, {640, 360}}},
		"4K is capped":   {video(3840, 2160, r30, 10), [][2]int{{1920, 1080}, {1280, 720}, {854, 480}, {640, 360}}},
		"portrait":       {rotated, [][2]int{{1080, 1920}, {720, 1280}, {480, 854}, {360, 640}}},
		"between rungs":  {video(568, 320, r30, 10), [][2]int{{568, 320}, {426, 240}}},
		"odd":            {video(161, 121, r30, 10), [][2]int{{160, 120}}},
		"pixel aspect":   {wide, [][2]int{{1024, 576}, {640, 360}, {426, 240}}},
		"two pixels":     {video(2, 2, r30, 10), [][2]int{{2, 2}}},
		"one pixel":      {video(1, 1, r30, 10), [][2]int{{2, 2}}},
		"a ribbon":       {video(8000, 100, r30, 10), [][2]int{{3840, 48}}},
		"just above 480": {video(960, 540, r30, 10), [][2]int{{960, 540}, {640, 360}, {426, 240}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, tracks, err := encoder.Plan(encoder.Media{Streams: []encoder.Stream{tc.in}}, nil)
			require.NoError(t, err)
			assert.Equal(t, tc.want, sizes(tracks))
		})
	}
}

// TestPlanNeverUpscales tries every small size: sides are even, not larger than the
// source's, and the aspect ratio stays within a pixel of rounding.
func TestPlanNeverUpscales(t *testing.T) {
	for w := 1; w <= 400; w += 7 {
		for h := 1; h <= 400; h += 3 {
			_, tracks, err := encoder.Plan(encoder.Media{Streams: []encoder.Stream{video(w, h, hls.Rational{Num: 25, Den: 1}, 1)}}, nil)
			require.NoError(t, err)
			ids := map[string]bool{}
			for _, tr := range tracks {
				require.Zero(t, tr.Width%2+tr.Height%2, "%dx%d of %dx%d", tr.Width, tr.Height, w, h)
				require.LessOrEqual(t, tr.Width, max(2, w))
				require.LessOrEqual(t, tr.Height, max(2, h))
				require.False(t, ids[tr.ID], "two tracks %s of %dx%d", tr.ID, w, h)
				ids[tr.ID] = true
				require.Positive(t, tr.MaxRate)
				if min(w, h) >= 16 {
					scale := math.Sqrt(float64(tr.Width*tr.Height) / float64(w*h))
					require.InDelta(t, float64(w)*scale, float64(tr.Width), 3+0.15*float64(tr.Width))
				}
			}
		}
	}
}

func TestPlanGrid(t *testing.T) {
	for _, tc := range []struct {
		in, rate     hls.Rational
		gop, segment int
		seconds      float64
	}{
		{hls.Rational{Num: 24000, Den: 1001}, hls.Rational{Num: 24000, Den: 1001}, 48, 144, 6.006},
		{hls.Rational{Num: 30000, Den: 1001}, hls.Rational{Num: 30000, Den: 1001}, 60, 180, 6.006},
		{hls.Rational{Num: 60000, Den: 1001}, hls.Rational{Num: 60000, Den: 1001}, 120, 360, 6.006},
		{hls.Rational{Num: 25, Den: 1}, hls.Rational{Num: 25, Den: 1}, 50, 150, 6},
		{hls.Rational{Num: 120, Den: 1}, hls.Rational{Num: 60, Den: 1}, 120, 360, 6},
		{hls.Rational{Num: 1, Den: 4}, hls.Rational{Num: 1, Den: 1}, 2, 6, 6},
		{hls.Rational{}, hls.Rational{Num: 25, Den: 1}, 50, 150, 6},
	} {
		g, tracks, err := encoder.Plan(encoder.Media{Streams: []encoder.Stream{video(640, 360, tc.in, 10), audio(10.05)}}, nil)
		require.NoError(t, err)
		assert.Equal(t, tc.rate, g.FrameRate)
		assert.Equal(t, tc.gop, g.GOP)
		assert.Equal(t, tc.segment, g.Segment)
		assert.InDelta(t, tc.seconds, g.SegmentDuration().Float(), 1e-9)
		assert.InDelta(t, 10, g.Duration().Seconds(), 1/tc.rate.Float(), "a tail of sound under 0.1 s does not lengthen the timeline")
		assert.Equal(t, hls.Audio, tracks[len(tracks)-1].Kind)
	}
}

func TestPlanTimelineIsTheLongerStream(t *testing.T) {
	g, _, err := encoder.Plan(encoder.Media{Streams: []encoder.Stream{video(640, 360, hls.Rational{Num: 25, Den: 1}, 2), audio(30)}}, nil)
	require.NoError(t, err)
	assert.Equal(t, 30*time.Second, g.Duration())
	g, tracks, err := encoder.Plan(encoder.Media{Streams: []encoder.Stream{audio(9.5)}}, nil)
	require.NoError(t, err)
	assert.InDelta(t, 9.5, g.Duration().Seconds(), 0.04)
	assert.Len(t, tracks, 1)
}

func TestPlanChoosesStreams(t *testing.T) {
	cover := video(3000, 3000, hls.Rational{Num: 90000, Den: 1}, 1)
	cover.CoverArt = true
	small, large := video(320, 180, hls.Rational{Num: 25, Den: 1}, 5), video(640, 360, hls.Rational{Num: 25, Den: 1}, 5)
	small.Index, large.Index = 1, 2
	first, dflt := audio(5), audio(5)
	first.Index, dflt.Index, dflt.Default = 3, 4, true
	_, tracks, err := encoder.Plan(encoder.Media{Streams: []encoder.Stream{cover, small, large, first, dflt}}, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, tracks[0].Stream)
	sounds := tracks[len(tracks)-2:]
	assert.Equal(t, 4, sounds[0].Stream, "the default sound comes first")
	assert.Equal(t, 3, sounds[1].Stream)
}

func TestPlanMakesATrackOfEachSound(t *testing.T) {
	var streams []encoder.Stream
	for i, lang := range []string{"eng", "ger", "", "xx;", "pt-BR", "eng"} {
		s := audio(5)
		s.Index, s.Language = i, lang
		streams = append(streams, s)
	}
	streams[5].Title = "Commentary"
	silent := audio(5)
	silent.Index, silent.Packets = 6, 0
	streams = append(streams, silent)
	_, tracks, err := encoder.Plan(encoder.Media{Streams: streams}, nil)
	require.NoError(t, err)
	var got []string
	for i, track := range tracks {
		assert.Equal(t, i == 0, track.Default)
		got = append(got, track.ID+" "+track.Language+" "+track.Name)
	}
	assert.Equal(t, []string{"audio en English", "audio-2 de Deutsch", "audio-3 und Audio", "audio-4 und Audio",
		"audio-5 pt-BR português", "audio-6 en Commentary"}, got)

	_, tracks, err = encoder.Plan(encoder.Media{Streams: streams}, &encoder.PlanOptions{MaxAudioTracks: 2})
	require.NoError(t, err)
	assert.Len(t, tracks, 2)
}

func TestPlanMakesATrackOfEachText(t *testing.T) {
	streams := []encoder.Stream{audio(5)}
	for i, codec := range []string{"subrip", "hdmv_pgs_subtitle", "mov_text", "ass"} {
		streams = append(streams, encoder.Stream{Index: 2 + i, Kind: encoder.SubtitleStream, Codec: codec, Language: "ger", Default: true})
	}
	m := encoder.Media{Streams: streams}
	_, tracks, err := encoder.Plan(m, nil)
	require.NoError(t, err)
	require.Len(t, tracks, 4)
	for i, want := range []struct {
		id     string
		stream int
	}{{"text", 2}, {"text-2", 4}, {"text-3", 5}} {
		got := tracks[1+i]
		assert.Equal(t, want.id, got.ID)
		assert.Equal(t, want.stream, got.Stream)
		assert.Equal(t, hls.Subtitle, got.Kind)
		assert.Equal(t, "de", got.Language)
		assert.Equal(t, "Deutsch", got.Name)
		assert.False(t, got.Default)
	}
	skipped := encoder.SkippedSubtitles(m)
	require.Len(t, skipped, 1)
	assert.Equal(t, 3, skipped[0].Index)

	_, tracks, err = encoder.Plan(m, &encoder.PlanOptions{MaxSubtitleTracks: -1})
	require.NoError(t, err)
	assert.Len(t, tracks, 1)
}

func TestPlanRefuses(t *testing.T) {
	undecodable := video(100, 100, hls.Rational{Num: 25, Den: 1}, 1)
	undecodable.Codec = ""
	for name, tc := range map[string]struct {
		m    encoder.Media
		code string
	}{
		"nothing":     {encoder.Media{}, encoder.CodeNoMedia},
		"undecodable": {encoder.Media{Streams: []encoder.Stream{undecodable}}, encoder.CodeUnsupportedFormat},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := encoder.Plan(tc.m, nil)
			var e *encoder.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.code, e.Code)
			assert.True(t, e.Permanent)
			assert.NotEmpty(t, e.Message)
		})
	}
}

func TestSnapRate(t *testing.T) {
	for fps, want := range map[float64]hls.Rational{
		23.976: {Num: 24000, Den: 1001}, 24: {Num: 24, Den: 1}, 29.97: {Num: 30000, Den: 1001}, 30.0001: {Num: 30, Den: 1},
		59.94006: {Num: 60000, Den: 1001}, 19001.0 / 317: {Num: 60000, Den: 1001}, 8.797: {Num: 8797, Den: 1000},
		math.NaN(): {Num: 25, Den: 1}, -1: {Num: 25, Den: 1}, 90000: {Num: 25, Den: 1},
	} {
		assert.Equal(t, want, encoder.SnapRate(fps), "%v", fps)
	}
}

// Each limit lets through what is at it and refuses what is one beyond.
func TestPlanLimits(t *testing.T) {
	r25 := hls.Rational{Num: 25, Den: 1}
	of := func(change func(*encoder.Stream)) func() encoder.Media {
		return func() encoder.Media {
			s := video(640, 360, r25, 10)
			change(&s)
			return encoder.Media{Duration: 10 * time.Second, Streams: []encoder.Stream{s}}
		}
	}
	streams := func(n int) func() encoder.Media {
		return func() encoder.Media {
			m := encoder.Media{Streams: []encoder.Stream{video(640, 360, r25, 10)}}
			for len(m.Streams) < n {
				m.Streams = append(m.Streams, encoder.Stream{Index: len(m.Streams), Kind: encoder.OtherStream})
			}
			return m
		}
	}
	long := func(d time.Duration) func() encoder.Media {
		return func() encoder.Media {
			return encoder.Media{Duration: d, Streams: []encoder.Stream{audio(10)}}
		}
	}
	for name, tc := range map[string]struct {
		at, beyond func() encoder.Media
		opts       encoder.PlanOptions
		says       string
	}{
		"duration": {at: long(12 * time.Hour), beyond: long(12*time.Hour + 1), says: "12h0m0s"},
		"pixels": {at: of(func(s *encoder.Stream) { s.Width, s.Height = 8192, 4352 }),
			beyond: of(func(s *encoder.Stream) { s.Width, s.Height = 8193, 4352 }), says: "8193x4352"},
		"pixels that overflow": {at: of(func(*encoder.Stream) {}),
			beyond: of(func(s *encoder.Stream) { s.Width, s.Height = math.MaxInt32, math.MaxInt32 }), says: "pixels"},
		"streams": {at: streams(128), beyond: streams(129), says: "129 streams"},
		"rate": {at: of(func(s *encoder.Stream) { s.Packets = 11_000 }),
			beyond: of(func(s *encoder.Stream) { s.Packets = 11_001 }), says: "pictures a second"},
		"frames": {at: of(func(s *encoder.Stream) { s.Packets, s.End = 12*3600*120, 12*time.Hour }),
			beyond: of(func(s *encoder.Stream) { s.Packets, s.End = 12*3600*120+1, 12*time.Hour }), says: "5184001 pictures"},
		"frames of one's own": {at: of(func(s *encoder.Stream) { s.Packets = 250 }), beyond: of(func(s *encoder.Stream) { s.Packets = 251 }),
			opts: encoder.PlanOptions{MaxFrames: 250}, says: "251 pictures"},
		"rate of one's own": {at: of(func(s *encoder.Stream) { s.Packets = 330 }), beyond: of(func(s *encoder.Stream) { s.Packets = 331 }),
			opts: encoder.PlanOptions{MaxSourceRate: 30}, says: "at most 30"},
		"streams of one's own": {at: streams(2), beyond: streams(3), opts: encoder.PlanOptions{MaxStreams: 2}, says: "at most 2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := encoder.Plan(tc.at(), &tc.opts)
			require.NoError(t, err)
			_, _, err = encoder.Plan(tc.beyond(), &tc.opts)
			var e *encoder.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, encoder.CodeTooLarge, e.Code)
			assert.True(t, e.Permanent)
			assert.Contains(t, e.Message, tc.says)
		})
	}
}

func TestPlanCellular(t *testing.T) {
	m := encoder.Media{Streams: []encoder.Stream{video(1920, 1080, hls.Rational{Num: 30, Den: 1}, 10), audio(10), audio(10)}}
	_, tracks, err := encoder.Plan(m, encoder.Apple())
	require.NoError(t, err)
	assert.Equal(t, [][2]int{{1920, 1080}, {1280, 720}, {854, 480}, {640, 360}, {320, 180}}, sizes(tracks))
	groups := map[string][]string{}
	var peak int64
	for _, tr := range tracks {
		groups[tr.Group] = append(groups[tr.Group], tr.ID)
		if tr.Group != "" && tr.ID != "low-audio-2" {
			peak += tr.PeakBandwidth
		}
	}
	assert.Equal(t, map[string][]string{"": {"v1080", "v720", "v480", "v360", "audio", "audio-2"}, "low": {"low", "low-audio", "low-audio-2"}}, groups)
	assert.LessOrEqual(t, peak, int64(192_000), "while it grows, too")

	// A small picture is not made larger; without a picture the sound must do.
	_, tracks, err = encoder.Plan(encoder.Media{Streams: []encoder.Stream{video(90, 160, hls.Rational{Num: 30, Den: 1}, 10)}}, encoder.Apple())
	require.NoError(t, err)
	assert.Equal(t, [][2]int{{90, 160}, {90, 160}}, sizes(tracks))
	_, tracks, err = encoder.Plan(encoder.Media{Streams: []encoder.Stream{audio(10)}}, &encoder.PlanOptions{Cellular: true, AudioBitrate: 320_000})
	require.NoError(t, err)
	require.Len(t, tracks, 1)
	assert.LessOrEqual(t, tracks[0].PeakBandwidth, int64(192_000))
}
