package ffmpeg

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
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
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
		return nil, missing(c.program, err)
	}
	c.log.Debug("process started", "program", c.program, "pid", cmd.Process.Pid, "args", c.args)
	return p, nil
}

// wait returns when the process is gone.
func (p *process) wait() error {
	<-p.exited
	return p.err
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
