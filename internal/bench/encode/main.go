//go:build unix

// Command encode compares the CPU time of a whole vodkit encode (probe, ffmpeg,
// packaging, playlists, into a folder) with that of the reference command beside it,
// which writes the same ladder with ffmpeg's own HLS muxer. Rounds are interleaved, and
// the median of the paired ratios counts. It exits 1 where that is over the limit.
//
//	go run ./internal/bench/encode -rounds 5 -out results-bench-encode.tsv
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func main() {
	var (
		rounds  = flag.Int("rounds", 5, "how many pairs to run")
		seconds = flag.Int("seconds", 20, "how long the source is")
		out     = flag.String("out", "results-bench-encode.tsv", "where the table goes")
		limit   = flag.Float64("limit", 1.05, "the highest ratio of CPU time that passes")
		ref     = flag.String("reference", "internal/bench/encode/reference.sh", "the reference command")
		run     = flag.String("run", "", "encode this source once into the folder that follows (used by the command itself)")
	)
	flag.Parse()
	var err error
	if *run != "" {
		err = encode(context.Background(), *run, flag.Arg(0))
	} else {
		err = compare(*rounds, *seconds, *out, *limit, *ref)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench encode:", err)
		os.Exit(1)
	}
}

// cost is what a process and its children took.
type cost struct{ cpu, wall time.Duration }

func measure(name string, args ...string) (cost, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	err := cmd.Run()
	c := cost{wall: time.Since(start)}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.cpu = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return c, err
}

func compare(rounds, seconds int, out string, limit float64, ref string) error {
	dir, err := os.MkdirTemp("", "vodkit-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	src := filepath.Join(dir, "source.mp4")
	d := strconv.Itoa(seconds)
	if _, err := measure("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration="+d+",noise=alls=6:allf=t",
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
		var r, v cost
		ours := func() (err error) {
			v, err = measure(self, "-run", src, filepath.Join(dir, fmt.Sprint("vodkit", n)))
			return err
		}
		theirs := func() (err error) {
			r, err = measure(ref, src, filepath.Join(dir, fmt.Sprint("ref", n)), threads)
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
		cpu = append(cpu, float64(v.cpu)/float64(r.cpu))
		wall = append(wall, float64(v.wall)/float64(r.wall))
		rows = append(rows, fmt.Sprintf("%d\t%.2f\t%.2f\t%.3f\t%.2f\t%.2f\t%.3f", n, r.cpu.Seconds(), v.cpu.Seconds(), cpu[n],
			r.wall.Seconds(), v.wall.Seconds(), wall[n]))
	}
	rows = append(rows, fmt.Sprintf("median\t\t\t%.3f\t\t\t%.3f", median(cpu), median(wall)))
	table := strings.Join(rows, "\n") + "\n"
	fmt.Print(table)
	if err := os.WriteFile(out, []byte(table), 0o644); err != nil { //nolint:gosec // a report is for everyone
		return err
	}
	if m := median(cpu); m > limit {
		return fmt.Errorf("the median CPU ratio %.3f is over %.2f", m, limit)
	}
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// encode does what a Pipeline does with one source, without its bookkeeping.
func encode(ctx context.Context, path, dir string) error {
	store, err := blobstore.OpenFile(dir, nil)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := store.Put(ctx, "sources/a/0", f, nil)
	if err != nil {
		return err
	}
	src := encoder.Source{Parts: []encoder.Part{{Key: info.Key, Size: info.Size, ETag: info.ETag}}}
	ff := ffmpeg.New(store, nil)
	media, err := ff.Probe(ctx, src)
	if err != nil {
		return err
	}
	grid, tracks, err := encoder.Plan(media, nil)
	if err != nil {
		return err
	}
	job := encoder.Job{Version: encoder.JobVersion, ID: "bench", Output: "media/a/1", Source: src, Media: media, Grid: grid, Tracks: tracks}
	pub, err := hls.NewPublisher(store, "media/a", "1", job.Presentation(), nil)
	if err != nil {
		return err
	}
	err = ff.Encode(ctx, job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			return pub.Init(ctx, *u.Init)
		case u.Segment != nil:
			return pub.Segment(ctx, *u.Segment)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return pub.Finish(ctx)
}
