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
	env     []string // beside inheritedEnv
	network bool     // it reads a loopback address
	yields  bool     // it lets others have the processors first
	confine confinement
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
	dir, err := workDir()
	if err != nil {
		return nil, err
	}
	env := childEnv(c.env)
	argv, err := c.argv(dir, env)
	if err != nil {
		_ = os.Remove(dir)
		return nil, notStarted(c.program, err)
	}
	p := &process{stderr: &stderrTail{}, exited: make(chan struct{})}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
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
		if err != nil {
			_ = os.Remove(dir)
		}
		if err == nil && c.yields {
			lowerPriority(cmd.Process.Pid)
		}
		started <- err
		if err != nil {
			return
		}
		p.err = c.ended(p.stderr, cmd.Wait())
		if most := c.confine.memory; most > 0 && peakMemory(cmd.ProcessState) > most/2 {
			p.stderr.setNoMemory()
		}
		_ = os.RemoveAll(dir)
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, notStarted(c.program, err)
	}
	c.log.Debug("process started", "program", c.program, "pid", cmd.Process.Pid, "argv", argv)
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

// ended says how the child ended, where that was not the program's doing.
func (c command) ended(tail *stderrTail, err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == 126 || exit.ExitCode() == 127) {
		return missing(c.program, err, tail.String()) // a shell's or wrapper's word for it
	}
	if c.confine.sandbox != nil {
		return notPermitted(tail, err)
	}
	return err
}

// notStarted says why a program could not be started.
func notStarted(program string, err error) error {
	var known *encoder.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, exec.ErrDot), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		errors.Is(err, syscall.ENOEXEC):
		return missing(program, err, "")
	}
	return &encoder.Error{Code: encoder.CodeEncoderFailed, Err: err,
		Message: "The program " + program + " could not be started: the machine is short of memory, processes or files. Try again later."}
}

// missing says that a program can't be run.
func missing(program string, err error, said string) error {
	return &encoder.Error{Code: encoder.CodeEncoderMissing, Permanent: false, Err: err, Stderr: said,
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
