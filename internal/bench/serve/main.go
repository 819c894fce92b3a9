//go:build linux

// Command serve measures how media are served, beside nginx and net/http: the server on one
// processor, wrk on another, 64 connections that are kept alive, rounds interleaved, medians.
// The table goes to a file, and the command exits 1 where a gate is missed.
//
//	go run ./internal/bench/serve -rounds 5 -seconds 4
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if args, ok := os.LookupEnv(serverEnv); ok {
		fail(serve(args))
		return
	}
	out := flag.String("out", "results-bench-serve.tsv", "where the table goes")
	rounds := flag.Int("rounds", 5, "how often each figure is taken")
	seconds := flag.Int("seconds", 4, "how long each takes")
	only := flag.String("only", "", "only cases whose name contains this")
	profiles := flag.String("profiles", "", "a folder for CPU profiles of the servers in Go (which cost them a little)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "vodkit-bench")
	fail(err)
	t, err := measureAll(ctx, dir, *only, *profiles, *rounds, time.Duration(*seconds)*time.Second)
	_ = os.RemoveAll(dir)
	fail(errors.Join(err, t.Write(*out)))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench serve:", err)
		os.Exit(1)
	}
}
