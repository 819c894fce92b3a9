//go:build !unix

package ffmpeg

import "os/exec"

// supported is false where children can't inherit pipes.
const supported = false

func isolate(*exec.Cmd) {}
