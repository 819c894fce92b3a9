package encoder_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// ready is a source of a minute that is what players need: 1080p at 25, 4 Mb/s, and
// stereo AAC of 128 kb/s.
func ready() encoder.Media {
	const seconds = 60
	var cuts []int64
	for n := int64(150); n < seconds*25; n += 150 {
		cuts = append(cuts, n)
	}
	return encoder.Media{
		Format: "mov,mp4,m4a,3gp,3g2,mj2", Duration: seconds * time.Second, Windowable: true,
		Streams: []encoder.Stream{
			{
				Index: 0, Kind: encoder.VideoStream, Codec: "h264", Profile: "High", Level: 41, End: seconds * time.Second, Packets: seconds * 25,
				Width: 1920, Height: 1080, PixelAspect: hls.Rational{Num: 1, Den: 1}, PixelFormat: "yuv420p", FieldOrder: "progressive",
				FrameRate: hls.Rational{Num: 25, Den: 1},
				Samples:   &encoder.Samples{Bytes: seconds * 4_000_000 / 8, Peak: 6_000_000, GOP: 50, Reorder: 2, Cuts: cuts},
			},
			{
				Index: 1, Kind: encoder.AudioStream, Codec: "aac", Profile: "LC", End: seconds * time.Second, Packets: 2813, SampleRate: 48_000, Channels: 2,
				Samples: &encoder.Samples{Bytes: seconds * 128_000 / 8, Peak: 130_000},
			},
		},
	}
}

func TestPlanCopiesTheBest(t *testing.T) {
	m := ready()
	grid, tracks, err := encoder.Plan(m, nil)
	require.NoError(t, err)
	assert.Empty(t, grid.Cuts, "they are those of the grid")
	require.Len(t, tracks, 5)
	top, sound := tracks[0], tracks[4]
	assert.Equal(t, encoder.TrackSpec{Track: top.Track, Stream: 0, Copy: true, Bitrate: 4_000_000}, top)
	assert.Equal(t, encoder.TrackSpec{Track: sound.Track, Stream: 1, Copy: true, Bitrate: 128_000}, sound)
	assert.Equal(t, []int64{6_126_000, 4_086_000}, []int64{top.PeakBandwidth, top.AverageBandwidth})
	_, encoded, err := encoder.Plan(m, &encoder.PlanOptions{Copy: encoder.CopyNever})
	require.NoError(t, err)
	assert.Equal(t, encoded[1:4], tracks[1:4], "4 Mb/s are enough for the ladder as it is")
	assert.False(t, encoded[0].Copy || encoded[4].Copy)
	job := encoder.Job{Grid: grid, Tracks: tracks}
	assert.Greater(t, job.MaxOutput(), int64(60*4_000_000/8))

	m.Streams[0].Samples.Bytes /= 4
	m.Streams[0].Samples.Peak /= 4
	_, tracks, err = encoder.Plan(m, nil)
	require.NoError(t, err)
	assert.True(t, tracks[0].Copy)
	for i, track := range tracks[1:4] {
		assert.Less(t, track.MaxRate, encoded[i+1].MaxRate)
		assert.Less(t, track.MaxRate, tracks[i].MaxRate+tracks[i].Bitrate, "a smaller one has less")
		assert.InDelta(t, 1.5, float64(track.BufSize)/float64(track.MaxRate), 0.01)
	}
}

// Segments begin where the source's keyframes are.
func TestPlanCutsWhereTheKeyframesAre(t *testing.T) {
	m := ready()
	s := m.Streams[0].Samples
	s.Cuts = append([]int64{}, s.Cuts...)
	s.Cuts[2]--
	grid, tracks, err := encoder.Plan(m, nil)
	require.NoError(t, err)
	assert.True(t, tracks[0].Copy)
	assert.Equal(t, s.Cuts, grid.Cuts)
	assert.Equal(t, 10, grid.Segments())
	grid, _, err = encoder.Plan(m, &encoder.PlanOptions{Copy: encoder.CopyNever})
	require.NoError(t, err)
	assert.Empty(t, grid.Cuts)
}

func TestPlanSaysWhyItDoesNotCopy(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(v, a *encoder.Stream, m *encoder.Media)
		why    string // with CopyOnly; "" where that copies
	}{
		"nobody has looked": {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Samples = nil }, "not in MP4"},
		"a fault":           {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Samples = &encoder.Samples{Fault: "have an open GOP"} }, "have an open GOP"},
		"HEVC":              {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Codec = "hevc" }, "are hevc"},
		"High 10":           {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Profile = "High 10" }, "High 10"},
		"level 5.2":         {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Level = 52 }, "5.2"},
		"no level":          {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Level = 0 }, "level"},
		"4:2:2":             {func(v, _ *encoder.Stream, _ *encoder.Media) { v.PixelFormat = "yuv422p" }, "yuv422p"},
		"full range":        {func(v, _ *encoder.Stream, _ *encoder.Media) { v.ColorRange = "pc" }, "full range"},
		"HLG":               {func(v, _ *encoder.Stream, _ *encoder.Media) { v.ColorTransfer = "arib-std-b67" }, "wide colours"},
		"interlaced":        {func(v, _ *encoder.Stream, _ *encoder.Media) { v.FieldOrder = "tt" }, "interlaced"},
		"turned":            {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Rotation = 180 }, "turned"},
		"mirrored":          {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Mirrored = true }, "mirrored"},
		"pixels":            {func(v, _ *encoder.Stream, _ *encoder.Media) { v.PixelAspect.Num = 4 }, "4:1"},
		"an odd size":       {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Height = 1079 }, "1920x1079"},
		"varying":           {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Variable = true }, "varying"},
		"too fast":          {func(v, _ *encoder.Stream, _ *encoder.Media) { v.FrameRate.Num = 120 }, "120.000"},
		"few keyframes":     {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Samples.GOP = 51 }, "keyframes"},
		"a longer sound":    {func(_, a *encoder.Stream, _ *encoder.Media) { a.End += time.Second }, "the sound goes on"},
		"truncated":         {func(_, _ *encoder.Stream, m *encoder.Media) { m.Truncated = true }, "end before"},
		// What is fit alone, and not beside a ladder.
		"too large":    {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Width, v.Height = 3840, 2160 }, ""},
		"too much":     {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Samples.Bytes *= 2 }, ""},
		"a high peak":  {func(v, _ *encoder.Stream, _ *encoder.Media) { v.Samples.Peak = 8_100_000 }, ""},
		"a short tail": {func(_, a *encoder.Stream, _ *encoder.Media) { a.End += 200 * time.Millisecond }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := ready()
			tc.change(&m.Streams[0], &m.Streams[1], &m)
			grid, tracks, err := encoder.Plan(m, nil)
			require.NoError(t, err)
			assert.False(t, tracks[0].Copy)
			assert.Empty(t, grid.Cuts)
			assert.Contains(t, encoder.NotCopied(m, nil)[tracks[0].ID], tc.why)
			assert.NotEmpty(t, encoder.NotCopied(m, nil)[tracks[0].ID])
			assert.Empty(t, encoder.NotCopied(m, &encoder.PlanOptions{Copy: encoder.CopyNever}))
			only(t, m, tc.why)
		})
	}
}

// Sound is copied by itself.
func TestPlanCopiesSound(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(a *encoder.Stream)
		why    string
	}{
		"AC-3":        {func(a *encoder.Stream) { a.Codec, a.Profile = "ac3", "" }, "ac3"},
		"HE-AAC":      {func(a *encoder.Stream) { a.Profile = "HE-AAC" }, "HE-AAC"},
		"5.1":         {func(a *encoder.Stream) { a.Channels = 6 }, "6 channels"},
		"32 kHz":      {func(a *encoder.Stream) { a.SampleRate = 32_000 }, "32000 Hz"},
		"late":        {func(a *encoder.Stream) { a.Start = time.Second }, "begin after 1.00 s"},
		"early":       {func(a *encoder.Stream) { a.End -= time.Second }, "end after 59.00 s of 60.00 s"},
		"a fault":     {func(a *encoder.Stream) { a.Samples = &encoder.Samples{Fault: "have no times"} }, "have no times"},
		"mono":        {func(a *encoder.Stream) { a.Channels = 1 }, ""},
		"a high rate": {func(a *encoder.Stream) { a.Samples.Bytes *= 2 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := ready()
			tc.change(&m.Streams[1])
			_, tracks, err := encoder.Plan(m, nil)
			require.NoError(t, err)
			assert.True(t, tracks[0].Copy, "the pictures")
			assert.False(t, tracks[4].Copy)
			assert.Equal(t, 2, tracks[4].Channels)
			only(t, m, tc.why)
		})
	}
}

// only plans without an encode, which fails where why says so.
func only(t *testing.T, m encoder.Media, why string) {
	t.Helper()
	grid, tracks, err := encoder.Plan(m, &encoder.PlanOptions{Copy: encoder.CopyOnly, Cellular: true})
	if why == "" {
		require.NoError(t, err)
		require.Len(t, tracks, 2)
		assert.Empty(t, encoder.NotCopied(m, &encoder.PlanOptions{Copy: encoder.CopyOnly}))
		assert.True(t, tracks[0].Copy && tracks[1].Copy)
		assert.Equal(t, []int{m.Streams[0].Width, m.Streams[0].Height}, []int{tracks[0].Width, tracks[0].Height})
		assert.Equal(t, m.Streams[0].Packets, grid.Frames)
		return
	}
	var e *encoder.Error
	require.True(t, errors.As(err, &e), "%v", err)
	assert.Equal(t, encoder.CodeNotCopyable, e.Code)
	assert.True(t, e.Permanent)
	assert.Contains(t, e.Message, why)
	assert.Nil(t, tracks)
}

// What is copied needs no slot of the pictures, and no window.
func TestCopiesRunBesideTheWindows(t *testing.T) {
	grid, tracks, err := encoder.Plan(ready(), nil)
	require.NoError(t, err)
	s := &sketch{}
	job := encoder.Job{ID: "film", Output: "media/film/1", Media: ready(), Grid: grid, Tracks: tracks}
	require.NoError(t, encoder.Parallel(s, nil).Encode(t.Context(), job, func(encoder.Update) error { return nil }))
	for _, part := range s.jobs {
		for _, track := range part.Tracks {
			assert.Equal(t, track.Copy, part.Window == (encoder.Window{}), "%s: %s", part.ID, track.ID)
		}
	}
}
