//go:build unix

package bench

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
)

// Again is a command that runs this program once more, with settings as JSON in the
// environment variable env. What is in front of it, such as taskset, may be named.
func Again(env string, settings any, front ...string) (*exec.Cmd, error) {
	args, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	line := append(front, self)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), env+"="+string(args))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// FreeAddress returns an address of the loopback interface where nobody listens.
func FreeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
