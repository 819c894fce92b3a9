package ffmpeg

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/encoder"
)

// command describes a child process: its program, arguments and the files that it
// inherits as descriptors 3 and up.
type command struct {
	program string
	args    []string
	files   []*os.File
	stdout  *os.File
	env     []string // beside childEnv
	log     *slog.Logger
}

// process is a running child.
type process struct {
	stderr *stderrTail
	// exited is closed when the process is gone and err is set.
	exited chan struct{}
	err    error
}

// start runs the command until ctx ends, when the process group is killed.
//
// One goroutine starts the child and waits for it, locked to its thread: the kernel
// sends Pdeathsig when the thread that started the child ends, not the process.
func start(ctx context.Context, c command) (*process, error) {
	if !supported {
		return nil, errors.ErrUnsupported
	}
	p := &process{stderr: &stderrTail{}, exited: make(chan struct{})}
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	cmd.ExtraFiles = c.files
	cmd.Env = append(childEnv(), c.env...)
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
	cmd.Stderr = p.stderr
	cmd.WaitDelay = 2 * time.Second
	isolate(cmd)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, notStarted(c.program, err)
	}
	c.log.Debug("process started", "program", c.program, "pid", cmd.Process.Pid, "args", c.args)
	return p, nil
}

// wait returns when the process is gone.
func (p *process) wait() error {
	<-p.exited
	return p.err
}

// output runs the command to its end and hands what it writes to stdout to read.
func output(ctx context.Context, c command, read func(io.Reader) error) (*stderrTail, error) {
	pr, pw, err := os.Pipe()
	if err != nil {
		return &stderrTail{}, err
	}
	defer func() { _ = pr.Close() }()
	c.stdout = pw
	p, err := start(ctx, c)
	_ = pw.Close()
	if err != nil {
		return &stderrTail{}, err
	}
	readErr := read(pr)
	_, _ = io.Copy(io.Discard, pr) // a full pipe would hold the child for ever
	err = p.wait()
	if readErr != nil {
		err = readErr
	}
	return p.stderr, err
}

// inheritedEnv are the variables that a child gets of ours: where programs and
// libraries are. It gets no credentials, as it reads hostile input, and nothing that
// changes what it does, such as FFREPORT or http_proxy, which would come between it
// and our loopback address.
var inheritedEnv = [...]string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"}

func childEnv() []string {
	env := make([]string, 0, len(inheritedEnv)) // never nil, which would mean all
	for _, name := range inheritedEnv {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// notStarted says why a program could not be started.
func notStarted(program string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, exec.ErrDot), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		errors.Is(err, syscall.ENOEXEC):
		return missing(program, err)
	}
	return &encoder.Error{Code: encoder.CodeEncoderFailed, Err: err,
		Message: "The program " + program + " could not be started: the machine is short of memory, processes or files. Try again later."}
}

// missing says that a program can't be run.
func missing(program string, err error) error {
	return &encoder.Error{Code: encoder.CodeEncoderMissing, Permanent: false, Err: err,
		Message: "The program " + program + " cannot be run. " + howToInstall()}
}

// howToInstall says how ffmpeg comes to this system.
func howToInstall() string {
	switch runtime.GOOS {
	case "darwin":
		return "Install ffmpeg 5.1 or newer, for example with: brew install ffmpeg"
	case "linux":
		return "Install ffmpeg 5.1 or newer, for example on Debian or Ubuntu with: apt-get install ffmpeg"
	}
	return "vodkit runs ffmpeg on Linux and macOS only."
}
