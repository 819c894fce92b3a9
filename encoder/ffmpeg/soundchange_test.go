//go:build unix

package ffmpeg_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/testmedia"
)

// flashAndBeep makes a file of so many seconds that flashes and beeps at once in the
// middle of each, at 50 frames a second or at fps.
func flashAndBeep(t *testing.T, name, seconds string, args ...string) string {
	t.Helper()
	return testmedia.Make(t, name, append([]string{
		"-f", "lavfi", "-i", "color=black:s=64x48:r=50:d=" + seconds + ",drawbox=c=white:t=fill:enable='between(mod(t,1),0.495,0.57)'",
		"-f", "lavfi", "-i", "aevalsrc='if(between(mod(t,1),0.5,0.58),0.5*sin(2*PI*1000*t),0)':s=48000:d=" + seconds,
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "25",
	}, args...)...)
}

// joined makes one file of others, stream by stream as they are.
func joined(t *testing.T, name string, parts ...string) string {
	t.Helper()
	list := filepath.Join(t.TempDir(), "list")
	var b strings.Builder
	for _, p := range parts {
		_, _ = fmt.Fprintf(&b, "file '%s'\n", p)
	}
	require.NoError(t, os.WriteFile(list, []byte(b.String()), 0o600))
	return testmedia.Make(t, name, "-f", "concat", "-safe", "0", "-i", list, "-c", "copy")
}

// Where sound changes its channels or its rate in the middle, ffmpeg builds the filters
// of the sound anew. Whatever the container and wherever the sound starts, pictures
// stay as they are, what is heard stays with what is seen, and as much is decoded as the
// segments say.
func TestEncodeSoundThatChanges(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	stereo := flashAndBeep(t, "a.mkv", "3", "-c:a", "ac3", "-ac", "2")
	surround := flashAndBeep(t, "a.mkv", "3", "-c:a", "ac3", "-ac", "6")
	mono := flashAndBeep(t, "a.ts", "3", "-c:a", "aac", "-ac", "1", "-ar", "44100", "-output_ts_offset", "3")
	late := func(name, path, seconds string) string {
		return testmedia.Make(t, name, "-i", path, "-itsoffset", seconds, "-i", path, "-map", "0:v", "-map", "1:a", "-c", "copy")
	}
	cat := func(name string, parts ...string) string {
		var all []byte
		for _, p := range parts {
			b, err := os.ReadFile(p)
			require.NoError(t, err)
			all = append(all, b...)
		}
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, all, 0o600))
		return path
	}
	changes := joined(t, "a.mkv", stereo, surround)
	sparse := flashAndBeep(t, "b.mkv", "17", "-c:a", "ac3", "-ac", "6", "-bsf:a", "noise=drop='between(n,0,436)'")
	for name, tc := range map[string]struct {
		path  string
		beeps int
		after float64 // of the beeps behind the flashes, seconds
	}{
		"mkv":           {changes, 6, 0},
		"mp4":           {joined(t, "a.mp4", stereo, surround), 6, 0},
		"back and on":   {joined(t, "a.mkv", stereo, surround, stereo), 9, 0},
		"ts":            {joined(t, "a.ts", stereo, surround), 6, 0},
		"ts, a rate":    {cat("a.ts", flashAndBeep(t, "a.ts", "3", "-c:a", "aac", "-ac", "2"), mono), 6, 0},
		"late in ts":    {late("a.ts", changes, "1.3"), 6, 1.3},
		"late in mkv":   {late("a.mkv", changes, "1.3"), 6, 1.3},
		"late by 0.04":  {late("a.mp4", changes, "0.04"), 6, 0.04},
		"after a gap":   {joined(t, "a.mkv", stereo, sparse), 6, 0},
		"past pictures": {testmedia.Make(t, "a.mkv", "-t", "1", "-i", changes, "-i", changes, "-map", "0:v", "-map", "1:a", "-c", "copy"), 6, 0},
		"late, and gap": {late("a.mkv", joined(t, "a.mkv", stereo, sparse), "11"), 6, 11},
	} {
		t.Run(name, func(t *testing.T) {
			store := fileStore(t)
			out := encode(t, fast(store), store, put(t, store, tc.path), nil)
			end := out.job.Grid.Duration().Seconds()
			picture, sound := out.file(t, "v48"), out.file(t, "audio")
			assert.Equal(t, fmt.Sprint(out.job.Grid.Frames), probeFile(t, picture).Frames)
			assert.InDelta(t, end, out.duration("audio"), 0.03)
			assert.InDelta(t, out.duration("audio"), soundLength(t, sound), 0.0215, "of sound is decoded")

			seen, heard := flashes(t, picture), onsets(t, sound)
			require.Len(t, heard, tc.beeps)
			for _, at := range heard {
				if at > out.job.Media.Streams[0].End.Seconds()+tc.after {
					continue // the picture stands still
				}
				nearest := 1e9
				for _, f := range seen {
					if d := at - tc.after - f; d*d < nearest*nearest {
						nearest = d
					}
				}
				assert.InDelta(t, 0, nearest, 0.02, "beep at %.3f", at)
			}
		})
	}
}

// soundLength returns how many seconds the sound of an output lasts where its frames are
// played one after the other, whatever times they have. The first is priming.
func soundLength(t *testing.T, path string) float64 {
	t.Helper()
	raw := testmedia.Run(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-ac", "1", "-ar", "8000", "-f", "s16le", "-")
	return float64(len(raw))/2/8000 - 1024.0/48000
}
