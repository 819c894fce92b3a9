//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(replicaEnv); ok {
		if err := beReplica(context.Background(), args, os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// A short run; make torture has longer ones.
func TestTorture(t *testing.T) {
	c := config{
		seed: 1, kills: 8, freezes: 6, replicas: 2, encoder: "fake", pause: time.Second, limit: 3 * time.Minute,
		command: func() *exec.Cmd { return exec.Command(os.Args[0]) }, say: t.Logf,
	}
	if testing.Short() {
		c.kills, c.freezes = 2, 1
	}
	require.NoError(t, torture(t.Context(), c))
}
