package pack_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// Video at the rates that there are, with B-frames and without: what is packed
// decodes to the same frames at the same times, and the durations are exact.
func TestVideo(t *testing.T) {
	for _, c := range []struct {
		rate       string
		num, den   int64
		gop, extra string
	}{
		{"25/1", 25, 1, "50", ""},
		{"25/1", 25, 1, "50", "-bf 0"},
		{"30000/1001", 30000, 1001, "60", "-bf 3"},
		{"24000/1001", 24000, 1001, "48", ""},
		{"60000/1001", 60000, 1001, "120", ""},
	} {
		t.Run(c.rate+c.extra, func(t *testing.T) {
			var gop, frames int64
			_, err := fmt.Sscan(c.gop, &gop)
			require.NoError(t, err)
			frames = 2*3*gop + gop + 7 // two whole segments and a short one
			stream := video(t, c.rate, fmt.Sprint(frames), c.gop, strings.Fields(c.extra)...)
			grid := pack.Grid{Segment: hls.Rational{Num: 3 * gop * c.den, Den: c.num}}
			p := must(t, hls.Video, grid, stream)

			require.Len(t, p.segments, 3)
			tick := c.den * int64(p.init.Timescale) / c.num
			for i, s := range p.segments {
				assert.Equal(t, int64(i)*3*gop*tick, s.Start)
			}
			assert.Equal(t, 3*gop*tick, p.segments[0].Duration)
			assert.Equal(t, 3*gop*tick, p.segments[1].Duration)
			assert.Equal(t, (gop+7)*tick, p.segments[2].Duration)
			assert.Equal(t, frames, p.summary.Samples)
			assert.Equal(t, frames*tick, p.summary.End)
			assert.Zero(t, p.summary.Start)
			assert.Regexp(t, `^avc1\.6400[0-9a-f]{2}$`, p.init.Codecs)

			assert.Equal(t, decoded(t, stream), decoded(t, p.bytes()))
			got := probe(t, p.bytes())
			assert.Equal(t, fmt.Sprint(frames), got["nb_read_frames"])
			assert.Equal(t, "0.000000", got["start_time"])
		})
	}
}

// Every segment can be decoded from its own first frame.
func TestVideoSegmentsStandAlone(t *testing.T) {
	stream := video(t, "25", "200", "25")
	p := must(t, hls.Video, pack.Grid{Segment: hls.Rational{Num: 2, Den: 1}}, stream)
	require.Len(t, p.segments, 4)
	for _, s := range p.segments {
		alone := append(bytes.Clone(p.store.Get("out/"+p.init.Key)), p.store.Get("out/"+s.Key)...)
		assert.Equal(t, "50", probe(t, alone)["nb_read_frames"])
	}
}

// Audio is cut on the grid to half a codec frame, the priming is in the bytes but
// not in the durations, and nothing is lost or moved.
func TestAudio(t *testing.T) {
	for _, c := range []struct {
		rate    int64
		seconds string
		segment hls.Rational
		want    int
		samples int64 // 0: all of seconds
	}{
		{48000, "20", hls.Rational{Num: 6, Den: 1}, 4, 0},
		{44100, "20", hls.Rational{Num: 6, Den: 1}, 4, 0},
		{48000, "20", hls.Rational{Num: 6006, Den: 1000}, 4, 0},
		{44100, "20", hls.Rational{Num: 6006, Den: 1000}, 4, 0},
		{48000, "12", hls.Rational{Num: 6, Den: 1}, 2, 0},     // the last frame starts half a frame before 12 s
		{48000, "12.04", hls.Rational{Num: 6, Den: 1}, 3, 0},  // one video frame more
		{48000, "12.017", hls.Rational{Num: 6, Den: 1}, 3, 0}, // a video frame at 60 Hz more
		{48000, "0.5", hls.Rational{Num: 6, Den: 1}, 1, 0},
	} {
		t.Run(fmt.Sprint(c.rate, " ", c.seconds, " ", c.segment), func(t *testing.T) {
			stream := audio(t, fmt.Sprint(c.rate), c.seconds)
			p := must(t, hls.Audio, pack.Grid{Segment: c.segment}, stream)
			require.Len(t, p.segments, c.want)
			assert.EqualValues(t, c.rate, p.init.Timescale)
			assert.Equal(t, "mp4a.40.2", p.init.Codecs)

			var end int64
			for i, s := range p.segments {
				assert.Equal(t, end, s.Start, "segment %d", i)
				end = s.Start + s.Duration
				nominal := float64(i) * c.segment.Float() * float64(c.rate)
				assert.InDelta(t, nominal, float64(s.Start), 512, "segment %d", i)
			}
			var seconds float64
			_, err := fmt.Sscan(c.seconds, &seconds)
			require.NoError(t, err)
			assert.InDelta(t, seconds*float64(c.rate), float64(end), 1)
			assert.Equal(t, end, p.summary.End)

			assert.Equal(t, decoded(t, stream), decoded(t, p.bytes()))
		})
	}
}

// However the stream has the samples in fragments, the segments are the same.
func TestAudioFragmentationDoesNotMatter(t *testing.T) {
	args := []string{"-f", "lavfi", "-i", "sine=d=15", "-c:a", "aac", "-f", "mp4", "-movflags"}
	grid := pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}}
	each := must(t, hls.Audio, grid, ffmpeg(t, nil, append(args, audioFlags, "pipe:1")...))
	one := must(t, hls.Audio, grid, ffmpeg(t, nil, append(args, videoFlags, "pipe:1")...))
	assert.Equal(t, each.segments, one.segments)
	assert.Equal(t, each.init, one.init)
}

// A window of the timeline gives the segments that the whole would have had.
func TestWindow(t *testing.T) {
	grid := pack.Grid{Segment: hls.Rational{Num: 2, Den: 1}}
	whole := must(t, hls.Video, grid, video(t, "25", "200", "50", "-threads", "1"))
	grid.First, grid.Offset = 2, hls.Rational{Num: 4, Den: 1}
	window := must(t, hls.Video, grid, video(t, "25", "100", "50", "-threads", "1"))
	require.Len(t, window.segments, 2)
	for i, s := range window.segments {
		assert.Equal(t, whole.segments[2+i].Number, s.Number)
		assert.Equal(t, whole.segments[2+i].Start, s.Start)
		assert.Equal(t, whole.segments[2+i].Duration, s.Duration)
	}
	assert.Equal(t, whole.init, window.init)

	// The whole's own second half, as if it had been encoded elsewhere, packs to the
	// same bytes: spliced in, the frames are those of the whole.
	mixed := append(whole.bytes()[:0:0], whole.store.Get("out/"+whole.init.Key)...)
	for _, s := range whole.segments[:2] {
		mixed = append(mixed, whole.store.Get("out/"+s.Key)...)
	}
	for _, s := range window.segments {
		mixed = append(mixed, window.store.Get("out/"+s.Key)...)
	}
	assert.Equal(t, "200", probe(t, mixed)["nb_read_frames"])
}

// The init segment keeps what players need and nothing that differs between runs.
func TestInitIsClean(t *testing.T) {
	grid := pack.Grid{Segment: hls.Rational{Num: 2, Den: 1}}
	plain := must(t, hls.Video, grid, video(t, "25", "60", "50"))
	tagged := must(t, hls.Video, grid, video(t, "25", "60", "50",
		"-metadata", "title=holiday", "-metadata:s:v", "handler_name=camera", "-metadata", "creation_time=2020-01-02T03:04:05Z"))
	assert.Equal(t, plain.init, tagged.init)
	b := plain.store.Get("out/" + plain.init.Key)
	assert.NotContains(t, string(b), "udta")
	assert.NotContains(t, string(b), "Lavf")
	assert.Contains(t, string(b), "elst")
	again := must(t, hls.Video, grid, plain.bytes())
	assert.Equal(t, plain.init, again.init, "cleaning twice changes nothing")
	assert.Equal(t, plain.segments, again.segments)
}

func TestPutOptions(t *testing.T) {
	p := must(t, hls.Audio, pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}}, audio(t, "48000", "7"))
	require.Len(t, p.store.Options(), 3)
	for key, o := range p.store.Options() {
		assert.Equal(t, "public, max-age=31536000, immutable", o.CacheControl)
		assert.EqualValues(t, len(p.store.Get(key)), o.Size)
		if strings.HasSuffix(key, ".mp4") {
			assert.Regexp(t, `^out/t/init-[0-9a-f]{16}\.mp4$`, key)
			assert.Equal(t, "video/mp4", o.ContentType)
		} else {
			assert.Regexp(t, `^out/t/[01]-[0-9a-f]{16}\.m4s$`, key)
			assert.Equal(t, "video/iso.segment", o.ContentType)
		}
	}
}

func TestCodecs(t *testing.T) {
	grid := pack.Grid{Segment: hls.Rational{Num: 2, Den: 1}}
	for _, c := range []struct{ want, args string }{
		{"hvc1.1.6.L30.90", "-c:v libx265 -tag:v hvc1 -x265-params log-level=none:keyint=50:min-keyint=50"},
		{"avc1.42c00b", "-c:v libx264 -profile:v baseline -level 1.1 -g 50"},
		{"av01.0.00M.08", "-c:v libsvtav1 -preset 12 -g 50 -svtav1-params key-hint=0"},
	} {
		t.Run(c.want, func(t *testing.T) {
			codec := strings.Fields(c.args)[1]
			if !strings.Contains(string(ffmpeg(t, nil, "-hide_banner", "-encoders")), codec) {
				t.Skip("this ffmpeg has no " + codec)
			}
			args := append([]string{"-f", "lavfi", "-i", "testsrc2=s=128x72:r=25,format=yuv420p", "-frames:v", "50"}, strings.Fields(c.args)...)
			stream := quiet(t, append(args, "-f", "mp4", "-movflags", videoFlags, "pipe:1")...)
			p := must(t, hls.Video, grid, stream)
			assert.Equal(t, c.want, p.init.Codecs)
		})
	}
}

// A stream that starts late says so in an empty edit, to a millisecond, and its first
// segment starts late. ffmpeg does not cut the priming off there, so it is presented.
func TestLateStart(t *testing.T) {
	stream := ffmpeg(t, nil, "-f", "lavfi", "-i", "sine=r=48000:d=10", "-af", "asetpts=PTS+1/TB", "-c:a", "aac",
		"-f", "mp4", "-movflags", audioFlags, "pipe:1")
	p := must(t, hls.Audio, pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}}, stream)
	require.Len(t, p.segments, 2)
	assert.InDelta(t, 48000-1024, p.summary.Start, 48)
	assert.InDelta(t, 11*48000, p.summary.End, 48)
	assert.InDelta(t, 6*48000, p.segments[1].Start, 512)
	assert.Equal(t, decoded(t, stream), decoded(t, p.bytes()))
}
