package pack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// remuxed writes the pictures of a stream anew, with the clock of another file.
func remuxed(t *testing.T, stream []byte, clock string) []byte {
	t.Helper()
	return ffmpeg(t, stream, "-i", "pipe:0", "-c", "copy", "-video_track_timescale", clock, "-f", "mp4", "-movflags", videoFlags, "pipe:1")
}

// Whatever the clock of a file is, frames have their places to the tick, and stay what
// they are.
func TestFrames(t *testing.T) {
	rate := hls.Rational{Num: 24000, Den: 1001}
	for name, tc := range map[string]struct {
		clock   string
		reorder int
		args    []string
	}{
		"milliseconds":     {"10000", 2, []string{"-bf", "3", "-x264-params", "b-adapt=0:b-pyramid=normal"}},
		"a 90 kHz clock":   {"90000", 1, []string{"-bf", "2", "-x264-params", "b-adapt=0:b-pyramid=none"}},
		"without B-frames": {"11000", 0, []string{"-bf", "0"}},
		"more than needed": {"24000", 5, []string{"-bf", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			exact := video(t, "24000/1001", "151", "48", tc.args...)
			stream := remuxed(t, exact, tc.clock)
			opts := &pack.Options{Frames: &pack.Frames{Rate: rate, Timescale: 24000, Reorder: tc.reorder}}
			p, err := run(t, context.Background(), hls.Video, pack.Grid{Segment: hls.Rational{Num: 144 * 1001, Den: 24000}}, bytes.NewReader(stream), opts)
			require.NoError(t, err)
			require.Len(t, p.segments, 2)
			assert.EqualValues(t, 24000, p.init.Timescale)
			assert.Equal(t, []int64{0, 144 * 1001, 144 * 1001, 7 * 1001},
				[]int64{p.segments[0].Start, p.segments[0].Duration, p.segments[1].Start, p.segments[1].Duration})
			assert.Equal(t, decoded(t, exact), decoded(t, p.bytes()))
			got := probe(t, p.bytes())
			assert.Equal(t, "0.000000", got["start_time"])
			assert.Equal(t, "151", got["nb_read_frames"])
		})
	}
}

func TestFramesThatHaveNoPlace(t *testing.T) {
	rate := hls.Rational{Num: 25, Den: 1}
	stream := video(t, "25", "75", "25", "-bf", "2", "-x264-params", "b-adapt=0")
	grid := pack.Grid{Segment: hls.Rational{Num: 2, Den: 1}}
	for name, tc := range map[string]struct {
		stream []byte
		frames pack.Frames
		want   error
	}{
		"another rate":         {stream, pack.Frames{Rate: hls.Rational{Num: 24, Den: 1}, Timescale: 24000, Reorder: 2}, pack.ErrDiscontinuity},
		"decoded too late":     {stream, pack.Frames{Rate: rate, Timescale: 25000}, pack.ErrDiscontinuity},
		"an open GOP":          {video(t, "25", "75", "26", "-bf", "2", "-x264-params", "b-adapt=0:open-gop=1", "-flags", "-cgop"), pack.Frames{Rate: rate, Timescale: 25000, Reorder: 2}, pack.ErrDiscontinuity},
		"no rate":              {stream, pack.Frames{Timescale: 25000}, pack.ErrOffGrid},
		"parts of ticks":       {stream, pack.Frames{Rate: rate, Timescale: 1001}, pack.ErrOffGrid},
		"out of all order":     {stream, pack.Frames{Rate: rate, Timescale: 25000, Reorder: 1 << 20}, pack.ErrOffGrid},
		"a frame for too long": {stream, pack.Frames{Rate: hls.Rational{Num: 1, Den: 1 << 31}, Timescale: 1}, pack.ErrOffGrid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, context.Background(), hls.Video, grid, bytes.NewReader(tc.stream), &pack.Options{Frames: &tc.frames})
			assert.ErrorIs(t, err, tc.want)
		})
	}
}

// Samples that no decoder can take apart are refused, and keyframes that are none.
func TestFramesThatAreBroken(t *testing.T) {
	stream := fixture(t, "video.mp4")
	frames := &pack.Frames{Rate: hls.Rational{Num: 25, Den: 1}, Timescale: 10000, Reorder: 2}
	pass := func(stream []byte) error {
		_, err := run(t, context.Background(), hls.Video, videoGrid, bytes.NewReader(stream), &pack.Options{Frames: frames})
		return err
	}
	require.NoError(t, pass(stream))
	assert.ErrorIs(t, pass(edit(stream, "mdat", 2, 0, 0, 0, 0xff)), pack.ErrMalformed, "a length beyond the sample")
	assert.ErrorIs(t, pass(edit(stream, "mdat", 2, 0, 0, 0, 0, 0)), pack.ErrMalformed, "no length")
	assert.ErrorIs(t, pass(edit(stream, "mdat", 2, 4, 0xe5)), pack.ErrMalformed, "the forbidden bit")
	assert.ErrorIs(t, pass(edit(stream, "mdat", 2, 4, 0x66)), pack.ErrMalformed, "no picture")
	assert.ErrorIs(t, pass(edit(stream, "mdat", 2, 4, 0x41)), pack.ErrNotSync, "another picture")
}

// Whatever the stream is, frames are where they should be, or the error says what it is.
func FuzzFrames(f *testing.F) {
	v := fixture(f, "video.mp4")
	f.Add(v, uint16(25), uint16(0))
	f.Add(v, uint16(25), uint16(3))
	f.Add(v, uint16(24), uint16(1))
	f.Add(edit(v, "tfdt", 2, 4, 0xff), uint16(25), uint16(1))
	f.Add(edit(v, "trun", 1, 4, 0xff, 0xff), uint16(25), uint16(1))
	f.Fuzz(func(t *testing.T, stream []byte, rate, reorder uint16) {
		frames := &pack.Frames{Rate: hls.Rational{Num: int64(rate), Den: 1}, Timescale: uint32(rate) * 400, Reorder: int(reorder)}
		p, err := run(t, context.Background(), hls.Video, videoGrid, bytes.NewReader(stream), &pack.Options{MaxSegment: 1 << 20, Frames: frames})
		if err == nil {
			if p.init.Timescale != uint32(rate)*400 || p.summary.Start != 0 || p.summary.End != 400*p.summary.Samples {
				t.Fatalf("%+v %+v", p.init, p.summary)
			}
			return
		}
		for _, want := range []error{
			pack.ErrTruncated, pack.ErrNoFragments, pack.ErrMalformed, pack.ErrUnsupported,
			pack.ErrTooLarge, pack.ErrNotSync, pack.ErrDiscontinuity, pack.ErrOffGrid,
		} {
			if errors.Is(err, want) {
				return
			}
		}
		t.Fatal(fmt.Errorf("an error without a type: %w", err))
	})
}
