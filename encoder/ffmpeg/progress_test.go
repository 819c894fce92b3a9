package ffmpeg

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

func TestReadProgress(t *testing.T) {
	in := "frame=1\nout_time_us=N/A\nspeed=N/A\nprogress=continue\n" +
		"out_time_us=2000000\nout_time_ms=2000000\nspeed=1.5x\nprogress=continue\n" +
		"out_time_us=-9223372036854775808\nspeed=   0x\nprogress=continue\n" +
		"out_time_us=1000000\nspeed=nanx\nprogress=end\n"
	var got []encoder.Progress
	require.NoError(t, readProgress(strings.NewReader(in), nil, func(p encoder.Progress) error { got = append(got, p); return nil }))
	assert.Equal(t, []encoder.Progress{
		{}, {Position: 2 * time.Second, Speed: 1.5}, {Position: 2 * time.Second}, {Position: 2 * time.Second},
	}, got)

	stop := errors.New("stop")
	assert.ErrorIs(t, readProgress(strings.NewReader(in), nil, func(encoder.Progress) error { return stop }), stop)
}

// What is copied in time is measured in frames.
func TestReadProgressOfWindow(t *testing.T) {
	in := "frame=5\nfps=0.0\nout_time_us=N/A\nspeed=N/A\nprogress=continue\n" +
		"frame=50\nfps=37.5\nout_time_us=0\nspeed=0x\nprogress=continue\nframe=N/A\nfps=-1\nprogress=end\n"
	var got []encoder.Progress
	at := func(n int64) time.Duration { return time.Duration(n) * 40 * time.Millisecond }
	require.NoError(t, readProgress(strings.NewReader(in), at, func(p encoder.Progress) error { got = append(got, p); return nil }))
	assert.Equal(t, []encoder.Progress{{Position: 200 * time.Millisecond}, {Position: 2 * time.Second, Speed: 1.5}, {Position: 2 * time.Second}}, got)
}

func FuzzReadProgress(f *testing.F) {
	f.Add("out_time_us=1\nspeed=1x\nprogress=continue\n")
	f.Add("frame=12\nfps=25.0\nprogress=continue\n")
	f.Add("out_time_us=9223372036854775807\nspeed=1e999x\nprogress=end\n=\n\n")
	f.Fuzz(func(t *testing.T, in string) {
		for _, frameAt := range []func(int64) time.Duration{nil, span{rate: hls.Rational{Num: 30000, Den: 1001}}.at} {
			last := time.Duration(0)
			_ = readProgress(strings.NewReader(in), frameAt, func(p encoder.Progress) error {
				require.GreaterOrEqual(t, p.Position, last)
				require.GreaterOrEqual(t, p.Speed, 0.0)
				last = p.Position
				return nil
			})
		}
	})
}

func TestStderrTail(t *testing.T) {
	var s stderrTail
	for range 3000 {
		_, err := s.Write([]byte("a line of noise\n"))
		require.NoError(t, err)
	}
	assert.False(t, s.sawTruncated())
	_, _ = s.Write([]byte("[mov] stream 0, offset 0x61bd3: part"))
	_, _ = s.Write([]byte("ial file\nthe end \xff"))
	assert.True(t, s.sawTruncated())
	assert.LessOrEqual(t, len(s.buf), stderrLimit)
	assert.True(t, strings.HasSuffix(s.String(), "the end \uFFFD"))
}
