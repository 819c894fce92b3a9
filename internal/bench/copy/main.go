//go:build unix

// Command copy compares the CPU time of an encode of a source that is what players need
// with that of repackaging it (encoder.CopyOnly), and of repackaging its best rendition
// beside a ladder that is encoded (encoder.CopyBest): probe, ffmpeg, packaging and
// playlists, into a folder. The median of the paired ratios counts. It exits 1 where
// repackaging does not take so many times less as it should.
//
//	go run ./internal/bench/copy -rounds 3 -out results-bench-copy.tsv
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/bench"
)

// modes are what is compared; the first is what the others are measured by.
var modes = []struct {
	name string
	mode encoder.CopyMode
}{{"encoded", encoder.CopyNever}, {"best_copied", encoder.CopyBest}, {"copied", encoder.CopyOnly}}

func main() {
	var (
		rounds  = flag.Int("rounds", 3, "how often each is run")
		seconds = flag.Int("seconds", 60, "how long the source is")
		out     = flag.String("out", "results-bench-copy.tsv", "where the table goes")
		least   = flag.Float64("least", 50, "the lowest ratio of CPU time, encoded to copied, that passes")
		run     = flag.String("run", "", "make this source once, into the folder and in the mode that follow (used by the command itself)")
	)
	flag.Parse()
	var err error
	if *run != "" {
		var mode int
		if mode, err = strconv.Atoi(flag.Arg(1)); err == nil {
			err = bench.Encode(context.Background(), *run, flag.Arg(0), &encoder.PlanOptions{Copy: encoder.CopyMode(mode)})
		}
	} else {
		err = compare(*rounds, *seconds, *out, *least)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench copy:", err)
		os.Exit(1)
	}
}

func compare(rounds, seconds int, out string, least float64) error {
	dir, err := os.MkdirTemp("", "vodkit-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	src := filepath.Join(dir, "source.mp4")
	d := strconv.Itoa(seconds)
	if _, err := bench.Measure("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration="+d+",noise=alls=6:allf=t",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration="+d, "-c:v", "libx264", "-preset", "veryfast", "-g", "60",
		"-b:v", "5M", "-maxrate", "6M", "-bufsize", "9M", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2", src); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	rows := []string{"round\tencoded_cpu_s\tbest_copied_cpu_s\tcopied_cpu_s\tencoded_to_best_copied\tencoded_to_copied\tencoded_wall_s\tcopied_wall_s"}
	var best, only []float64
	for n := range rounds {
		costs := make([]bench.Cost, len(modes))
		for i, m := range modes {
			to := filepath.Join(dir, m.name)
			if costs[i], err = bench.Measure(self, "-run", src, to, strconv.Itoa(int(m.mode))); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			if err := os.RemoveAll(to); err != nil {
				return err
			}
		}
		all := float64(costs[0].CPU)
		best, only = append(best, all/float64(costs[1].CPU)), append(only, all/float64(costs[2].CPU))
		rows = append(rows, fmt.Sprintf("%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%.2f\t%.2f", n, costs[0].CPU.Seconds(), costs[1].CPU.Seconds(),
			costs[2].CPU.Seconds(), best[n], only[n], costs[0].Wall.Seconds(), costs[2].Wall.Seconds()))
	}
	rows = append(rows, fmt.Sprintf("median\t\t\t\t%.2f\t%.1f\t\t", bench.Median(best), bench.Median(only)))
	table := strings.Join(rows, "\n") + "\n"
	fmt.Print(table)
	if err := os.WriteFile(out, []byte(table), 0o644); err != nil { //nolint:gosec // a report is for everyone
		return err
	}
	if m := bench.Median(only); m < least {
		return fmt.Errorf("encoding takes %.1f times the CPU of copying, and should take %.0f times", m, least)
	}
	return nil
}
