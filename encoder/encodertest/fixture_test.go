package encodertest_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

var update = flag.Bool("update", false, "record the fixtures again, with ffmpeg")

// TestRecordings records what the fake plays, with -update, and checks that there is
// little of it.
func TestRecordings(t *testing.T) {
	if *update {
		// 120 frames (two seconds at 60 Hz) of a picture that counts, no B-frames.
		recordFixture(t, hls.Video, 0, 120, "-f", "lavfi", "-i", "testsrc=s=128x72:r=25", "-frames:v", "120",
			"-c:v", "libx264", "-preset", "veryslow", "-threads", "1", "-crf", "30", "-pix_fmt", "yuv420p", "-profile:v", "main",
			"-bf", "0", "-g", "120", "-keyint_min", "120", "-sc_threshold", "0", "-bsf:v", "filter_units=remove_types=6",
			"-video_track_timescale", "25")
		// A tone with a whole number of periods in an AAC frame, so that frames repeat
		// without a click.
		recordFixture(t, hls.Audio, 20, 32, "-f", "lavfi", "-i", "sine=f=468.75:r=48000:d=2,volume=0.3,aformat=channel_layouts=stereo",
			"-c:a", "aac", "-b:a", "48k")
	}
	entries, err := os.ReadDir("fixture")
	require.NoError(t, err)
	require.Len(t, entries, 4)
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		total += info.Size()
	}
	assert.Less(t, total, int64(40_000), "the fixture is in every test binary that uses the fake")
}

func recordFixture(t *testing.T, kind hls.Kind, from, to int, args ...string) {
	t.Helper()
	args = append([]string{"-v", "error"}, args...)
	args = append(args, "-flags", "+bitexact", "-fflags", "+bitexact", "-f", "mp4",
		"-movflags", "+frag_keyframe+delay_moov+default_base_moof", "pipe:1")
	stream, err := exec.Command("ffmpeg", args...).Output()
	require.NoError(t, err)

	store := memstore.New()
	var init []byte
	_, err = pack.Pack(context.Background(), store, "out", hls.Track{ID: "t", Kind: kind}, pack.Grid{Segment: hls.Rational{Num: 60, Den: 1}},
		bytes.NewReader(stream), func(e pack.Event) error {
			if e.Init != nil {
				init = bytes.Clone(store.Get("out/" + e.Init.Key))
			}
			return nil
		}, nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join("fixture", string(kind)+".init.mp4"), init, 0o600))

	file, err := mp4.DecodeFile(bytes.NewReader(stream))
	require.NoError(t, err)
	var samples []mp4.FullSample
	for _, s := range file.Segments {
		for _, f := range s.Fragments {
			full, err := f.GetFullSamples(file.Init.Moov.Mvex.Trex)
			require.NoError(t, err)
			samples = append(samples, full...)
		}
	}
	var b []byte
	for _, s := range samples[from:to] {
		require.Zero(t, s.CompositionTimeOffset)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s.Data))), s.Data...)
	}
	require.NoError(t, os.WriteFile(filepath.Join("fixture", string(kind)+".samples"), b, 0o600))
	require.False(t, strings.Contains(string(init), "udta"))
}
