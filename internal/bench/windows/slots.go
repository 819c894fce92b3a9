//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vodkit/vodkit/internal/bench"
	"github.com/vodkit/vodkit/progress"
)

// leastSpeedup is the part of bare ffmpegs' speed-up that two slots have at least.
const leastSpeedup = 0.95

// slots compares how much faster two slots of one thread are than one with how much
// faster two bare ffmpegs of one thread are than one after the other. Rounds are
// interleaved, and the medians count. The source is silent: sound takes no slot, so that one
// slot would have the help of a second processor that ffmpegs one after the other lack.
func slots(ctx context.Context, s setup) (bench.Table, error) {
	var t bench.Table
	source, err := s.silent(ctx, s.seconds)
	if err != nil {
		return t, err
	}
	half, err := s.silent(ctx, s.seconds/2)
	if err != nil {
		return t, err
	}
	t.Row("round", "one_slot_s", "two_slots_s", "speedup", "ffmpegs_in_turn_s", "ffmpegs_at_once_s", "their_speedup", "ratio")
	var ratios []float64
	for n := range s.rounds {
		one, err := s.whole(source, 1)
		if err != nil {
			return t, err
		}
		two, err := s.whole(source, 2)
		if err != nil {
			return t, err
		}
		turn, err := s.bare(ctx, half, 1)
		if err != nil {
			return t, err
		}
		once, err := s.bare(ctx, half, 2)
		if err != nil {
			return t, err
		}
		ratio := (one / two) / (turn / once)
		ratios = append(ratios, ratio)
		t.Row(n, one, two, one/two, turn, once, turn/once, ratio)
	}
	t.Row("median", "", "", "", "", "", "", bench.Median(ratios))
	t.Gate(bench.Median(ratios) >= leastSpeedup, "the ratio %.3f is under %.2f", bench.Median(ratios), leastSpeedup)
	return t, nil
}

// silent is source without sound.
func (s setup) silent(ctx context.Context, seconds int) (string, error) {
	source, err := s.source(ctx, seconds)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(source, ".mp4") + "-silent.mp4"
	return path, run(ctx, "ffmpeg", "-v", "error", "-y", "-i", source, "-an", "-c", "copy", path)
}

// whole returns the seconds from 202 to COMPLETE.
func (s setup) whole(source string, slots int64) (float64, error) {
	defer func() { _ = os.RemoveAll(filepath.Join(s.dir, "slots")) }()
	v, err := s.start(settings{Folder: "slots", Source: source, Slots: slots, Threads: 1})
	if err != nil {
		return 0, err
	}
	u, err := v.until(func(u update) bool { return u.status == progress.Complete })
	if err != nil {
		_ = v.cmd.Process.Kill()
	}
	if e := v.cmd.Wait(); err == nil {
		err = e
	}
	return u.at, err
}

// reference is the ladder as one ffmpeg writes it: reference.sh SOURCE FOLDER THREADS silent.
const reference = "internal/bench/encode/reference.sh"

// bare returns the seconds that two encodes of the ladder take, so many at once.
func (s setup) bare(ctx context.Context, source string, atOnce int) (float64, error) {
	start := time.Now()
	var g errgroup.Group
	g.SetLimit(atOnce)
	for n := range 2 {
		g.Go(func() error {
			out := filepath.Join(s.dir, "bare"+strconv.Itoa(n))
			defer func() { _ = os.RemoveAll(out) }()
			return run(ctx, reference, source, out, "1", "silent")
		})
	}
	err := g.Wait()
	return since(start), err
}
