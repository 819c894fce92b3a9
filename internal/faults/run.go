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
	"testing"
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

// some returns every nth of points.
func some(points []string, n int) []string {
	var some []string
	for i := 0; i < len(points); i += n {
		some = append(some, points[i])
	}
	return some
}

// Walk has the named test killed at each of the points, every time in a folder of its own,
// and calls goOn with that and what the process said. A short test takes every nth point.
func Walk(t *testing.T, test string, points []string, nth int, goOn func(t *testing.T, dir string, lines []string)) {
	t.Helper()
	if testing.Short() {
		points = some(points, nth)
	}
	t.Logf("%d fault points", len(points))
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			lines, _, killed, err := Run(test, dir, point)
			if err != nil {
				t.Fatal(err)
			}
			if !killed {
				t.Skip("another order of writes: this process did not pass here")
			}
			goOn(t, dir, lines)
		})
	}
}
