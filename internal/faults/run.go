//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

const (
	envDir = "VODKIT_TEST_FAULT_DIR"
	envAt  = "VODKIT_TEST_FAULT_AT" // "" tells the points instead
)

// Dir returns the folder that this process works in, "" where it is not one that is to be
// killed.
func Dir() string { return os.Getenv(envDir) }

// Run runs the named test of this program as a process in dir, and has it killed at a point;
// with "" it tells the points. lines is what it has printed beside them.
func Run(test, dir, at string) (lines, points []string, killed bool, err error) {
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), envDir+"="+dir, envAt+"="+at)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		killed = exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	}
	if err != nil && !killed {
		return nil, nil, false, fmt.Errorf("%w\n%s", err, out)
	}
	for text := bufio.NewScanner(bytes.NewReader(out)); text.Scan(); {
		if point, ok := strings.CutPrefix(text.Text(), "point "); ok {
			points = append(points, point)
			continue
		}
		lines = append(lines, text.Text())
	}
	slices.Sort(points)
	return lines, slices.Compact(points), killed, nil
}

// Some returns every nth of points, for a short test.
func Some(points []string, n int) []string {
	var some []string
	for i := 0; i < len(points); i += n {
		some = append(some, points[i])
	}
	return some
}
