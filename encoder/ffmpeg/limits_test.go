package ffmpeg_test

import (
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/storage"
)

// tooLarge asserts that err is the typed refusal of what is beyond a limit.
func tooLarge(t *testing.T, err error, says string) {
	t.Helper()
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeTooLarge, e.Code, e.Stderr)
	assert.True(t, e.Permanent)
	assert.Contains(t, e.Message, says)
}

func TestMaxMemory(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	if runtime.GOOS != "linux" {
		t.Skip("memory is limited on Linux only")
	}
	path := testmedia.Make(t, "a.mp4", append(testmedia.Video("1920x1080", "25", "1"), "-c:v", "libx264", "-preset", "ultrafast")...)
	store := fileStore(t)
	src := put(t, store, path)
	ff := ffmpeg.New(store, &ffmpeg.Options{Threads: 2, MaxMemory: 300 << 20})
	m, err := ff.Probe(t.Context(), src)
	require.NoError(t, err)
	grid, tracks, err := encoder.Plan(m, nil)
	require.NoError(t, err)
	err = ff.Encode(t.Context(), encoder.Job{ID: "j", Output: "o", Source: src, Media: m, Grid: grid, Tracks: tracks}, func(encoder.Update) error { return nil })
	tooLarge(t, err, "300 MiB")
}

func TestMaxStreams(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	args := testmedia.Sound("1")
	for range 12 {
		args = append(args, "-map", "0")
	}
	for _, name := range []string{"a.mkv", "a.mp4", "a.ts"} {
		t.Run(name, func(t *testing.T) {
			store := fileStore(t)
			src := put(t, store, testmedia.Make(t, name, append(args, "-c:a", "aac")...))
			m, err := ffmpeg.New(store, &ffmpeg.Options{MaxStreams: 12}).Probe(t.Context(), src)
			require.NoError(t, err)
			assert.Len(t, m.Streams, 12)
			_, err = ffmpeg.New(store, &ffmpeg.Options{MaxStreams: 11}).Probe(t.Context(), src)
			tooLarge(t, err, "11 streams")
		})
	}
}

// Everything works in bubblewrap as it does without.
func TestEncodeInBubblewrap(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe", "bwrap")
	if out, err := exec.CommandContext(t.Context(), "bwrap", "--unshare-all", "--ro-bind", "/", "/", "true").CombinedOutput(); err != nil {
		t.Skipf("bwrap may not make namespaces here: %s", out)
	}
	args := append(testmedia.Video("320x180", "25", "2"), testmedia.Sound("2")...)
	path := testmedia.Make(t, "a.mp4", append(args, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")...)
	for name, open := range map[string]func(*testing.T) storage.Store{"file": fileStore, "memory": memStore} {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			ff := ffmpeg.New(store, &ffmpeg.Options{Preset: "ultrafast", Sandbox: ffmpeg.Bubblewrap(nil)})
			report, err := ff.Doctor(t.Context())
			require.NoError(t, err)
			assert.True(t, report.Sandboxed)
			out := encode(t, ff, store, put(t, store, path), &encoder.PlanOptions{MaxRenditions: 1})
			for _, tr := range out.job.Tracks {
				assert.InDelta(t, 2, out.duration(tr.ID), 0.05, tr.ID)
			}
		})
	}
}
