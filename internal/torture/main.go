//go:build linux

// Command torture kills and freezes processes that take uploads, encode and delete on
// one folder, and holds what comes of it to the invariants of package invariant: what
// was answered 202 is COMPLETE in the end and was told so once, what was deleted is
// gone, what can be reached conforms, and nothing is left that belongs to nobody.
//
// Of several replicas on one folder one owns the catalog; the others wait to succeed it.
// Kills are SIGKILL, freezes SIGSTOP and SIGCONT, longer than it takes to be succeeded.
// The seed decides what is done to which replica and when; what the replicas are at by
// then, the machine decides. It exits 1 where an invariant is broken.
//
//	go run ./internal/torture -seed 1
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if args, ok := os.LookupEnv(replicaEnv); ok {
		if err := beReplica(context.Background(), args, os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	var c config
	flag.Uint64Var(&c.seed, "seed", rand.Uint64N(1_000_000), "what the order of things follows from")
	flag.IntVar(&c.kills, "kills", 50, "how many processes are killed")
	flag.IntVar(&c.freezes, "freezes", 20, "how many processes are frozen")
	flag.IntVar(&c.replicas, "replicas", 2, "how many processes share the folder")
	flag.StringVar(&c.encoder, "encoder", "fake", "fake, or ffmpeg")
	flag.StringVar(&c.source, "source", "", "the video that is uploaded; defaults to one of 8 s that ffmpeg makes")
	flag.DurationVar(&c.pause, "pause", 0, "how long it is at most from one deed to the next; defaults to 1s, and 8s with ffmpeg")
	flag.DurationVar(&c.limit, "limit", 3*time.Minute, "how long what is undone in the end may take")
	flag.BoolVar(&c.keep, "keep", false, "keep the folder")
	flag.BoolVar(&c.verbose, "v", false, "show what the replicas log")
	flag.Parse()
	if c.pause <= 100*time.Millisecond {
		if c.pause = time.Second; c.encoder == "ffmpeg" {
			c.pause = 8 * time.Second
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	c.command = func() *exec.Cmd { return exec.Command(self) }
	c.say = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	if err := torture(ctx, c); err != nil {
		stop()
		fmt.Println(err)
		os.Exit(1)
	}
}
