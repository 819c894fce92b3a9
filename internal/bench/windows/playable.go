//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/vodkit/vodkit/internal/bench"
)

// mostRatio is how much longer a long source may take to be playable than a minute does.
const mostRatio = 1.2

// playable compares the time from 202 to playable of a long source and one of a minute.
// Rounds are interleaved, and the medians count.
func playable(ctx context.Context, s setup) (bench.Table, error) {
	var t bench.Table
	short, err := s.source(ctx, 60)
	if err != nil {
		return t, err
	}
	long, err := s.source(ctx, s.seconds)
	if err != nil {
		return t, err
	}
	t.Row("first_segment_s", "round", "60_s_source_s", fmt.Sprintf("%d_s_source_s", s.seconds), "ratio")
	for _, first := range []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second} {
		var shorts, longs []float64
		for n := range s.rounds {
			a, err := s.wait(short, first)
			if err != nil {
				return t, err
			}
			b, err := s.wait(long, first)
			if err != nil {
				return t, err
			}
			shorts, longs = append(shorts, a), append(longs, b)
			t.Row(first.Seconds(), n, a, b, b/a)
		}
		ratio := bench.Median(longs) / bench.Median(shorts)
		t.Row(first.Seconds(), "median", bench.Median(shorts), bench.Median(longs), ratio)
		t.Gate(ratio <= mostRatio, "with a first segment of %v the ratio %.3f is over %.2f", first, ratio, mostRatio)
	}
	return t, nil
}

// wait returns the seconds until the source can be played.
func (s setup) wait(source string, first time.Duration) (float64, error) {
	defer func() { _ = os.RemoveAll(filepath.Join(s.dir, "playable")) }()
	v, err := s.start(settings{Folder: "playable", Source: source, Slots: int64(runtime.NumCPU()), First: first})
	if err != nil {
		return 0, err
	}
	u, err := v.until(func(u update) bool { return u.playable })
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
	return u.at, err
}
