//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const prSetChildSubreaper = 36 // prctl(2)

// adoptOrphans makes this process the parent of what its children leave.
func adoptOrphans() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		return fmt.Errorf("adopt orphans: %w", errno)
	}
	return nil
}

// orphans returns the processes that outlived the replica that had started them by
// some seconds.
func orphans(ctx context.Context) []string {
	var left []string
	for range 50 {
		if left = children(); len(left) == 0 {
			break
		}
		pause(ctx, 100*time.Millisecond)
	}
	return left
}

// children returns this process's children, and reaps those that have ended.
func children() []string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []string{err.Error()}
	}
	var left []string
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest) // state, ppid, …
		if len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		if fields[0] == "Z" {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			continue
		}
		line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		left = append(left, fmt.Sprintf("Process %d outlives who started it: %s", pid, strings.ReplaceAll(string(line), "\x00", " ")))
	}
	return left
}
