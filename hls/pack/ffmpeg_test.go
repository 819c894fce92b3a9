package pack_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	videoFlags = "+frag_keyframe+delay_moov+default_base_moof"
	audioFlags = "+frag_every_frame+delay_moov+default_base_moof"
)

// ffmpeg runs ffmpeg with stdin and returns its stdout; it skips the test where
// there is none.
func ffmpeg(t testing.TB, stdin []byte, args ...string) []byte {
	t.Helper()
	return tool(t, "ffmpeg", stdin, append([]string{"-v", "error"}, args...)...)
}

func tool(t testing.TB, name string, stdin []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not on PATH", name)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	require.NoError(t, cmd.Run(), stderr.String())
	require.Empty(t, stderr.String())
	return stdout.Bytes()
}

// video encodes a test pattern as an encoder does: frames at rate on a timescale of
// its numerator, an IDR every gop frames.
func video(t testing.TB, rate string, frames, gop string, extra ...string) []byte {
	t.Helper()
	num, _, _ := strings.Cut(rate, "/")
	args := []string{"-f", "lavfi", "-i", "testsrc2=s=128x72:r=" + rate, "-frames:v", frames,
		"-c:v", "libx264", "-preset", "veryfast", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-flags", "+cgop",
		"-video_track_timescale", num}
	args = append(args, extra...)
	return ffmpeg(t, nil, append(args, "-f", "mp4", "-movflags", videoFlags, "pipe:1")...)
}

// audio encodes seconds of a sine.
func audio(t testing.TB, rate, seconds string) []byte {
	t.Helper()
	return ffmpeg(t, nil, "-f", "lavfi", "-i", "sine=f=440:r="+rate+":d="+seconds,
		"-c:a", "aac", "-b:a", "64k", "-f", "mp4", "-movflags", audioFlags, "pipe:1")
}

// decoded returns the hashes of all frames with their times.
func decoded(t testing.TB, stream []byte) string {
	t.Helper()
	return string(ffmpeg(t, stream, "-i", "pipe:0", "-map", "0", "-f", "framemd5", "pipe:1"))
}

// probe returns the stream that ffprobe finds in a file.
func probe(t testing.TB, stream []byte) map[string]any {
	t.Helper()
	file := filepath.Join(t.TempDir(), "packed.mp4")
	require.NoError(t, os.WriteFile(file, stream, 0o600))
	out := tool(t, "ffprobe", nil, "-v", "error", "-count_frames", "-show_streams", "-of", "json", file)
	var v struct {
		Streams []map[string]any `json:"streams"`
	}
	require.NoError(t, json.Unmarshal(out, &v))
	require.Len(t, v.Streams, 1)
	return v.Streams[0]
}

// quiet is ffmpeg for encoders that write to stderr whatever they are told.
func quiet(t testing.TB, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not on PATH")
	}
	out, err := exec.Command(path, append([]string{"-v", "error"}, args...)...).Output()
	require.NoError(t, err)
	return out
}
