//go:build unix

package ffmpeg_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// onsets returns when sound begins after a tenth of a second of silence, in seconds.
// Gaps between packets count as silence, and what lies before 0 is not heard.
func onsets(t *testing.T, path string) []float64 {
	t.Helper()
	raw := []byte(testmedia.Run(t, "ffmpeg", "-v", "error", "-copyts", "-i", path, "-map", "0:a", "-ac", "1", "-ar", "8000",
		"-af", "aresample=async=1:first_pts=0", "-f", "s16le", "-"))
	var at []float64
	quiet := 800
	for i := 0; i+1 < len(raw); i += 2 {
		if v := int16(binary.LittleEndian.Uint16(raw[i:])); v > -1000 && v < 1000 {
			quiet++
			continue
		}
		if quiet >= 800 {
			at = append(at, float64(i)/2/8000)
		}
		quiet = 0
	}
	return at
}

// flashes returns when the picture turns from dark to bright, in seconds.
func flashes(t *testing.T, path string) []float64 {
	t.Helper()
	out := testmedia.Run(t, "ffmpeg", "-v", "error", "-copyts", "-i", path, "-map", "0:v", "-fps_mode", "passthrough",
		"-vf", "scale=2:2,signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-", "-f", "null", "-")
	var at []float64
	var pts, y float64
	dark := true
	for line := range strings.Lines(out) {
		if _, v, ok := strings.Cut(line, "pts_time:"); ok {
			_, err := fmt.Sscan(v, &pts)
			require.NoError(t, err)
		} else if _, v, ok := strings.Cut(line, "YAVG="); ok {
			_, err := fmt.Sscan(v, &y)
			require.NoError(t, err)
			if y > 128 && dark {
				at = append(at, pts)
			}
			dark = y <= 128
		}
	}
	return at
}

// lags returns how far each of five beeps is behind its flash, in seconds.
func lags(t *testing.T, video, audio string) []float64 {
	t.Helper()
	seen, heard := flashes(t, video), onsets(t, audio)
	require.Len(t, seen, 5)
	require.Len(t, heard, 5)
	for i := range seen {
		heard[i] -= seen[i]
	}
	return heard
}

// What is seen and heard at once in the source is in the output, wherever the source's
// streams start.
func TestEncodeKeepsSync(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	flash := "color=black:s=64x48:r=50:d=10,drawbox=c=white:t=fill:enable='between(mod(t,2),0.99,1.07)'"
	beep := "aevalsrc='if(between(mod(t,2),0.999,1.08),sin(2*PI*1000*t),0)':s=48000:d=10"
	for name, args := range map[string][]string{
		"a.mp4": {"-c:a", "aac"},
		"b.mkv": {"-ss", "0.5", "-c:a", "libmp3lame"}, // streams that start between two beeps
		"c.ts":  {"-c:a", "ac3", "-output_ts_offset", "100"},
		"d.mkv": {"-c:a", "pcm_s16le", "-bsf:a", "noise=drop='lt(n,20)'"}, // sound that starts late
		"e.mkv": {"-c:a", "pcm_s16le", "-bsf:v", "noise=drop='lt(n,10)'", "-g", "1"},
		"f.mkv": {"-c:a", "opus", "-strict", "-2", "-ac", "2"}, // its first packet lies before 0
	} {
		t.Run(name, func(t *testing.T) {
			path := testmedia.Make(t, name, append([]string{"-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", beep,
				"-c:v", "libx264", "-preset", "ultrafast"}, args...)...)
			store := fileStore(t)
			out := encode(t, fast(store), store, put(t, store, path), nil)
			assert.InDeltaSlice(t, lags(t, path, path), lags(t, out.file(t, "v48"), out.file(t, "audio")), 0.02)
		})
	}
}

// Sound that is missing for long is not held in memory at once: a file of 40 kB could
// take the machine down.
func TestEncodeLongSilence(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	for name, args := range map[string][]string{
		"late": {"-bsf:a", "setts=ts=TS+450000"},
		"gap":  {"-bsf:a", "setts=ts='TS+gt(N,99)*450000'"},
	} {
		t.Run(name, func(t *testing.T) {
			args = append(append(append(testmedia.Video("64x48", "2", "5"), testmedia.Sound("5")...),
				"-c:v", "libx264", "-bf", "0", "-c:a", "pcm_s16le"), args...)
			path := testmedia.Make(t, "a.mkv", args...)
			store := fileStore(t)
			src := put(t, store, path)
			ff := ffmpeg.New(store, &ffmpeg.Options{MaxMemory: 200 << 20, Preset: "ultrafast", Threads: 2})
			out := encode(t, ff, store, src, nil)
			assert.InDelta(t, out.job.Grid.Duration().Seconds(), out.duration("audio"), 0.03)
			assert.InDeltaSlice(t, onsets(t, path), onsets(t, out.file(t, "audio")), 0.02)
		})
	}
}
