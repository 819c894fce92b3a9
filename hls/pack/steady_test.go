package pack_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// loudness returns how loud a stream is when its frames are played one after the other,
// in each tenth of a second.
func loudness(t *testing.T, stream []byte) []float64 {
	t.Helper()
	raw := ffmpeg(t, stream, "-i", "pipe:0", "-ac", "1", "-ar", "8000", "-f", "s16le", "pipe:1")
	var out []float64
	for len(raw) >= 1600 {
		var sum float64
		for i := 0; i < 1600; i += 2 {
			v := float64(int16(binary.LittleEndian.Uint16(raw[i:])))
			sum += v * v
		}
		out, raw = append(out, math.Sqrt(sum/800)), raw[1600:]
	}
	return out
}

// durations returns how long the samples of a stream say that they are, in ticks.
func durations(t *testing.T, stream []byte) []uint32 {
	t.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(stream))
	require.NoError(t, err)
	var found []uint32
	for _, s := range f.Segments {
		for _, frag := range s.Fragments {
			samples, err := frag.GetFullSamples(f.Init.Moov.Mvex.Trex)
			require.NoError(t, err)
			for _, s := range samples {
				found = append(found, s.Dur)
			}
		}
	}
	return found
}

// A second of a tone from 2 s on, in a stream whose times are changed by the setts filter.
func beep(t *testing.T, setts, channels string) []byte {
	t.Helper()
	return ffmpeg(t, nil, "-f", "lavfi", "-i", "aevalsrc='if(between(t,2,3),0.5*sin(2*PI*500*t),0)':s=48000:d=5", "-c:a", "aac", "-ac", channels,
		"-bsf:a", "setts=ts='"+setts+"'", "-f", "mp4", "-movflags", audioFlags, "pipe:1")
}

// Whatever times the frames of a track have, they are played at most half a frame from
// them, and the track is as long as its segments say.
func TestSteady(t *testing.T) {
	grid := pack.Grid{Segment: hls.Rational{Num: 2, Den: 1}}
	for name, tc := range map[string]struct {
		setts           string
		at, end         float64 // seconds
		filled, dropped int64
	}{
		"as it should be":           {"TS", 2, 5, 0, 0},
		"a gap of two frames":       {"TS+gt(N,50)*2048", 2.043, 5.043, 2, 0},
		"a gap of 0.4 frames":       {"TS+gt(N,50)*410", 2, 5, 0, 0},
		"a gap of 0.6 frames":       {"TS+gt(N,50)*614", 2.021, 5.021, 1, 0},
		"a gap of 7 s":              {"TS+gt(N,50)*336000", 9, 12, 328, 0},
		"frames with a tick each":   {"if(between(N,50,80),50*1024+N-50,TS)", 2, 5, 30, 30},
		"times that vary":           {"TS+400*mod(N,2)", 2, 5, 0, 0},
		"frames that are too short": {"TS*3/4", 1.5, 3.75, 0, 59},
		"frames that are too long":  {"TS*5/4", 2.5, 6.25, 58, 0},
	} {
		t.Run(name, func(t *testing.T) {
			stream := beep(t, tc.setts, "2")
			p := must(t, hls.Audio, grid, stream)
			assert.InDelta(t, tc.filled, p.summary.Filled, 1)
			assert.InDelta(t, tc.dropped, p.summary.Dropped, 1)
			d := durations(t, p.bytes())
			for _, v := range d[:len(d)-1] {
				require.EqualValues(t, 1024, v)
			}
			assert.LessOrEqual(t, d[len(d)-1], uint32(1024))
			assert.InDelta(t, tc.end, float64(p.summary.End)/48000, 0.022)
			for i, s := range p.segments {
				assert.InDelta(t, float64(i)*2, float64(s.Start)/48000, 0.011)
			}
			heard := loudness(t, p.bytes())
			assert.InDelta(t, tc.end, float64(len(heard))/10, 0.12, "of sound decoded")
			from := 0
			for heard[from] < 1000 {
				from++
			}
			assert.InDelta(t, tc.at, float64(from)/10, 0.1)
		})
	}
}

// A silent frame decodes, whatever channels the track has.
func TestSteadyChannels(t *testing.T) {
	for _, layout := range []string{"mono", "stereo", "3.0", "4.0", "5.0", "5.1"} {
		t.Run(layout, func(t *testing.T) {
			stream := ffmpeg(t, nil, "-f", "lavfi", "-i", "aevalsrc='0.3*sin(2*PI*500*t)':s=44100:d=1", "-af", "aformat=channel_layouts="+layout,
				"-c:a", "aac", "-bsf:a", "setts=ts='TS+gt(N,20)*10240'", "-f", "mp4", "-movflags", audioFlags, "pipe:1")
			p := must(t, hls.Audio, pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}}, stream)
			assert.EqualValues(t, 10, p.summary.Filled)
			heard := loudness(t, p.bytes())
			require.Len(t, heard, 12)
			assert.Less(t, heard[6], 10.0)
			assert.Greater(t, heard[8], 1000.0)
		})
	}
}

// There is an end to the silence that a few bytes can ask for.
func TestSteadyHasLimit(t *testing.T) {
	stream := beep(t, "TS+gt(N,50)*3700*48000", "1")
	_, err := run(t, context.Background(), hls.Audio, pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}}, bytes.NewReader(stream), nil)
	require.ErrorIs(t, err, pack.ErrDiscontinuity)
	assert.Contains(t, err.Error(), "1h0m0s of sound")
}

// Frames of other codecs stay as they are.
func TestSteadyIsForAAC(t *testing.T) {
	for _, codec := range []string{"ac3", "flac"} {
		stream := ffmpeg(t, nil, "-f", "lavfi", "-i", "sine=r=48000:d=3", "-c:a", codec, "-strict", "-2", "-bsf:a", "setts=ts='TS+gt(N,9)*4800'",
			"-f", "mp4", "-movflags", audioFlags, "pipe:1")
		p := must(t, hls.Audio, pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}}, stream)
		assert.Zero(t, p.summary.Filled+p.summary.Dropped)
		times := func(b []byte) string {
			out := string(ffmpeg(t, b, "-i", "pipe:0", "-c", "copy", "-f", "framecrc", "pipe:1"))
			return fmt.Sprint(strings.Count(out, "\n"), strings.Contains(out, strconv.Itoa(4800)))
		}
		assert.Equal(t, times(stream), times(p.bytes()), codec)
	}
}
