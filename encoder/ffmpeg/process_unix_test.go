//go:build unix

package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// script writes a shell script that stands in for ffmpeg.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ffmpeg")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755)) //nolint:gosec // it must be executable
	return path
}

// alive says whether a process runs: it is there and no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil {
		_, after, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(after, "Z")
	}
	return syscall.Kill(pid, 0) == nil
}

// readPID waits for a script to write a process number to a file.
func readPID(t *testing.T, path string) int {
	t.Helper()
	var pid int
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(raw)))
		return err == nil
	}, 10*time.Second, 5*time.Millisecond)
	return pid
}

// A wrapper's children die with it: the group is killed, not the process.
func TestCancelKillsTheGroup(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	program := script(t, "sleep 300 & echo $! > "+pidFile+"\nwait")
	ctx, cancel := context.WithCancel(t.Context())
	p, err := start(ctx, command{program: program, log: quiet})
	require.NoError(t, err)
	pid := readPID(t, pidFile)
	require.True(t, alive(pid))
	cancel()
	require.Error(t, p.wait())
	require.Eventually(t, func() bool { return !alive(pid) }, 5*time.Second, 5*time.Millisecond)
}

func TestMissingProgramSaysHowToInstall(t *testing.T) {
	_, err := start(t.Context(), command{program: filepath.Join(t.TempDir(), "none"), log: quiet})
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeEncoderMissing, e.Code)
	assert.Contains(t, e.Message, "nstall")
}

const parentEnv = "VODKIT_TEST_PARENT_OF"

// TestParentHelper is the process that TestChildDiesWithParent kills.
func TestParentHelper(t *testing.T) {
	program := os.Getenv(parentEnv)
	if program == "" {
		t.Skip("runs only as a child of TestChildDiesWithParent")
	}
	p, err := start(context.Background(), command{program: program, log: quiet})
	require.NoError(t, err)
	_ = p.wait()
}

func TestChildDiesWithParent(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("the kernel ends children with their parent on Linux only")
	}
	pidFile := filepath.Join(t.TempDir(), "pid")
	program := script(t, "echo $$ > "+pidFile+"\nexec sleep 300")
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestParentHelper$")
	parent.Env = append(os.Environ(), parentEnv+"="+program)
	require.NoError(t, parent.Start())
	pid := readPID(t, pidFile)
	require.True(t, alive(pid))
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	require.Eventually(t, func() bool { return !alive(pid) }, 5*time.Second, 5*time.Millisecond)
}

// jobWith runs Encode with a script in ffmpeg's place.
func jobWith(t *testing.T, program string, stall time.Duration) error {
	t.Helper()
	return job(t, &Options{FFmpeg: program, StallTimeout: stall})
}

func job(t *testing.T, opts *Options) error {
	t.Helper()
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer func() { _ = store.Close() }()
	_, err := store.Put(t.Context(), "s", strings.NewReader("source"), nil)
	require.NoError(t, err)
	e := New(store, opts)
	e.able = func(context.Context) (abilities, error) { return abilities{}, nil }
	return e.Encode(t.Context(), encoder.Job{
		ID: "j", Output: "o", Source: encoder.Source{Parts: []encoder.Part{{Key: "s", Size: 6}}},
		Media:  encoder.Media{Streams: []encoder.Stream{{Index: 0, Kind: encoder.VideoStream}}},
		Grid:   encoder.Grid{FrameRate: hls.Rational{Num: 25, Den: 1}, GOP: 50, Segment: 150},
		Tracks: []encoder.TrackSpec{{Track: hls.Track{ID: "v2", Kind: hls.Video, Width: 2, Height: 2}}},
	}, func(encoder.Update) error { return nil })
}

func TestStalledEncoderIsStopped(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	err := jobWith(t, script(t, "echo $$ > "+pidFile+"\nexec sleep 300"), 300*time.Millisecond)
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeStalled, e.Code)
	assert.False(t, e.Permanent)
	assert.False(t, alive(readPID(t, pidFile)))
}

// Reports are a sign of life, but not for ever: newer versions of ffmpeg report from a
// thread of its own.
func TestEncoderThatOnlyReportsIsStopped(t *testing.T) {
	err := jobWith(t, script(t, "while sleep 0.02; do printf 'out_time_us=40000\nprogress=continue\n' >&3; done"), 200*time.Millisecond)
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeStalled, e.Code)
}

func TestEncodeSaysWhyFFmpegFailed(t *testing.T) {
	for name, tc := range map[string]struct {
		body, code string
		permanent  bool
	}{
		"decode error": {"echo 'Error while decoding stream #0:0: Invalid data found when processing input' >&2; exit 69", encoder.CodeCorrupt, true},
		"crash":        {"echo 'Assertion failed' >&2; kill -SEGV $$", encoder.CodeEncoderFailed, false},
		// A file with some damage is encoded all the same; the kernel ended this one.
		"killed":         {"echo 'Error while decoding stream #0:0: Invalid data found when processing input' >&2; kill -KILL $$", encoder.CodeEncoderFailed, false},
		"too large":      {"echo 'Picture size 9x9 exceeds specified max pixel count 7' >&2; exit 1", encoder.CodeTooLarge, true},
		"out of memory":  {"echo 'x264 [error]: malloc of size 1 failed: Cannot allocate memory' >&2; exit 1", encoder.CodeTooLarge, true},
		"gone meanwhile": {"echo 'exec: ffmpeg: not found' >&2; exit 127", encoder.CodeEncoderMissing, false},
		"nothing at all": {"exit 0", encoder.CodeCorrupt, true},
		"truncated":      {"echo '[mov] stream 0, offset 0x1: partial file' >&2; exit 0", encoder.CodeTruncated, true},
	} {
		t.Run(name, func(t *testing.T) {
			var e *encoder.Error
			require.ErrorAs(t, jobWith(t, script(t, tc.body), time.Minute), &e)
			assert.Equal(t, tc.code, e.Code)
			assert.Equal(t, tc.permanent, e.Permanent)
			assert.NotEmpty(t, e.Message)
			if name != "nothing at all" {
				assert.NotEmpty(t, e.Stderr)
			}
		})
	}
}

func TestDoctor(t *testing.T) {
	list := `case "$2" in
-version) echo "ffmpeg version VERSION Copyright"; echo "built with";;
-encoders) echo " V....D libx264 x"; echo " A....D aac x";;
-decoders) echo " V....D libvpx x"; echo " V..... libvpx-vp9 x";;
-filters) for f in scale setsar format fps tpad trim split null framestep select aresample aformat apad hflip vflip transpose anullsrc asetrate asetpts setpts asettb ainterleave areverse aselect premultiply alimiter MORE; do echo " ... $f V->V x"; done;;
esac`
	doctor := func(version, more string) (Report, error) {
		p := script(t, strings.NewReplacer("VERSION", version, "MORE", more).Replace(list))
		return New(nil, &Options{FFmpeg: p, FFprobe: p}).Doctor(t.Context())
	}
	r, err := doctor("5.1.9-0+deb12u1", "atrim zscale tonemap")
	require.NoError(t, err)
	assert.Equal(t, Report{FFmpeg: "5.1.9-0+deb12u1", FFprobe: "5.1.9-0+deb12u1"}, r)

	r, err = doctor("N-109468-gd39b34123d", "atrim")
	require.NoError(t, err)
	require.Len(t, r.Warnings, 1)
	assert.Contains(t, r.Warnings[0], "HDR")

	for _, tc := range [][3]string{{"4.4.2", "atrim", "too old"}, {"5.0", "atrim", "too old"}, {"7.1", "", "lacks atrim"}, {"", "", "no ffmpeg"}} {
		_, err = doctor(tc[0], tc[1])
		var e *encoder.Error
		require.ErrorAs(t, err, &e, tc[0])
		assert.Equal(t, encoder.CodeEncoderMissing, e.Code)
		assert.Contains(t, e.Message, tc[2])
		assert.Contains(t, e.Message, "nstall")
	}
	_, err = New(nil, &Options{FFmpeg: filepath.Join(t.TempDir(), "none")}).Doctor(t.Context())
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = New(nil, nil).Doctor(ctx)
	assert.True(t, errors.Is(err, context.Canceled), err)
}
