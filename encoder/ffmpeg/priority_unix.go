//go:build unix

package ffmpeg

import (
	"runtime"
	"syscall"
)

// lower is by how much the nice value of what yields is higher than ours: it gets a third of
// what others get of a processor.
const lower = 5

// lowerPriority lowers the priority of a child's process group, which has just begun. A
// system that refuses loses nothing but that.
func lowerPriority(pid int) {
	ours, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		return
	}
	if runtime.GOOS == "linux" {
		ours = 20 - ours // as the kernel tells it
	}
	_ = syscall.Setpriority(syscall.PRIO_PGRP, pid, ours+lower)
}
