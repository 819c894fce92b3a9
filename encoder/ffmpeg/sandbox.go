package ffmpeg

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vodkit/vodkit/encoder"
)

// Child is a child process that is about to be started.
type Child struct {
	// Argv is the program, as an absolute path, and its arguments.
	Argv []string
	// Dir is the empty folder that it works in. It is removed when the child has ended.
	Dir string
	// Env is all of its environment ("name=value").
	Env []string
	// Network says that it reads its source from a loopback address of this machine.
	Network bool
}

// Sandbox returns the command line that runs the child confined; the first element is
// a program to be looked up on PATH, or a path. What it runs must hand on the
// descriptors that it inherits, and must be gone when it is killed, with all that it
// started. An error, best an *encoder.Error, fails the probe or encode.
//
// [Bubblewrap] makes one for bubblewrap, [Prefix] one for other programs.
type Sandbox func(Child) ([]string, error)

// Prefix returns a Sandbox that puts argv before the child's command line, such as
//
//	ffmpeg.Prefix("systemd-run", "--scope", "--quiet", "--property=TasksMax=200", "--")
//	ffmpeg.Prefix("nice", "-n", "10")
//
// systemd-run needs --scope: services do not inherit descriptors.
func Prefix(argv ...string) Sandbox {
	argv = append([]string(nil), argv...)
	return func(c Child) ([]string, error) {
		return append(append([]string(nil), argv...), c.Argv...), nil
	}
}

// BubblewrapOptions change what Bubblewrap lets a child see.
type BubblewrapOptions struct {
	// Program is bubblewrap's. Defaults to "bwrap".
	Program string
	// ReadOnly are more files and folders that the child sees, where they are; what is
	// not there is left out. Defaults to none.
	ReadOnly []string
	// Args are added to bubblewrap's arguments, such as "--dev-bind", "/dev/dri",
	// "/dev/dri" for a graphics card. Default to none.
	Args []string
}

// systemPaths are where programs and libraries are on Linux.
var systemPaths = [...]string{"/usr", "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache", "/nix/store", "/gnu/store"}

// Bubblewrap returns a Sandbox that runs children under bubblewrap (Linux, version 0.5
// or newer): in namespaces of their own, without capabilities, with a file system that
// has the system's programs and libraries, the child's program and nothing else, and
// in which nothing can be written. Of the network they have none at all where the
// Store has local files; other sources are read from a loopback address, so those
// children share this process's network, which ffmpeg's protocol whitelist bounds.
//
// The kernel must let this process make user namespaces. Where it does not, or
// bubblewrap is not installed, every probe and encode fails with
// encoder.CodeEncoderMissing, and Doctor says so.
func Bubblewrap(opts *BubblewrapOptions) Sandbox {
	var o BubblewrapOptions
	if opts != nil {
		o = *opts
	}
	orString(&o.Program, "bwrap")
	return func(c Child) ([]string, error) {
		program, err := exec.LookPath(o.Program)
		if err != nil {
			return nil, &encoder.Error{Code: encoder.CodeEncoderMissing, Err: err, Message: "The sandbox " + o.Program +
				" is not there. Install bubblewrap, for example on Debian or Ubuntu with: apt-get install bubblewrap"}
		}
		argv := []string{program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"}
		if c.Network {
			argv = append(argv, "--share-net")
		}
		for _, p := range o.sees(c) {
			argv = append(argv, "--ro-bind-try", p, p)
		}
		argv = append(argv, "--proc", "/proc", "--dev", "/dev", "--dir", "/empty", "--chdir", "/empty")
		argv = append(argv, o.Args...)
		return append(append(argv, "--remount-ro", "/", "--"), c.Argv...), nil
	}
}

// sees returns what the child sees of the file system.
func (o BubblewrapOptions) sees(c Child) []string {
	paths := append(append([]string(nil), systemPaths[:]...), c.Argv[0])
	if real, err := filepath.EvalSymlinks(c.Argv[0]); err == nil && real != c.Argv[0] {
		paths = append(paths, real)
	}
	for _, v := range c.Env {
		if name, list, _ := strings.Cut(v, "="); name == "LD_LIBRARY_PATH" {
			for _, p := range filepath.SplitList(list) {
				if filepath.IsAbs(p) {
					paths = append(paths, p)
				}
			}
		}
	}
	return append(paths, o.ReadOnly...)
}

// notPermitted returns an error where bubblewrap ended before it ran anything, and
// else err. It says why on lines that begin with its name.
func notPermitted(tail *stderrTail, err error) error {
	var exit *exec.ExitError
	said := tail.String()
	if !errors.As(err, &exit) || said == "" {
		return err
	}
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "bwrap: ") {
			return err
		}
	}
	return &encoder.Error{Code: encoder.CodeEncoderMissing, Stderr: said, Err: err,
		Message: "The sandbox bubblewrap could not be set up; this process may not be allowed to make user namespaces. Allow them, or run without Options.Sandbox."}
}
