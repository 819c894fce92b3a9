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

// A short run with kills alone. A frozen owner of a StoreCatalog may finish the one
// write that it was in when it stopped (see StoreCatalog), so freezes belong to make
// torture, whose output somebody reads.
func TestTorture(t *testing.T) {
	c := config{
		seed: 1, kills: 8, freezes: 0, replicas: 2, encoder: "fake", limit: 3 * time.Minute,
		command: func() *exec.Cmd { return exec.Command(os.Args[0]) }, say: t.Logf,
	}
	if testing.Short() {
		c.kills = 2
	}
	require.NoError(t, torture(t.Context(), c))
}
