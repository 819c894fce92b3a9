package ffmpeg

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
)

// scanOf scans lines as ffprobe writes them.
func scanOf(t *testing.T, format string, lines ...string) *scan {
	t.Helper()
	s := newScan(format, 64)
	require.NoError(t, s.read(strings.NewReader(strings.Join(lines, "\n")+"\n")))
	return s
}

func TestScanMeasuresFrameRates(t *testing.T) {
	for name, tc := range map[string]struct {
		at       func(i int) float64
		header   float64
		want     hls.Rational
		variable bool
	}{
		"25":                         {func(i int) float64 { return float64(i) / 25 }, 25, hls.Rational{Num: 25, Den: 1}, false},
		"29.97":                      {func(i int) float64 { return float64(i) * 1001 / 30000 }, 30, hls.Rational{Num: 30000, Den: 1001}, false},
		"Matroska's 59.94 in ms":     {func(i int) float64 { return float64(int(float64(i)*1001/60+0.5)) / 1000 }, 19001.0 / 317, hls.Rational{Num: 60000, Den: 1001}, false},
		"a header of 1000":           {func(i int) float64 { return float64(int(float64(i)*1000/30+0.5)) / 1000 }, 1000, hls.Rational{Num: 30, Den: 1}, false},
		"two rates in one":           {func(i int) float64 { return float64(i)/50 + float64(max(0, i-60))/50 }, 600, hls.Rational{Num: 50, Den: 1}, true},
		"one frame, no usable head":  {func(int) float64 { return 0 }, 90000, hls.Rational{Num: 25, Den: 1}, false},
		"one frame, a usable header": {func(int) float64 { return 0 }, 30, hls.Rational{Num: 30, Den: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := 100
			if strings.HasPrefix(name, "one frame") {
				n = 1
			}
			var lines []string
			for i := range n {
				lines = append(lines, fmt.Sprintf("0,%.6f,N/A,0.04,1000,4096,__", tc.at(i)))
			}
			rate, variable := scanOf(t, "mov", lines...).streams[0].frameRate(tc.header)
			assert.Equal(t, tc.want, rate)
			assert.Equal(t, tc.variable, variable)
		})
	}
}

func TestScanFindsBoundsAndKeyframes(t *testing.T) {
	s := scanOf(t, "mov",
		"0,-0.5,-0.6,0.1,1000,4096,KD",                    // outside the edit list
		"0,0.200000,0.0,0.1,1000,4096,K_,Encryption info", // side data behind
		"",
		"0,0.400000,0.1,0.1,1000,4096,__", "0,0.300000,0.2,0.1,1000,4096,__", "0,1.200000,0.3,N/A,1000,4096,K_",
		"1,0.0,0.0,0.5,1000,4096,K_", "garbage", "2,N/A,N/A,0.25,1000,4096,K_", "2,N/A,N/A,0.25,1000,4096,__")
	assert.True(t, s.encrypted)
	assert.Equal(t, int64(4), s.streams[0].packets)
	assert.Equal(t, 200*time.Millisecond, s.streams[0].firstTime())
	assert.InDelta(t, 1.0, s.streams[0].keyGap, 1e-9)
	assert.InDelta(t, 1.3, s.streams[0].end(25).Seconds(), 1e-6, "the last frame lasts as long as the most frequent distance")
	assert.Equal(t, 500*time.Millisecond, s.streams[1].end(0))
	assert.Equal(t, 500*time.Millisecond, s.streams[2].end(30), "durations stand in for timestamps")
	assert.Equal(t, time.Duration(0), s.start())
}

// A transport stream that was cut together jumps; the pieces follow one another.
func TestScanJoinsJumps(t *testing.T) {
	var lines []string
	for i := range 50 {
		lines = append(lines, fmt.Sprintf("0,%.6f,N/A,0.04,1000,4096,__", 90000+float64(i)*0.04))
	}
	for i := range 50 {
		lines = append(lines, fmt.Sprintf("0,%.6f,N/A,0.04,1000,4096,__", 10+float64(i)*0.04))
	}
	got := scanOf(t, "mpegts", lines...).streams[0]
	assert.InDelta(t, 4, (got.end(25) - got.firstTime()).Seconds(), 0.1)
	got = scanOf(t, "mov", lines...).streams[0]
	assert.Greater(t, (got.end(25) - got.firstTime()).Seconds(), 80000.0, "elsewhere a gap is a gap")
}

func TestScanMemoryIsBounded(t *testing.T) {
	s := newScan("mov", 64)
	rng := rand.New(rand.NewPCG(1, 2))
	at := 0.0
	for i := range 50_000 {
		at += rng.Float64()
		s.line(fmt.Appendf(nil, "%d,%.6f,N/A,N/A,1000,4096,K_", i%100, at))
	}
	assert.LessOrEqual(t, len(s.streams), 64)
	for _, st := range s.streams {
		assert.LessOrEqual(t, len(st.deltas), maxDeltas)
		assert.LessOrEqual(t, len(st.reorder), reorderDepth+1)
	}
}

func FuzzScan(f *testing.F) {
	seeds, err := filepath.Glob("testdata/probe/*.csv")
	require.NoError(f, err)
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte("0,0.0,0.0,0.04,1000,4096,K_\n0,0.04,0.04,0.04,1000,4096,__\n"))
	f.Add([]byte("0,nan,inf,-1,K\n1,1e308,-1e308,1e308,D\n9999999999999,,,,\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, format := range []string{"mpegts", "mov"} {
			s := newScan(format, 8)
			require.NoError(t, s.read(bytes.NewReader(in)))
			require.LessOrEqual(t, len(s.streams), 8)
			var packets int64
			for _, st := range s.streams {
				require.LessOrEqual(t, len(st.reorder), reorderDepth+1)
				r, _ := st.frameRate(25)
				require.Positive(t, r.Num)
				require.Positive(t, r.Den)
				require.Less(t, r.Float(), 1000.5)
				packets += st.packets
				if end := st.end(25); !math.IsInf(st.first, 1) && math.Abs(st.first) < 1e8 && math.Abs(st.last) < 1e8 {
					require.GreaterOrEqual(t, end, st.firstTime())
				}
			}
			require.LessOrEqual(t, packets, int64(bytes.Count(in, []byte("\n")))+int64(len(in)/(64<<10))+1)
		}
	})
}
