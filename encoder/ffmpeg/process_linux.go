package ffmpeg

import (
	"os/exec"
	"syscall"
)

const supported = true

// isolate gives the child a process group of its own, which is killed whole, and has
// the kernel kill the child when we die.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
