//go:build linux

// Command windows measures what encoding in windows is for, with the whole pipeline over
// a folder. Each table goes to a file, and the command exits 1 where a gate is missed.
//
//	go run ./internal/bench/windows playable   # time from 202 to playable: a long source against a short one
//	go run ./internal/bench/windows resume     # CPU of an encode that is killed five times against an undisturbed one
//	go run ./internal/bench/windows slots      # two slots of one thread against one, beside bare ffmpegs
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/internal/bench"
)

func main() {
	if args, ok := os.LookupEnv(serviceEnv); ok {
		fail(serve(args))
		return
	}
	out := flag.String("out", "", "where the table goes; defaults to results-bench-<what>.tsv")
	seconds := flag.Int("seconds", 600, "how long the long source is")
	rounds := flag.Int("rounds", 3, "how often each figure is taken")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	benches := map[string]func(context.Context, setup) (bench.Table, error){"playable": playable, "resume": resume, "slots": slots}
	what := flag.Arg(0)
	measure, ok := benches[what]
	if !ok {
		fail(errors.New("say what to measure: playable, resume or slots"))
	}
	dir, err := os.MkdirTemp("", "vodkit-bench")
	fail(err)
	t, err := measure(ctx, setup{dir: dir, seconds: *seconds, rounds: *rounds})
	_ = os.RemoveAll(dir)
	if *out == "" {
		*out = "results-bench-" + what + ".tsv"
	}
	fail(errors.Join(err, t.Write(*out)))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench windows:", err)
		os.Exit(1)
	}
}

// setup is what a benchmark is run with.
type setup struct {
	dir             string // scratch
	seconds, rounds int
}

// source makes a video of 1080p at 30 frames a second with noise in it: 20 s are encoded
// and repeated.
func (s setup) source(ctx context.Context, seconds int) (string, error) {
	loop := filepath.Join(s.dir, "loop.mp4")
	if _, err := os.Stat(loop); err != nil {
		err := run(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration=20,noise=alls=6:allf=t",
			"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=20", "-c:v", "libx264", "-preset", "veryfast", "-g", "250",
			"-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", loop)
		if err != nil {
			return "", err
		}
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%d.mp4", seconds))
	return path, run(ctx, "ffmpeg", "-v", "error", "-y", "-stream_loop", strconv.Itoa((seconds+19)/20), "-i", loop,
		"-t", strconv.Itoa(seconds), "-c", "copy", path)
}

func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

func since(start time.Time) float64 { return time.Since(start).Seconds() }
