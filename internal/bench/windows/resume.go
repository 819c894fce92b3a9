//go:build linux

package main

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/internal/bench"
)

// mostCPU is how much more CPU time an encode may take that is killed five times.
const mostCPU = 1.15

var killAt = []float64{0.1, 0.3, 0.5, 0.7, 0.9} // of the timeline

// resume compares the CPU time of an encode whose process is killed with SIGKILL at five
// points, each time to be gone on with by another, with that of an undisturbed one.
func resume(ctx context.Context, s setup) (bench.Table, error) {
	var t bench.Table
	source, err := s.source(ctx, s.seconds)
	if err != nil {
		return t, err
	}
	// What a killed process leaves behind becomes ours to wait for, and its time counts.
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER, see prctl(2)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		return t, errno
	}
	t.Row("run", "from", "to", "cpu_s", "wall_s")
	start := time.Now()
	whole, err := s.encode(settings{Folder: "undisturbed", Source: source}, 1)
	if err != nil {
		return t, err
	}
	t.Row("undisturbed", 0.0, 1.0, whole, since(start))
	var sum, from float64
	next := settings{Folder: "killed", Source: source}
	for _, to := range append(append([]float64(nil), killAt...), 1) {
		start := time.Now()
		cpu, err := s.encode(next, to)
		if err != nil {
			return t, err
		}
		t.Row("killed", from, to, cpu, since(start))
		sum, from, next.Source = sum+cpu, to, ""
	}
	t.Row("ratio", "", "", sum/whole, "")
	t.Gate(sum/whole <= mostCPU, "the CPU ratio %.3f is over %.2f", sum/whole, mostCPU)
	return t, nil
}

// encode runs a service up to a part of the timeline, where it is killed, or to the end,
// and returns the CPU time of all its processes in seconds.
func (s setup) encode(set settings, to float64) (float64, error) {
	set.Slots = int64(runtime.NumCPU())
	v, err := s.start(set)
	if err != nil {
		return 0, err
	}
	u, err := v.until(func(u update) bool { return u.fraction >= to || u.status.Terminal() })
	if err != nil {
		return 0, err
	}
	if to < 1 {
		if u.status.Terminal() {
			return 0, fmt.Errorf("it ended before %.1f of the timeline", to)
		}
		if err := v.cmd.Process.Kill(); err != nil {
			return 0, err
		}
	}
	var cpu time.Duration
	for { // the service, and what it leaves behind
		var usage syscall.Rusage
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, &usage)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.ECHILD:
			return cpu.Seconds(), nil
		case err != nil:
			return 0, err
		case pid == v.cmd.Process.Pid && to == 1 && status.ExitStatus() != 0:
			return 0, fmt.Errorf("the service ended with %d", status.ExitStatus())
		}
		cpu += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
}
