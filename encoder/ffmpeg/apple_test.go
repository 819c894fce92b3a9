package ffmpeg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/storage"
)

// publish writes the playlists of what was encoded and checks all of it.
func (o output) publish(t *testing.T) check.Report {
	t.Helper()
	p, err := hls.NewPublisher(o.store, "media/a", "1", o.job.Presentation(), nil)
	require.NoError(t, err)
	for _, init := range o.inits {
		require.NoError(t, p.Init(t.Context(), init))
	}
	for _, segments := range o.segments {
		for _, s := range segments {
			require.NoError(t, p.Segment(t.Context(), s))
		}
	}
	require.NoError(t, p.Finish(t.Context()))
	report, err := check.Run(t.Context(), check.Store(storage.Prefix(o.store, "media/a")), hls.MasterName, nil)
	require.NoError(t, err)
	return report
}

// The preset's output breaks no "must" of the Authoring Specification, and its lowest
// variant is one for cellular networks whatever the picture is.
func TestApplePreset(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	noisy := func(size, rate, seconds string) []string {
		return []string{"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=" + rate + ":duration=" + seconds + ",noise=alls=60:allf=t"}
	}
	noise := []string{"-f", "lavfi", "-i", "anoisesrc=color=white:amplitude=0.5:duration=10,aformat=channel_layouts=stereo"}
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-crf", "15", "-c:a", "aac"}
	for name, tc := range map[string]struct {
		args     []string
		variants int
	}{
		"30 fps": {append(append(noisy("640x360", "30", "10"), noise...), x264...), 3},
		"60 fps": {append(append(noisy("480x270", "60", "10"), noise...), x264...), 2},
		"one second, two languages": {append(append(append(noisy("480x270", "30", "1"), noise...), testmedia.Sound("1")...),
			append(x264[:len(x264):len(x264)], "-map", "0", "-map", "1", "-map", "2", "-shortest", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger")...), 2},
		"small and mute": {append(testmedia.Video("128x72", "25", "3"), x264...), 2},
		"sound alone":    {append(noise, "-c:a", "aac"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memStore(t)
			opts := encoder.Apple()
			opts.AudioBitrate = 256_000
			out := encode(t, fast(store), store, put(t, store, testmedia.Make(t, "in.mkv", tc.args...)), opts)
			report := out.publish(t)
			require.NoError(t, report.Err())
			for _, f := range report.Findings {
				assert.False(t, strings.HasPrefix(f.Rule, "M") && f.Severity != check.Info, "%s: %s", f.Rule, f.Message)
			}
			assert.Len(t, report.Variants, tc.variants)
			low := report.Variants[0]
			for _, v := range report.Variants {
				if v.Bandwidth < low.Bandwidth {
					low = v
				}
			}
			assert.LessOrEqual(t, low.Bandwidth, int64(192_000))
			t.Logf("%d, of it %d on average", low.Bandwidth, low.AverageBandwidth)
		})
	}
}
