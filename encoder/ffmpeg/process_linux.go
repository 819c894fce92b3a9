package ffmpeg

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

const supported = true

// isolate gives the child a process group of its own, which is killed whole, and has
// the kernel kill the child when we die.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// shell sets limits between the start of a child and the program's.
const shell = "/bin/sh"

// limited returns a command line that runs argv with at most so many bytes of data in
// each process (RLIMIT_DATA: heap, anonymous maps and stacks, but not libraries) and in
// each file that it writes (RLIMIT_FSIZE: files, but not pipes), and without core dumps,
// which would hold what users uploaded. A shell sets the limits and then becomes the
// program, so there is no moment without them and whatever the program starts has them,
// too; setrlimit in this process would bind this process, and prlimit on a child comes
// too late for what a sandbox has forked by then. A limit above one that is there already
// changes nothing.
func limited(argv []string, c confinement) []string {
	if c.memory <= 0 && c.temp <= 0 || !canLimit() {
		return argv
	}
	script := "ulimit -c 0; "
	if c.memory > 0 {
		script += "ulimit -d " + strconv.FormatInt(max(1, c.memory>>10), 10) + " 2>/dev/null; " // KiB
	}
	if c.temp > 0 {
		script += "ulimit -f " + strconv.FormatInt((c.temp+511)>>9, 10) + " 2>/dev/null; " // blocks of 512 bytes, says POSIX
	}
	return append([]string{shell, "-c", script + `exec "$@"`, shell}, argv...)
}

// wroteTooMuch says whether a process was killed for a file beyond confinement.temp.
func wroteTooMuch(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGXFSZ
}

// canLimit says whether limits can be set on this system.
func canLimit() bool {
	_, err := os.Stat(shell)
	return err == nil
}

// peakMemory returns the most memory, in bytes, that a process that has ended or one
// that it waited for held at once.
func peakMemory(state *os.ProcessState) int64 {
	if state == nil {
		return 0
	}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}
