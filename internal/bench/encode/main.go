//go:build unix

// Command encode compares the CPU and wall time of a whole vodkit encode (probe, windows
// of ffmpeg, packaging, playlists, into a folder) with those of the reference command
// beside it, which writes the same ladder with ffmpeg's own HLS muxer. Rounds are
// interleaved, and the medians of the paired ratios count. It exits 1 where one is over
// the limit.
//
//	go run ./internal/bench/encode -rounds 3 -out results-bench-encode.tsv
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/bench"
)

// encodeAll is what the reference command does, too.
var encodeAll = &encoder.PlanOptions{Copy: encoder.CopyNever}

func main() {
	var (
		rounds  = flag.Int("rounds", 3, "how many pairs to run")
		seconds = flag.Int("seconds", 60, "how long the source is")
		out     = flag.String("out", "results-bench-encode.tsv", "where the table goes")
		limit   = flag.Float64("limit", 1.05, "the highest ratio of CPU time, and of wall time, that passes")
		ref     = flag.String("reference", "internal/bench/encode/reference.sh", "the reference command")
		run     = flag.String("run", "", "encode this source once into the folder that follows (used by the command itself)")
	)
	flag.Parse()
	var err error
	if *run != "" {
		err = bench.Encode(context.Background(), *run, flag.Arg(0), encodeAll)
	} else {
		err = compare(*rounds, *seconds, *out, *limit, *ref)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench encode:", err)
		os.Exit(1)
	}
}

func compare(rounds, seconds int, out string, limit float64, ref string) error {
	dir, err := os.MkdirTemp("", "vodkit-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	src := filepath.Join(dir, "source.mp4")
	d := strconv.Itoa(seconds)
	if _, err := bench.Measure("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration="+d+",noise=alls=6:allf=t",
		"-f", "lavfi", "-i", "sine=frequency=440:duration="+d, "-c:v", "libx264", "-preset", "veryfast", "-g", "250", "-pix_fmt", "yuv420p",
		"-c:a", "aac", src); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	threads := strconv.Itoa(min(runtime.NumCPU(), 8))
	rows := []string{"round\treference_cpu_s\tvodkit_cpu_s\tcpu_ratio\treference_wall_s\tvodkit_wall_s\twall_ratio"}
	var cpu, wall []float64
	for n := range rounds {
		var r, v bench.Cost
		ours := func() (err error) {
			v, err = bench.Measure(self, "-run", src, filepath.Join(dir, fmt.Sprint("vodkit", n)))
			return err
		}
		theirs := func() (err error) {
			r, err = bench.Measure(ref, src, filepath.Join(dir, fmt.Sprint("ref", n)), threads)
			return err
		}
		order := []func() error{theirs, ours}
		if n%2 == 1 {
			slices.Reverse(order)
		}
		for _, f := range order {
			if err := f(); err != nil {
				return err
			}
		}
		cpu = append(cpu, float64(v.CPU)/float64(r.CPU))
		wall = append(wall, float64(v.Wall)/float64(r.Wall))
		rows = append(rows, fmt.Sprintf("%d\t%.2f\t%.2f\t%.3f\t%.2f\t%.2f\t%.3f", n, r.CPU.Seconds(), v.CPU.Seconds(), cpu[n],
			r.Wall.Seconds(), v.Wall.Seconds(), wall[n]))
	}
	rows = append(rows, fmt.Sprintf("median\t\t\t%.3f\t\t\t%.3f", bench.Median(cpu), bench.Median(wall)))
	table := strings.Join(rows, "\n") + "\n"
	fmt.Print(table)
	if err := os.WriteFile(out, []byte(table), 0o644); err != nil { //nolint:gosec // a report is for everyone
		return err
	}
	if c, w := bench.Median(cpu), bench.Median(wall); c > limit || w > limit {
		return fmt.Errorf("the median ratios %.3f (CPU) and %.3f (wall) are not both at most %.2f", c, w, limit)
	}
	return nil
}
