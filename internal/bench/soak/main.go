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
	"strings"
	"syscall"
	"time"
)

func main() {
	if os.Getenv(serverEnv) != "" {
		fail(serve())
		return
	}
	connections := flag.Int("connections", 2000, "how many viewers there are at once")
	long := flag.Duration("for", 10*time.Minute, "how long")
	out := flag.String("out", "results-bench-soak.tsv", "where the table goes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	rows, err := soak(ctx, *connections, *long)
	text := strings.Join(rows, "\n") + "\n"
	fmt.Print(text)
	if e := os.WriteFile(*out, []byte(text), 0o644); err == nil { //nolint:gosec // a report is for everyone
		err = e
	}
	fail(err)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench soak:", err)
		os.Exit(1)
	}
}

// soak runs the server, sends it the crowd, and returns the table.
func soak(ctx context.Context, connections int, long time.Duration) ([]string, error) {
	s, err := start(ctx)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := crowd(ctx, s.address, 50, 2*time.Second); err != nil { // what is made once is made
		return nil, err
	}
	before, err := s.settled(ctx)
	if err != nil {
		return nil, err
	}
	peak := make(chan int64)
	loaded, cancel := context.WithCancel(ctx)
	go func() { peak <- s.peak(loaded) }()
	crowdErr := crowd(ctx, s.address, connections, long)
	cancel()
	most := <-peak
	after, err := s.settled(ctx)
	rows := []string{
		"when\tgoroutines\tdescriptors\theap_mib\trss_mib\tcache_mib",
		before.row("before"), fmt.Sprintf("peak\t\t\t\t%.1f\t", mib(most)), after.row("after"),
	}
	bound := int64(cacheBound) + int64(connections)*(64<<10)
	rows = append(rows, fmt.Sprintf("bound\t\t\t\t%.1f\t%.1f", mib(bound), mib(cacheBound)))
	err = errors.Join(crowdErr, err)
	if most > bound {
		err = errors.Join(err, fmt.Errorf("the server took %.1f MiB, more than %.1f", mib(most), mib(bound)))
	}
	if after.Goroutines > before.Goroutines+3 || after.Descriptors > before.Descriptors+3 {
		err = errors.Join(err, fmt.Errorf("goroutines %d, descriptors %d are left; before there were %d and %d",
			after.Goroutines, after.Descriptors, before.Goroutines, before.Descriptors))
	}
	return rows, err
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
