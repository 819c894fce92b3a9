// Package testmedia makes media for tests with ffmpeg's own sources, so that none is
// committed, and finds the collection of real files that VODKIT_MEDIA names.
package testmedia

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Need skips the test where one of the programs is not on PATH.
func Need(tb testing.TB, programs ...string) {
	tb.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			tb.Skipf("%s is not on PATH; `make setup` installs it", p)
		}
	}
}

// Make runs ffmpeg with the arguments and a file of the name in a folder of the
// test's own as output, and returns the file's path.
func Make(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	Need(tb, "ffmpeg")
	path := filepath.Join(tb.TempDir(), name)
	Run(tb, "ffmpeg", append(append([]string{"-nostdin", "-hide_banner", "-v", "error", "-y"}, args...), path)...)
	return path
}

// Run runs a program to its end and returns what it printed. A failure ends the test.
func Run(tb testing.TB, program string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// Video returns ffmpeg's input arguments for a moving picture of the size, rate and
// duration, such as "640x360", "30000/1001" and "4".
func Video(size, rate, seconds string) []string {
	return []string{"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=" + rate + ":duration=" + seconds}
}

// Sound returns ffmpeg's input arguments for a tone of the duration.
func Sound(seconds string) []string {
	return []string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=" + seconds}
}

// Corpus returns the path of a file in the folder that VODKIT_MEDIA names, and skips the
// test where the variable is not set or the file is not there.
func Corpus(tb testing.TB, name string) string {
	tb.Helper()
	dir := os.Getenv("VODKIT_MEDIA")
	if dir == "" {
		tb.Skip("VODKIT_MEDIA is not set: the collection of real files is not here")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("VODKIT_MEDIA has no %s", name)
	}
	return path
}
