package progress_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
)

func run(attempt string, fraction float64) progress.Event {
	p := time.Duration(0)
	if fraction > 0 && fraction <= 1 {
		p = time.Duration(fraction * float64(time.Minute))
	}
	return progress.Event{Asset: "a", Attempt: attempt, Status: progress.Running, Stage: progress.StageEncoding,
		Fraction: fraction, Position: p, Front: p, Time: at}
}

func end(attempt string, status progress.Status) progress.Event {
	e := progress.Event{Asset: "a", Attempt: attempt, Status: status, Time: at}
	if status == progress.Error {
		e.Error = &progress.Failure{Code: "corrupt", Message: "The file is damaged."}
	}
	return e
}

// guarded returns what a Guard lets through of events.
func guarded(t *testing.T, opts *progress.GuardOptions, events ...progress.Event) []progress.Event {
	t.Helper()
	rec := &progresstest.Recorder{}
	g := progress.NewGuard(rec, opts)
	for _, e := range events {
		g.Report(t.Context(), e)
	}
	require.NoError(t, rec.CheckInvariants())
	return rec.Events()
}

func fractions(events []progress.Event) (f []float64) {
	for _, e := range events {
		f = append(f, e.Fraction)
	}
	return f
}

func TestGuardFractionsNeverGoBack(t *testing.T) {
	out := guarded(t, nil, run("1", 0.5), run("1", 0.4), run("1", math.NaN()), run("1", -1), run("1", math.Inf(1)),
		run("1", 0.6), run("1", 7), run("1", 1), end("1", progress.Complete))
	assert.Equal(t, []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.99, 0.99, 1}, fractions(out))
	assert.Equal(t, time.Minute, out[len(out)-1].Position, "what is known stays known at the end")

	out = guarded(t, nil, run("1", 0.5), end("1", progress.Error))
	assert.Equal(t, []float64{0.5, 0.5}, fractions(out))
}

func TestGuardLetsOneTerminalEventThrough(t *testing.T) {
	out := guarded(t, nil, run("1", 0.5), end("1", progress.Error), end("1", progress.Complete), run("1", 0.7),
		end("", progress.Error), run("", 0.8))
	require.Len(t, out, 2)
	assert.Equal(t, progress.Error, out[1].Status)
	assert.Empty(t, out[1].Stage)
}

func TestGuardStartsANewAttemptFromZero(t *testing.T) {
	out := guarded(t, nil, run("1", 0.5), end("1", progress.Error), run("2", 0.1), run("1", 0.9), end("1", progress.Complete), run("2", 0.2),
		end("2", progress.Complete))
	assert.Equal(t, []float64{0.5, 0.5, 0.1, 0.2, 1}, fractions(out))
	assert.Equal(t, "2", out[4].Attempt)
}

func TestGuardEndsAnAttemptThatIsReplaced(t *testing.T) {
	out := guarded(t, nil, run("1", 0.5), run("2", 0.1), end("1", progress.Complete), run("2", 0.2))
	require.Len(t, out, 4)
	assert.Equal(t, "1", out[1].Attempt)
	assert.Equal(t, progress.Error, out[1].Status)
	assert.Equal(t, progress.CodeCancelled, out[1].Error.Code)
	assert.Equal(t, []float64{0.5, 0.5, 0.1, 0.2}, fractions(out))
}

func TestGuardEventsWithoutAttemptBelongToTheOneUnderWay(t *testing.T) {
	ready := progress.Event{Asset: "a", Status: progress.Ready, Stage: progress.StageQueued, Time: at}
	out := guarded(t, nil, ready, run("1", 0.5), run("", 0.6), end("", progress.Error), ready, run("2", 0.1))
	require.Len(t, out, 6)
	assert.Equal(t, []string{"", "1", "1", "1", "", "2"}, func() (s []string) {
		for _, e := range out {
			s = append(s, e.Attempt)
		}
		return s
	}())
	assert.Equal(t, []float64{0, 0.5, 0.6, 0.6, 0, 0.1}, fractions(out))
}

func TestGuardKeepsWhatIsKnown(t *testing.T) {
	first := run("1", 0.5)
	first.Playlist, first.Tenant, first.Duration = "media/a/master.m3u8", "acme", time.Minute
	out := guarded(t, nil, first, run("1", 0.6), end("1", progress.Error))
	assert.Equal(t, first.Playlist, out[1].Playlist)
	assert.Equal(t, "acme", out[1].Tenant)
	assert.Equal(t, time.Minute, out[2].Duration)
	assert.Empty(t, out[2].Playlist, "what failed may not be playable: the terminal event says it itself")
}

func TestGuardDropsSenselessEventsAndSetsTheTime(t *testing.T) {
	out := guarded(t, nil, progress.Event{}, progress.Event{Asset: "a"}, progress.Event{Status: progress.Ready},
		progress.Event{Asset: "a", Attempt: "1", Status: progress.Ready})
	require.Len(t, out, 1)
	assert.WithinDuration(t, time.Now(), out[0].Time, time.Minute)
}

func TestGuardForgets(t *testing.T) {
	rec := &progresstest.Recorder{}
	g := progress.NewGuard(rec, &progress.GuardOptions{Remember: 2})
	for _, asset := range []string{"a", "b", "c"} {
		e := end("1", progress.Complete)
		e.Asset = asset
		g.Report(t.Context(), e)
	}
	late := run("1", 0.5)
	for _, asset := range []string{"c", "b"} {
		late.Asset = asset
		g.Report(t.Context(), late)
	}
	assert.Len(t, rec.Events(), 3, "b and c are remembered")
	late.Asset = "a"
	g.Report(t.Context(), late)
	assert.Len(t, rec.Events(), 4, "a, which ended first, is not")

	last, ok := g.Last("a")
	assert.True(t, ok)
	assert.Equal(t, 0.5, last.Fraction)
	_, ok = g.Last("b")
	assert.False(t, ok, "ended")
	g.Forget("a")
	_, ok = g.Last("a")
	assert.False(t, ok)
	g.Forget("b")
	late.Asset = "b"
	g.Report(t.Context(), late)
	assert.Len(t, rec.Events(), 5)
}

func TestGuardUnderConcurrentReports(t *testing.T) {
	rec := &progresstest.Recorder{}
	g := progress.NewGuard(rec, nil)
	var wg sync.WaitGroup
	for n := range 8 {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		wg.Go(func() {
			for i := range 500 {
				e := run(fmt.Sprint(i/100), rng.Float64()*1.2)
				e.Asset = fmt.Sprint("asset-", i%3)
				if rng.IntN(40) == 0 {
					e.Status, e.Error = progress.Error, &progress.Failure{Code: "x", Message: "y"}
				}
				g.Report(t.Context(), e)
			}
		})
	}
	wg.Wait()
	require.NoError(t, rec.CheckInvariants())
	assert.NotEmpty(t, rec.Of("asset-2"))
}

func TestGuardMayBeCalledFromTheSink(t *testing.T) {
	rec := &progresstest.Recorder{}
	var g *progress.Guard
	g = progress.NewGuard(progress.SinkFunc(func(ctx context.Context, e progress.Event) {
		if e.Status == progress.Running {
			g.Report(ctx, end("1", progress.Error)) // a host that cancels when it sees something
		}
		rec.Report(ctx, e)
	}), nil)
	g.Report(t.Context(), run("1", 0.5))
	require.NoError(t, rec.CheckInvariants())
	assert.Equal(t, []float64{0.5, 0.5}, fractions(rec.Events()))
}

func TestGuardOutlivesAPanic(t *testing.T) {
	rec := &progresstest.Recorder{}
	g := progress.NewGuard(progress.SinkFunc(func(ctx context.Context, e progress.Event) {
		if e.Fraction == 0.5 {
			panic("boom")
		}
		rec.Report(ctx, e)
	}), nil)
	assert.Panics(t, func() { g.Report(t.Context(), run("1", 0.5)) })
	g.Report(t.Context(), run("1", 0.6))
	assert.Len(t, rec.Events(), 1)
}

func ExampleGuard() {
	sink := progress.SinkFunc(func(_ context.Context, e progress.Event) {
		fmt.Println(e.Status, e.Fraction)
	})
	g := progress.NewGuard(sink, nil)
	ctx := context.Background()
	g.Report(ctx, progress.Event{Asset: "a", Attempt: "1", Status: progress.Running, Fraction: 0.5})
	g.Report(ctx, progress.Event{Asset: "a", Attempt: "1", Status: progress.Running, Fraction: math.NaN()})
	g.Report(ctx, progress.Event{Asset: "a", Attempt: "1", Status: progress.Complete})
	g.Report(ctx, progress.Event{Asset: "a", Attempt: "1", Status: progress.Running, Fraction: 0.6})
	// Output:
	// RUNNING 0.5
	// RUNNING 0.5
	// COMPLETE 1
}
