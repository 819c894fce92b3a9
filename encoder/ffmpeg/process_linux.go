package ffmpeg

import (
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
// each process (RLIMIT_DATA: heap, anonymous maps and stacks, but not libraries) and
// without core dumps, which would hold what users uploaded. A shell sets the limits and
// then becomes the program, so there is no moment without them and whatever the program
// starts has them, too; setrlimit in this process would bind this process, and prlimit
// on a child comes too late for what a sandbox has forked by then. A limit above one
// that is there already changes nothing.
func limited(argv []string, memory int64) []string {
	if memory <= 0 || !canLimit() {
		return argv
	}
	const script = `ulimit -c 0; ulimit -d "$0" 2>/dev/null; exec "$@"`
	return append([]string{shell, "-c", script, strconv.FormatInt(max(1, memory>>10), 10)}, argv...)
}

// canLimit says whether memory can be limited on this system.
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
