package ffmpeg_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/storage"
)

// The Encoder keeps to its contract, with sources by descriptor and over loopback.
func TestSuite(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	args := append(testmedia.Video("320x240", "25", "14"), testmedia.Sound("14")...)
	path := testmedia.Make(t, "a.mp4", append(args, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")...)
	args = append(testmedia.Video("160x120", "25", "14"), testmedia.Sound("14")...)
	ready := testmedia.Make(t, "ready.mp4", append(args, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-crf", "35", "-g", "40", "-bf", "2", "-c:a", "aac", "-ac", "2")...)
	for name, open := range map[string]func(*testing.T) storage.Store{"file": fileStore, "memory": memStore, "copied": memStore} {
		path := path
		if name == "copied" {
			path = ready
		}
		t.Run(name, func(t *testing.T) {
			encodertest.Run(t, func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job) {
				store := open(t)
				ff := ffmpeg.New(store, &ffmpeg.Options{Preset: "ultrafast", Keys: derived(t, 1)})
				src := put(t, store, path)
				m, err := ff.Probe(t.Context(), src)
				require.NoError(t, err)
				grid, tracks, err := encoder.Plan(m, &encoder.PlanOptions{Stills: true})
				require.NoError(t, err)
				require.Equal(t, name == "copied", tracks[0].Copy)
				return ff, store, encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid, Tracks: tracks}
			})
		})
	}
}
