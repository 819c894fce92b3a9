//go:build !unix

package ffmpeg

import (
	"os"
	"os/exec"
)

// supported is false where children can't inherit pipes.
const supported = false

func isolate(*exec.Cmd) {}

// limited changes nothing: this system has no limit on memory that holds.
func limited(argv []string, _ confinement) []string { return argv }

func wroteTooMuch(error) bool { return false }

func canLimit() bool { return false }

func lowerPriority(int) {}

func peakMemory(*os.ProcessState) int64 { return 0 }
