package ffmpeg

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
)

// confinement is what holds for every child of an Encoder.
type confinement struct {
	memory  int64 // bytes, 0 for no limit
	temp    int64 // bytes of each file that it writes, 0 for no limit
	sandbox Sandbox
}

// argv returns the command line as it is run: the program as an absolute path, behind
// the sandbox, behind the limits.
func (c command) argv(dir string, env []string) ([]string, error) {
	program, err := resolve(c.program)
	if err != nil {
		return nil, err
	}
	argv := append([]string{program}, c.args...)
	if c.confine.sandbox != nil {
		argv, err = c.confine.sandbox(Child{Argv: argv, Dir: dir, Env: env, Network: c.network})
		if err != nil {
			return nil, err
		}
		if len(argv) == 0 {
			return nil, &encoder.Error{Code: encoder.CodeEncoderMissing, Message: "Options.Sandbox returned no command line."}
		}
		if argv[0], err = resolve(argv[0]); err != nil {
			return nil, &encoder.Error{Code: encoder.CodeEncoderMissing, Err: err, Message: "The sandbox " + argv[0] + " cannot be run. Install it, or run without Options.Sandbox."}
		}
	}
	return limited(argv, c.confine), nil
}

// resolve finds a program before the child's folder and environment count.
func resolve(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return program, err
	}
	return filepath.Abs(path)
}

// full says whether a disk, or a quota on it, is full.
func full(err error) bool {
	return errors.Is(err, storage.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// workDir makes the empty folder that a child works in. It is all that a child takes of
// the disk for temporary files, so making it is the test whether there is room.
func workDir() (string, error) {
	dir, err := os.MkdirTemp("", "vodkit-ffmpeg-")
	switch {
	case err == nil:
		return dir, nil
	case full(err):
		return "", &encoder.Error{Code: encoder.CodeNoSpace, Err: err,
			Message: "The disk for temporary files is full: there is no room for a folder for the encoder to work in. Make room in " + os.TempDir() + ", or let TMPDIR name a folder elsewhere."}
	}
	return "", &encoder.Error{Code: encoder.CodeEncoderFailed, Err: err,
		Message: "No folder could be made for the encoder to work in. Let TMPDIR name a folder that can be written, in place of " + os.TempDir() + "."}
}

// inheritedEnv are the variables that a child gets of ours: where libraries are, for an
// ffmpeg that was installed beside the system's. It gets no credentials, as it reads
// hostile input, and nothing that changes what it does, such as FFREPORT or http_proxy,
// which would come between it and our loopback address.
var inheritedEnv = [...]string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"}

// childEnv never returns nil, which would mean all of ours.
func childEnv(more []string) []string {
	env := make([]string, 0, len(inheritedEnv)+len(more))
	for _, name := range inheritedEnv {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+absolute(v))
		}
	}
	return append(env, more...)
}

// absolute makes the paths of a list absolute: the child works in another folder.
func absolute(list string) string {
	paths := filepath.SplitList(list)
	for i, p := range paths {
		if abs, err := filepath.Abs(p); err == nil && p != "" {
			paths[i] = abs
		}
	}
	return strings.Join(paths, string(filepath.ListSeparator))
}
