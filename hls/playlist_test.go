package hls_test

import (
	"math"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	eyevinn "github.com/Eyevinn/hls-m3u8/m3u8"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
)

func TestPlaylistsGolden(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	giveAll(t, s, p, encode(ntsc(), 3, 2.5).updates())
	golden(t, "provisional-master.m3u8", s.text("media/42/master.m3u8"))
	golden(t, "growing-v720.m3u8", s.text("media/42/a1/v720/event.m3u8"))
	require.NoError(t, p.Finish(t.Context()))
	golden(t, "final-master.m3u8", s.text("media/42/master.m3u8"))
	golden(t, "ended-v720.m3u8", s.text("media/42/a1/v720/event.m3u8"))
	golden(t, "final-v720.m3u8", s.text("media/42/a1/v720/index.m3u8"))
	golden(t, "final-audio.m3u8", s.text("media/42/a1/audio/index.m3u8"))
}

func TestAudioOnlyGolden(t *testing.T) {
	plan := hls.Presentation{
		SegmentDuration: hls.Rational{Num: 6, Den: 1},
		Tracks: []hls.Track{
			{ID: "a64", Kind: hls.Audio, Language: "de", Name: "Deutsch", Channels: 1, AverageBandwidth: 64_000},
			{ID: "a128", Kind: hls.Audio, Language: "en", Name: "English", Channels: 2, AverageBandwidth: 128_000},
		},
	}
	s := newMemStore()
	p := newPublisher(t, s, plan, nil)
	giveAll(t, s, p, encode(plan, 2, 1).updates())
	require.NoError(t, p.Finish(t.Context()))
	golden(t, "audio-only-master.m3u8", s.text("media/42/master.m3u8"))
}

func TestMultivariantAudioGroup(t *testing.T) {
	plan := ntsc()
	plan.Tracks = append(plan.Tracks[:1:1],
		hls.Track{ID: "a1", Kind: hls.Audio, Language: "en", Name: `The "director's"` + "\r\n#EXT-X-ENDLIST\x00", Channels: 2},
		hls.Track{ID: "a2", Kind: hls.Audio, Language: "de", Name: "Deutsch", Default: true, Channels: 6},
		hls.Track{ID: "a3", Kind: hls.Audio, Language: "de", Name: "Deutsch", Default: true},
		hls.Track{ID: "a4", Kind: hls.Audio},
	)
	s := newMemStore()
	p := newPublisher(t, s, plan, nil)
	giveAll(t, s, p, encode(plan, 1, 0).updates())
	text := s.text("media/42/master.m3u8")
	golden(t, "audio-group-master.m3u8", text)

	master := parseMaster(t, text)
	require.Len(t, master.Variants, 1)
	defaults, names := 0, map[string]bool{}
	for _, alt := range master.Variants[0].Alternatives {
		if alt.Default {
			defaults++
			assert.True(t, alt.Autoselect)
		}
		assert.False(t, names[alt.Name], "two of the name %q", alt.Name)
		names[alt.Name] = true
		assert.NotEmpty(t, alt.Language)
	}
	assert.Equal(t, 1, defaults)
	assert.Len(t, names, 4)
	assert.NotContains(t, text, "\n#EXT-X-ENDLIST")
}

// Sound of two bit rates: each video goes with its group, and has its bandwidth.
func TestMultivariantGroups(t *testing.T) {
	plan := ntsc()
	plan.Tracks[2].Group = "low"
	plan.Tracks = append(plan.Tracks, hls.Track{ID: "low-audio", Kind: hls.Audio, Group: "low", Language: "en", Name: "English",
		Default: true, Channels: 2, PeakBandwidth: 60_000, AverageBandwidth: 48_000})
	s := newMemStore()
	p := newPublisher(t, s, plan, nil)
	giveAll(t, s, p, encode(plan, 1, 0).updates())
	text := s.text("media/42/master.m3u8")
	golden(t, "audio-groups-master.m3u8", text)
	for _, v := range parseMaster(t, text).Variants {
		want := map[string]string{"640x360": "audio-low"}[v.Resolution]
		if want == "" {
			want = "audio"
		}
		assert.Equal(t, want, v.Audio)
		if want == "audio-low" {
			assert.EqualValues(t, 960_000, v.Bandwidth)
		}
	}
	plan.Tracks[1].Group = "high"
	_, err := hls.NewPublisher(s, prefix, attempt, plan, nil)
	require.ErrorIs(t, err, hls.ErrInvalidPlan)
	assert.ErrorContains(t, err, `no audio is of the group "high"`)
	plan.Tracks[1].Group = "Ü"
	_, err = hls.NewPublisher(s, prefix, attempt, plan, nil)
	require.ErrorIs(t, err, hls.ErrInvalidPlan)
}

func TestVariantOrder(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	giveAll(t, s, p, encode(ntsc(), 1, 0).updates())
	var order []string
	for _, v := range parseMaster(t, s.text("media/42/master.m3u8")).Variants {
		order = append(order, v.Resolution)
		assert.Equal(t, "NONE", v.Captions)
		assert.InDelta(t, 29.97, v.FrameRate, 1e-9)
		assert.Equal(t, "audio", v.Audio)
		assert.Contains(t, v.Codecs, ",mp4a.40.2")
		assert.Less(t, v.AverageBandwidth, v.Bandwidth)
	}
	assert.Equal(t, []string{"1280x720", "640x360", "1920x1080"}, order)
}

// Properties of any presentation: each contiguous run of EXTINF sums to the truth
// within a frame, no EXTINF rounds to more than the target duration, and the declared
// figures are those of RFC 8216 computed the slow way.
func TestPlaylistProperties(t *testing.T) {
	rates := []hls.Rational{{Num: 24, Den: 1}, {Num: 24000, Den: 1001}, {Num: 25, Den: 1}, {Num: 30000, Den: 1001}, {Num: 60000, Den: 1001}, {Num: 15, Den: 2}, {Num: 3, Den: 4}}
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		rate := rates[rnd.IntN(len(rates))]
		frames := 3 * max(1, int64(math.Round(2*rate.Float())))
		plan := hls.Presentation{
			SegmentDuration: hls.Rational{Num: frames * rate.Den, Den: rate.Num},
			Tracks: []hls.Track{
				{ID: "v", Kind: hls.Video, Width: 320, Height: 180, FrameRate: rate, AverageBandwidth: 300_000},
				{ID: "a", Kind: hls.Audio, AverageBandwidth: 96_000},
			},
		}
		m := encode(plan, 1+rnd.IntN(40), rnd.Float64()*plan.SegmentDuration.Float())
		for i := range m.segments {
			for j := range m.segments[i] {
				m.segments[i][j].Size = 1 + rnd.Int64N(1_000_000)
			}
		}
		s := newMemStore()
		p := newPublisher(t, s, plan, nil)
		giveAll(t, s, p, m.updates())
		require.NoError(t, p.Finish(t.Context()))

		var peaks, averages int64
		for i, track := range plan.Tracks {
			pl := parseMedia(t, s.text(path.Join(prefix, attempt, track.ID, hls.IndexName)))
			segs, timescale := m.segments[i], float64(m.inits[i].Timescale)
			require.EqualValues(t, len(segs), pl.Count())
			frame := 1024.0 / 48000
			if track.Kind == hls.Video {
				frame = 1 / rate.Float()
			}
			var peak float64
			for from := range segs {
				var declared, ticks, size float64
				for to := from; to < len(segs); to++ {
					declared += pl.Segments[to].Duration
					ticks += float64(segs[to].Duration)
					size += float64(segs[to].Size)
					secs := ticks / timescale
					require.InDelta(t, secs, declared, min(frame, 0.0011), "segments %d to %d", from, to)
					if tgt := float64(pl.TargetDuration); secs >= 0.5*tgt && secs <= 1.5*tgt {
						peak = max(peak, size*8/secs)
					}
				}
				require.LessOrEqual(t, math.Round(pl.Segments[from].Duration), float64(pl.TargetDuration))
			}
			st := p.State().Tracks[i]
			if peak > 0 {
				require.InDelta(t, peak, float64(st.Peak), 1)
			} else {
				require.Equal(t, st.Average, st.Peak)
			}
			peaks, averages = peaks+st.Peak, averages+st.Average
		}
		v := parseMaster(t, s.text("media/42/master.m3u8")).Variants[0]
		require.EqualValues(t, peaks, v.Bandwidth)
		require.EqualValues(t, averages, v.AverageBandwidth)
	}
}

func TestPeakLeavesShortTailOut(t *testing.T) {
	plan := hls.Presentation{
		SegmentDuration: hls.Rational{Num: 6, Den: 1},
		Tracks:          []hls.Track{{ID: "a", Kind: hls.Audio}},
	}
	s := newMemStore()
	p := newPublisher(t, s, plan, nil)
	giveAll(t, s, p, []any{
		hls.Init{Track: "a", Key: "a/init.mp4", Size: 1, Timescale: 1000, Codecs: "mp4a.40.2"},
		hls.Segment{Track: "a", Number: 0, Key: "a/0.m4s", Size: 6000, Duration: 6000},
		hls.Segment{Track: "a", Number: 1, Key: "a/1.m4s", Size: 1000, Duration: 70},
	})
	st := p.State().Tracks[0]
	assert.EqualValues(t, 9226, st.Peak, "7000 bytes in 6.07 s, not 1000 in 0.07 s")
	assert.EqualValues(t, 9226, st.Average)
}

func TestTargetDuration(t *testing.T) {
	for _, c := range []struct {
		num, den int64
		want     uint
	}{{6, 1, 6}, {6006, 1000, 6}, {2, 1, 2}, {1, 4, 1}, {45, 7, 7}, {13, 2, 7}, {63, 10, 6}} {
		plan := hls.Presentation{
			SegmentDuration: hls.Rational{Num: c.num, Den: c.den},
			Tracks:          []hls.Track{{ID: "a", Kind: hls.Audio, AverageBandwidth: 1000}},
		}
		s := newMemStore()
		p := newPublisher(t, s, plan, nil)
		giveAll(t, s, p, encode(plan, 3, 0).updates())
		pl := parseMedia(t, s.text("media/42/a1/a/event.m3u8"))
		assert.Equal(t, c.want, pl.TargetDuration, "%d/%d", c.num, c.den)
	}
}

func TestMediaPlaylistTags(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	giveAll(t, s, p, encode(ntsc(), 3, 2.5).updates())
	growing := s.text("media/42/a1/v720/event.m3u8")
	for _, line := range []string{"#EXT-X-VERSION:7\n", "#EXT-X-PLAYLIST-TYPE:EVENT\n", "#EXT-X-START:TIME-OFFSET=0\n", "#EXT-X-INDEPENDENT-SEGMENTS\n", "#EXT-X-MEDIA-SEQUENCE:0\n", "#EXT-X-TARGETDURATION:6\n"} {
		assert.Equal(t, 1, strings.Count(growing, line), line)
	}
	assert.NotContains(t, growing, "ENDLIST")
	assert.NotContains(t, growing, "ALLOW-CACHE")
	require.NoError(t, p.Finish(t.Context()))
	final := s.text("media/42/a1/v720/index.m3u8")
	assert.NotContains(t, final, "EXT-X-START")
	pl := parseMedia(t, final)
	assert.Equal(t, eyevinn.VOD, pl.MediaType)
	assert.True(t, pl.Closed)
	require.NotNil(t, pl.Map)
	assert.Equal(t, "init-0f.mp4", pl.Map.URI)
}

func TestURIsAreRelativeAndEscaped(t *testing.T) {
	plan := hls.Presentation{
		SegmentDuration: hls.Rational{Num: 6, Den: 1},
		Tracks:          []hls.Track{{ID: "a", Kind: hls.Audio}},
	}
	s := newMemStore()
	p := newPublisher(t, s, plan, nil)
	giveAll(t, s, p, []any{
		hls.Init{Track: "a", Key: "shared/in it.mp4", Size: 1, Timescale: 1000, Codecs: "mp4a.40.2"},
		hls.Segment{Track: "a", Number: 0, Key: "a/0:a#?\"%41.m4s", Size: 6000, Duration: 6000},
	})
	text := s.text("media/42/a1/a/event.m3u8")
	assert.Contains(t, text, `#EXT-X-MAP:URI="../shared/in%20it.mp4"`)
	assert.Contains(t, text, "\n./0:a%23%3F%22%2541.m4s\n")
}
