//go:build unix && !linux

package ffmpeg

import (
	"os"
	"os/exec"
	"syscall"
)

const supported = true

// isolate gives the child a process group of its own, which is killed whole.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// limited changes nothing: this system has no limit on memory that holds.
func limited(argv []string, _ confinement) []string { return argv }

func wroteTooMuch(error) bool { return false }

func canLimit() bool { return false }

func peakMemory(*os.ProcessState) int64 { return 0 }
