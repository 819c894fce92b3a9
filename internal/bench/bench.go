//go:build unix

// Package bench has what benchmarks of whole encodes share.
package bench

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// Cost is what a process and its children took.
type Cost struct{ CPU, Wall time.Duration }

// Measure runs a program to its end.
func Measure(name string, args ...string) (Cost, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	err := cmd.Run()
	c := Cost{Wall: time.Since(start)}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return c, err
}

// Median returns the middle one of the values, the upper of two.
func Median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// Turns returns who is measured one after the other in a round: every other time in the
// reverse order, for who comes first may have it easier, or harder.
func Turns[T any](round int, all []T) []T {
	order := slices.Clone(all)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// Encode does what a Pipeline does with one source, without its bookkeeping: the file at
// path, in windows, as many at once as there are processors, into a Store in dir.
func Encode(ctx context.Context, path, dir string, opts *encoder.PlanOptions) error {
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
	grid, tracks, err := encoder.Plan(media, opts)
	if err != nil {
		return err
	}
	job := encoder.Job{Version: encoder.JobVersion, ID: "bench", Output: "media/a/1", Source: src, Media: media, Grid: grid, Tracks: tracks}
	pub, err := hls.NewPublisher(store, "media/a", "1", job.Presentation(), nil)
	if err != nil {
		return err
	}
	enc := encoder.Parallel(encoder.Limit(ff, int64(runtime.NumCPU()), nil), nil)
	err = enc.Encode(ctx, job, func(u encoder.Update) error {
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
