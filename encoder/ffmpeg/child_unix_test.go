//go:build unix

package ffmpeg

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
)

// Children read hostile files: they see no credentials, and no proxy comes between
// them and our loopback address.
func TestChildSeesLittleOfTheEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("http_proxy", "http://192.0.2.1:3128")
	t.Setenv("FFREPORT", "file=report.log")
	seen := filepath.Join(t.TempDir(), "env")
	p, err := start(t.Context(), command{program: script(t, "env > "+seen), env: []string{"LIBVA_DRIVER_NAME=iHD"}, log: quiet})
	require.NoError(t, err)
	require.NoError(t, p.wait())
	env, err := os.ReadFile(seen)
	require.NoError(t, err)
	assert.Contains(t, string(env), "LIBVA_DRIVER_NAME=iHD")
	for line := range strings.Lines(string(env)) { // shells add some of their own
		name, _, _ := strings.Cut(line, "=")
		assert.Contains(t, []string{"LIBVA_DRIVER_NAME", "LD_LIBRARY_PATH", "PWD", "SHLVL", "_", "OLDPWD"}, name)
	}
}

// An ffmpeg that could not answer once, or came later, is asked again.
func TestAbilitiesAreAskedUntilAnAnswer(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "installed")
	e := New(nil, &Options{FFmpeg: script(t, "test -e "+flag+" || exit 1; echo ' V....D libx264 x'")})
	_, err := e.able(t.Context())
	var failed *encoder.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, encoder.CodeEncoderMissing, failed.Code)
	require.NoError(t, os.WriteFile(flag, nil, 0o600))
	a, err := e.able(t.Context())
	require.NoError(t, err)
	assert.True(t, a.encoders["libx264"])
	require.NoError(t, os.Remove(flag))
	_, err = e.able(t.Context())
	require.NoError(t, err, "once is enough")
}

func TestAskingAbilitiesEndsWithTheContext(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	e := New(nil, &Options{FFmpeg: script(t, "sleep 300 & echo $! > "+pidFile+"\nwait")})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := e.able(ctx); done <- err }()
	pid := readPID(t, pidFile)
	cancel()
	select {
	case err := <-done:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(10 * time.Second):
		require.Fail(t, "it goes on")
	}
	require.Eventually(t, func() bool { return !alive(pid) }, 5*time.Second, 5*time.Millisecond)
}

func TestNotStarted(t *testing.T) {
	var e *encoder.Error
	require.ErrorAs(t, notStarted("ffmpeg", &os.PathError{Op: "fork/exec", Path: "ffmpeg", Err: syscall.EAGAIN}), &e)
	assert.Equal(t, encoder.CodeEncoderFailed, e.Code, "a machine that is short of processes has an ffmpeg all the same")
	assert.False(t, e.Permanent)
	require.ErrorAs(t, notStarted("ffmpeg", &os.PathError{Op: "fork/exec", Path: "ffmpeg", Err: syscall.ENOENT}), &e)
	assert.Equal(t, encoder.CodeEncoderMissing, e.Code)
}

// A large source takes its time to be read.
func TestProbeTimeoutGrowsWithTheSource(t *testing.T) {
	store, src, _ := parts(t, 1, 1)
	src.Parts[1].Size = 100 * probeRate
	probe := script(t, `sleep 0.2
case "$*" in
*-show_format*) echo '{"format": {"format_name": "mov"}, "streams": []}';;
esac`)
	m, err := New(store, &Options{FFprobe: probe, ProbeTimeout: 20 * time.Millisecond}).Probe(t.Context(), src)
	require.NoError(t, err)
	assert.Equal(t, "mov", m.Format)
	var e *encoder.Error
	src.Parts = src.Parts[:1]
	_, err = New(store, &Options{FFprobe: probe, ProbeTimeout: 20 * time.Millisecond}).Probe(t.Context(), src)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeStalled, e.Code)
}

// An ffprobe that the kernel ends, for want of memory say, has not seen all of the
// file, and what it has not seen is not the file's fault.
func TestProbeKilled(t *testing.T) {
	head := `echo '{"format": {"format_name": "mov"}, "streams": [{"index": 0, "codec_type": "video", "codec_name": "h264", "width": 2, "height": 2}]}'`
	store, src, _ := parts(t, 1, 1)
	for name, body := range map[string]string{
		"header":  "kill -KILL $$",
		"packets": "case \"$*\" in\n*-show_format*) " + head + ";;\n*) echo 0,0.000000,0.000000,0.040000,1000,4096,K_; kill -KILL $$;;\nesac",
		"gone":    "rm -f \"$0\"; " + head,
	} {
		t.Run(name, func(t *testing.T) {
			var e *encoder.Error
			_, err := New(store, &Options{FFprobe: script(t, body)}).Probe(t.Context(), src)
			require.ErrorAs(t, err, &e)
			assert.False(t, e.Permanent, e.Message)
		})
	}
}

func TestStderrTailRemembersFacts(t *testing.T) {
	var tail stderrTail
	assert.False(t, tail.sawTooLarge())
	_, err := tail.Write([]byte("[png @ 0x1] Picture size 9x9 exceeds specified max pixel count 7\n" + strings.Repeat("noise\n", 9000) +
		"[mov] stream 0, offset 0x1: partial file"))
	require.NoError(t, err)
	assert.True(t, tail.sawTooLarge())
	assert.True(t, tail.sawTruncated(), "a line that is not at its end counts")
}
