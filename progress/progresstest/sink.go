package progresstest

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// hang is how long a call may take before the suite says that it blocks. It is no
// measure of speed.
const hang = 20 * time.Second

// RunSink checks that a Sink keeps the contract of progress.Sink. open returns a new
// one for each test, and cleans up by t.Cleanup. Nobody reads from the sink, and what
// it feeds should be stalled: a channel that nobody receives from, a handler that
// doesn't return before the test ends, a server that doesn't answer. Run it with -race.
func RunSink(t *testing.T, open func(t *testing.T) progress.Sink) {
	t.Helper()
	t.Run("NeverBlocks", func(t *testing.T) {
		sink := open(t)
		returns(t, "10,000 events of 100 assets", func() {
			for i := range 10_000 {
				sink.Report(t.Context(), running(fmt.Sprint("asset-", i%100), i/100, 100))
			}
		})
		returns(t, "100 terminal events", func() {
			for i := range 100 {
				sink.Report(t.Context(), ended(fmt.Sprint("asset-", i), "1", i%2 == 0))
			}
		})
	})
	t.Run("ManyAttempts", func(t *testing.T) {
		sink := open(t)
		returns(t, "1,000 attempts of one asset", func() {
			for i := range 1_000 {
				attempt := fmt.Sprint(i)
				e := running("asset", 1, 2)
				e.Attempt = attempt
				sink.Report(t.Context(), e)
				sink.Report(t.Context(), ended("asset", attempt, i%2 == 0))
			}
		})
	})
	t.Run("Concurrent", func(t *testing.T) {
		sink := open(t)
		returns(t, "concurrent reports", func() {
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					own := fmt.Sprint("asset-", g)
					for i := range 200 {
						sink.Report(t.Context(), running(own, i, 200))
						sink.Report(t.Context(), running("shared", i, 200))
					}
					sink.Report(t.Context(), ended(own, "1", true))
					sink.Report(t.Context(), ended("shared", "1", false))
				})
			}
			wg.Wait()
		})
	})
	t.Run("EndedContext", func(t *testing.T) {
		sink := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		returns(t, "a report with a context that has ended", func() {
			sink.Report(ctx, running("asset", 1, 2))
			sink.Report(ctx, ended("asset", "1", false))
		})
	})
	t.Run("KeepsEventWhole", func(t *testing.T) {
		sink := open(t)
		e := ended("asset", "1", false)
		returns(t, "a failure", func() { sink.Report(t.Context(), e) })
		if *e.Error != *ended("asset", "1", false).Error {
			t.Errorf("Report changed the failure that it was given: %+v", *e.Error)
		}
	})
	t.Run("OddEvents", func(t *testing.T) {
		sink := open(t)
		odd := []progress.Event{
			{},
			{Asset: "asset"},
			{Asset: "asset", Status: "PAUSED", Stage: "dreaming"},
			{Asset: "asset", Status: progress.Running, Fraction: math.NaN(), Speed: math.Inf(1), Position: -1, ETA: math.MinInt64, Queue: -1},
			{Asset: "asset", Status: progress.Error},
			{Asset: "asset\n\x00\xff\r\ndata: x", Tenant: "\xff", Status: progress.Running, Time: time.Unix(1<<55, 0)},
		}
		for _, e := range odd {
			returns(t, "an odd event", func() { sink.Report(t.Context(), e) })
		}
	})
}

// returns fails the test if f does not return.
func returns(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(hang)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("Report blocks: %s did not return in %v", what, hang)
	}
}

func running(asset string, i, n int) progress.Event {
	at := time.Duration(i) * time.Second
	return progress.Event{
		Asset: asset, Attempt: "1", Status: progress.Running, Stage: progress.StageEncoding,
		Fraction: float64(i) / float64(n), Position: at, Front: at, Duration: time.Duration(n) * time.Second,
		Speed: 2, Time: time.Unix(1_700_000_000, 0).Add(at),
	}
}

func ended(asset, attempt string, ok bool) progress.Event {
	e := progress.Event{Asset: asset, Attempt: attempt, Status: progress.Complete, Fraction: 1, Time: time.Unix(1_700_001_000, 0)}
	if !ok {
		e.Status, e.Fraction = progress.Error, 0.5
		e.Error = &progress.Failure{Code: "encoder_failed", Message: "The encoder ended badly. Try again."}
	}
	return e
}
