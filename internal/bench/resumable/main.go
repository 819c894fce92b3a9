//go:build linux

// Command resumable sends files by tus to vodkit and to tusd, each in a process of its own on
// the same disk, in interleaved rounds: bytes a second and the peak of the server's memory,
// at 1 GiB and at 64 MiB. A third server, that no gate looks at, is tusd's handler with its
// file store in this very program: what the protocol costs without a service around it. The
// table goes to a file, and the command exits 1 where a gate is missed.
//
//	go run ./internal/bench/resumable -tusd path/to/tusd -rounds 5
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/vodkit/vodkit/internal/bench"
)

// Gates, as ratios.
const (
	leastSpeed = 1.0 // of tusd's
	mostMemory = 1.0 // of tusd's
	mostGrowth = 1.2 // of the memory at 64 MiB
)

const (
	large = 1 << 30
	small = 64 << 20
)

func main() {
	if args, ok := os.LookupEnv(serverEnv); ok {
		fail(serve(args))
		return
	}
	out := flag.String("out", "results-bench-upload.tsv", "where the table goes")
	rounds := flag.Int("rounds", 5, "how often each figure is taken")
	dir := flag.String("dir", "", "the folder to write to (default a temporary one)")
	tusd := flag.String("tusd", "tusd", "the program of tusd")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	scratch, err := os.MkdirTemp(*dir, "vodkit-bench")
	fail(err)
	t, err := compare(ctx, scratch, *tusd, *rounds)
	_ = os.RemoveAll(scratch)
	fail(errors.Join(err, t.Write(*out)))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench upload:", err)
		os.Exit(1)
	}
}

// run is one upload.
type run struct {
	kind  string
	bytes int64
}

// compare takes all figures: in each round one upload after the other, each to a new process.
func compare(ctx context.Context, dir, tusd string, rounds int) (bench.Table, error) {
	var t bench.Table
	t.Row("round", "server", "bytes", "mb_s", "peak_mib")
	var speed, memory, growth, bareSpeed, bareMemory []float64
	for n := range rounds {
		taken := map[run]figures{}
		for _, r := range bench.Turns(n, []run{{vodkit, large}, {peer, large}, {vodkit, small}, {bare, large}}) {
			f, err := measure(ctx, settings{Kind: r.kind, Folder: filepath.Join(dir, "store"), Tusd: tusd}, r.bytes)
			if err != nil {
				return t, fmt.Errorf("%s: %w", r.kind, err)
			}
			t.Row(n, r.kind, r.bytes, f.rate/1e6, f.peak/(1<<20))
			taken[r] = f
		}
		ours, theirs, handler := taken[run{vodkit, large}], taken[run{peer, large}], taken[run{bare, large}]
		speed = append(speed, ours.rate/theirs.rate)
		memory = append(memory, ours.peak/theirs.peak)
		growth = append(growth, ours.peak/taken[run{vodkit, small}].peak)
		bareSpeed = append(bareSpeed, ours.rate/handler.rate)
		bareMemory = append(bareMemory, ours.peak/handler.peak)
	}
	t.Row("median", "speed", "", bench.Median(speed), "")
	t.Row("median", "memory", "", "", bench.Median(memory))
	t.Row("median", "growth", "", "", bench.Median(growth))
	t.Row("median", "to the handler alone", "", bench.Median(bareSpeed), bench.Median(bareMemory))
	t.Gate(bench.Median(speed) >= leastSpeed, "%.3f of tusd's bytes a second, under %.2f", bench.Median(speed), leastSpeed)
	t.Gate(bench.Median(memory) <= mostMemory, "%.3f of tusd's peak memory, over %.2f", bench.Median(memory), mostMemory)
	t.Gate(bench.Median(growth) <= mostGrowth, "%.3f of the peak memory at 64 MiB, over %.2f", bench.Median(growth), mostGrowth)
	return t, nil
}
