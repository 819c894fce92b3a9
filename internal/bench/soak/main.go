//go:build linux

// Command soak holds a handler over a storage.Cache under a crowd that never ends: slow
// viewers, viewers who leave midway, ranges, and more objects than fit into the cache. It
// exits 1 where the server's memory exceeds the cache's bound plus 64 KiB a connection, where
// bytes are wrong, or where goroutines, descriptors or memory are left when all have gone.
//
//	go run ./internal/bench/soak -connections 2000 -for 10m
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

	"github.com/vodkit/vodkit/internal/bench"
)

func main() {
	if settings, ok := os.LookupEnv(serverEnv); ok {
		fail(serve(settings))
		return
	}
	connections := flag.Int("connections", 2000, "how many viewers there are at once")
	long := flag.Duration("for", 10*time.Minute, "how long")
	out := flag.String("out", "results-bench-soak.tsv", "where the table goes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t, err := soak(ctx, *connections, *long)
	fail(errors.Join(err, t.Write(*out)))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench soak:", err)
		os.Exit(1)
	}
}

// soak runs the server, sends it the crowd, and returns the table.
func soak(ctx context.Context, connections int, long time.Duration) (t bench.Table, err error) {
	s, err := start(ctx)
	if err != nil {
		return t, err
	}
	defer s.stop()
	if err := crowd(ctx, s.address, 50, 2*time.Second); err != nil { // what is made once is made
		return t, err
	}
	before, err := s.settled(ctx)
	if err != nil {
		return t, err
	}
	peak := make(chan int64)
	loaded, cancel := context.WithCancel(ctx)
	go func() { peak <- s.peak(loaded) }()
	crowdErr := crowd(ctx, s.address, connections, long)
	cancel()
	most := <-peak
	after, err := s.settled(ctx)
	bound := int64(cacheBound) + int64(connections)*(64<<10)
	t.Row("when", "goroutines", "descriptors", "heap_mib", "rss_mib", "cache_mib")
	before.row(&t, "before")
	t.Row("peak", "", "", "", mib(most), "")
	after.row(&t, "after")
	t.Row("bound", "", "", "", mib(bound), mib(cacheBound))
	t.Gate(most <= bound, "the server took %.1f MiB, more than %.1f", mib(most), mib(bound))
	t.Gate(after.Goroutines <= before.Goroutines+3 && after.Descriptors <= before.Descriptors+3,
		"goroutines %d, descriptors %d are left; before there were %d and %d",
		after.Goroutines, after.Descriptors, before.Goroutines, before.Descriptors)
	return t, errors.Join(crowdErr, err)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
