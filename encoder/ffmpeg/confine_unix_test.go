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
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
)

// Children work in a folder that is empty and gone when they are, however they end.
func TestChildWorksInAnEmptyFolder(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	seen := filepath.Join(t.TempDir(), "seen")
	run := func(ctx context.Context, body string) error {
		p, err := start(ctx, command{program: script(t, body), log: quiet})
		if err != nil {
			return err
		}
		return p.wait()
	}
	left := func() []os.DirEntry {
		entries, err := os.ReadDir(tmp)
		require.NoError(t, err)
		return entries
	}
	require.NoError(t, run(t.Context(), "pwd > "+seen+"; ls -A >> "+seen+"; echo x > left-over"))
	raw, err := os.ReadFile(seen)
	require.NoError(t, err)
	assert.Equal(t, tmp, filepath.Dir(strings.TrimSpace(string(raw))), "one line: nothing is in it")
	assert.Empty(t, left(), "ended well")

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, run(ctx, "sleep 300"))
	assert.Empty(t, left(), "killed")

	p, err := start(t.Context(), command{program: filepath.Join(tmp, "none"), log: quiet})
	require.Error(t, err, "%v", p)
	assert.Empty(t, left(), "not started")

	t.Setenv("TMPDIR", filepath.Join(tmp, "none"))
	var e *encoder.Error
	require.ErrorAs(t, run(t.Context(), "true"), &e)
	assert.Equal(t, encoder.CodeEncoderFailed, e.Code)
	assert.False(t, e.Permanent)
	assert.Contains(t, e.Message, "TMPDIR")
}

// A program named by a relative path is meant from our folder, not the child's.
func TestProgramByRelativePath(t *testing.T) {
	path := script(t, "exit 0")
	t.Chdir(filepath.Dir(path))
	p, err := start(t.Context(), command{program: "./" + filepath.Base(path), log: quiet})
	require.NoError(t, err)
	assert.NoError(t, p.wait())
}

// An encoder that goes on and on, and gets further, ends all the same.
func TestEncoderThatTakesTooLongIsStopped(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	body := "echo $$ > " + pidFile + "\nn=1\nwhile sleep 0.02; do n=$((n+1)); printf 'out_time_us=%d\\nprogress=continue\\n' $n >&3; done"
	var e *encoder.Error
	require.ErrorAs(t, job(t, &Options{FFmpeg: script(t, body), MaxWallTime: 400 * time.Millisecond}), &e)
	assert.Equal(t, encoder.CodeTooLarge, e.Code)
	assert.True(t, e.Permanent)
	assert.Contains(t, e.Message, "took longer")
	assert.False(t, alive(readPID(t, pidFile)))
}

// What the Store or emit holds up is not the encoder's time.
func TestWallTimeLeavesOutWhatIsOurs(t *testing.T) {
	act := newActivity()
	ctx, cancel := context.WithCancelCause(t.Context())
	free := act.ours()
	done := make(chan struct{})
	go func() { defer close(done); act.watch(ctx, time.Minute, 20*time.Millisecond, cancel) }()
	select {
	case <-done:
		require.Fail(t, "ended", context.Cause(ctx))
	case <-time.After(200 * time.Millisecond):
	}
	free()
	<-done
	assert.ErrorIs(t, context.Cause(ctx), errTooSlow)
}

func TestMemoryLimitIsSetBeforeTheProgram(t *testing.T) {
	if !canLimit() {
		t.Skip("memory is not limited on this system")
	}
	for name, sandbox := range map[string]Sandbox{"plain": nil, "behind another program": Prefix("nice", "-n", "1")} {
		t.Run(name, func(t *testing.T) {
			seen := filepath.Join(t.TempDir(), "seen")
			c := command{program: script(t, "ulimit -d > "+seen+"; ulimit -c >> "+seen), log: quiet, confine: confinement{memory: 96 << 20, sandbox: sandbox}}
			p, err := start(t.Context(), c)
			require.NoError(t, err)
			require.NoError(t, p.wait())
			raw, err := os.ReadFile(seen)
			require.NoError(t, err)
			assert.Equal(t, "98304\n0\n", string(raw))
		})
	}
}

// Hostile arguments stay arguments behind the shell that sets limits.
func TestArgumentsPassAsTheyAre(t *testing.T) {
	args := []string{"$(touch x)", "a b", "", "'\"", "`id`", "-n", "*", "\n", ";ls"}
	out := filepath.Join(t.TempDir(), "out")
	c := command{program: script(t, `printf '%s\0' "$@" > `+out), args: args, log: quiet,
		confine: confinement{memory: 1 << 30, sandbox: Prefix("nice", "-n", "1")}}
	p, err := start(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, p.wait())
	raw, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, args, strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00"))
}

// A sandbox that is not there or may not be set up is no fault of the file.
func TestSandboxThatFails(t *testing.T) {
	refuses := script(t, "echo 'bwrap: No permissions to create new namespace, likely because the kernel does not allow it.' >&2; exit 1")
	own := errors.New("no room in the cell")
	for name, tc := range map[string]struct {
		sandbox Sandbox
		says    string
	}{
		"not installed":   {Bubblewrap(&BubblewrapOptions{Program: filepath.Join(t.TempDir(), "bwrap")}), "Install bubblewrap"},
		"not permitted":   {Bubblewrap(&BubblewrapOptions{Program: refuses}), "namespaces"},
		"no prefix":       {Prefix("vodkit-no-such-program"), "vodkit-no-such-program cannot be run"},
		"no command line": {func(Child) ([]string, error) { return nil, nil }, "no command line"},
		"one's own": {func(Child) ([]string, error) {
			return nil, &encoder.Error{Code: encoder.CodeEncoderMissing, Message: "Own.", Err: own}
		}, "Own."},
	} {
		t.Run(name, func(t *testing.T) {
			store, src, _ := parts(t, 10)
			program := script(t, "exit 0")
			opts := &Options{FFmpeg: program, FFprobe: program, Sandbox: tc.sandbox}
			_, doctor := New(store, opts).Doctor(t.Context())
			_, probe := New(store, opts).Probe(t.Context(), src)
			for what, err := range map[string]error{"doctor": doctor, "probe": probe, "encode": job(t, opts)} {
				var e *encoder.Error
				require.ErrorAs(t, err, &e, what)
				assert.Equal(t, encoder.CodeEncoderMissing, e.Code, what)
				assert.False(t, e.Permanent, what)
				assert.Contains(t, e.Message, tc.says, what)
			}
		})
	}
}

// needBubblewrap skips the test where bubblewrap is absent or may not be used.
func needBubblewrap(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bwrap is not on PATH; install bubblewrap to run this test")
	}
	if out, err := exec.CommandContext(t.Context(), "bwrap", "--unshare-all", "--ro-bind", "/", "/", "true").CombinedOutput(); err != nil {
		t.Skipf("bwrap may not make namespaces here: %s", out)
	}
}

func TestBubblewrapShowsNothing(t *testing.T) {
	needBubblewrap(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	out := filepath.Join(t.TempDir(), "out")
	body := fmt.Sprintf(`{
for f in %s /etc/passwd /etc/hostname /root /home /tmp/x /proc/%d/environ; do test -e $f && echo sees $f; done
for d in . / /usr /dev /empty /tmp; do touch $d/new 2>/dev/null && echo writes $d; done
ls -A .
echo interfaces $(tail -n +3 /proc/net/dev | wc -l)
} >&3`, secret, os.Getpid())
	for name, network := range map[string]bool{"file": false, "loopback": true} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Create(out)
			require.NoError(t, err)
			defer func() { _ = f.Close() }()
			c := command{program: script(t, body), files: []*os.File{f}, network: network, log: quiet,
				confine: confinement{memory: 1 << 30, sandbox: Bubblewrap(nil)}}
			p, err := start(t.Context(), c)
			require.NoError(t, err)
			require.NoError(t, p.wait(), p.stderr)
			raw, err := os.ReadFile(out)
			require.NoError(t, err)
			own, err := os.ReadFile("/proc/net/dev")
			require.NoError(t, err)
			interfaces := 1 // lo, and it leads nowhere
			if network {
				interfaces = strings.Count(string(own), "\n") - 2
			}
			lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
			last := len(lines) - 1
			assert.Equal(t, "interfaces "+strconv.Itoa(interfaces), lines[last])
			for _, l := range lines[:last] {
				assert.Equal(t, "writes /dev", l, "a device folder in memory is all that can be written")
			}
		})
	}
}

// What runs in the sandbox ends with the context, too.
func TestBubblewrapEndsWithTheContext(t *testing.T) {
	needBubblewrap(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	p, err := start(ctx, command{program: script(t, "echo up >&3; sleep 300 & wait"), files: []*os.File{w}, log: quiet,
		confine: confinement{sandbox: Bubblewrap(nil)}})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	buf := make([]byte, 8)
	n, err := r.Read(buf)
	require.NoError(t, err)
	assert.Equal(t, "up\n", string(buf[:n]))
	cancel()
	require.Error(t, p.wait())
	require.NoError(t, r.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = r.Read(buf)
	assert.ErrorContains(t, err, "EOF", "whoever held the pipe is gone")
}
