package progresstest_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func running(fraction float64) progress.Event {
	return progress.Event{Asset: "a", Attempt: "1", Status: progress.Running, Stage: progress.StageEncoding,
		Fraction: fraction, Position: time.Duration(fraction * 1e9), Front: time.Duration(fraction * 1e9), Time: at}
}

func complete() progress.Event {
	return progress.Event{Asset: "a", Attempt: "1", Status: progress.Complete, Fraction: 1, Position: 1e9, Front: 1e9, Time: at}
}

func failed() progress.Event {
	return progress.Event{Asset: "a", Attempt: "1", Status: progress.Error, Time: at, Error: &progress.Failure{Code: "x", Message: "y"}}
}

func with(e progress.Event, change func(*progress.Event)) progress.Event {
	change(&e)
	return e
}

func TestRecorderFindsEvents(t *testing.T) {
	rec := &progresstest.Recorder{}
	_, ok := rec.Last("a")
	assert.False(t, ok)
	_, ok = rec.Terminal("a")
	assert.False(t, ok)
	other := with(running(0.5), func(e *progress.Event) { e.Asset = "b" })
	for _, e := range []progress.Event{running(0.1), other, failed(), with(running(0), func(e *progress.Event) { e.Attempt = "2" })} {
		rec.Report(t.Context(), e)
	}
	assert.Len(t, rec.Events(), 4)
	assert.Equal(t, []progress.Event{other}, rec.Of("b"))
	last, ok := rec.Last("a")
	assert.True(t, ok)
	assert.Equal(t, "2", last.Attempt)
	end, ok := rec.Terminal("a")
	assert.True(t, ok)
	assert.Equal(t, failed(), end)
}

func TestRecorderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &progresstest.Recorder{}
		go func() {
			for _, e := range []progress.Event{running(0.1), running(0.2), failed()} {
				time.Sleep(time.Second)
				rec.Report(context.Background(), e)
			}
		}()
		e, err := rec.Wait(t.Context(), func(e progress.Event) bool { return e.Fraction > 0.15 })
		require.NoError(t, err)
		assert.Equal(t, running(0.2), e)
		e, err = rec.Wait(t.Context(), func(e progress.Event) bool { return true })
		require.NoError(t, err)
		assert.Equal(t, running(0.1), e, "past ones count")
		e, err = rec.WaitTerminal(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, failed(), e)
		e, err = rec.WaitAttempt(t.Context(), "a", "1")
		require.NoError(t, err)
		assert.Equal(t, failed(), e)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = rec.WaitAttempt(ctx, "a", "2")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, `"code":"x"`, "it tells of the last event")
	})
}

func TestCheckInvariants(t *testing.T) {
	second := func(e *progress.Event) { e.Attempt = "2" }
	for name, events := range map[string][]progress.Event{
		"nothing":           nil,
		"one attempt":       {running(0.1), running(0.1), running(0.9), complete()},
		"a retry":           {running(0), failed(), with(running(0.1), second), with(complete(), second)},
		"under way":         {running(0.5)},
		"named later":       {with(running(0), func(e *progress.Event) { e.Attempt = "" }), running(0.1)},
		"attempts unnamed":  {with(failed(), func(e *progress.Event) { e.Attempt = "" }), {Asset: "a", Status: progress.Ready, Time: at}},
		"assets interleave": {running(0.5), with(running(0.1), func(e *progress.Event) { e.Asset = "b" }), running(0.6)},
	} {
		assert.NoError(t, progresstest.CheckInvariants(events), name)
	}

	for want, events := range map[string][]progress.Event{
		"no asset":                {with(running(0.5), func(e *progress.Event) { e.Asset = "" })},
		"no time":                 {with(running(0.5), func(e *progress.Event) { e.Time = time.Time{} })},
		"unknown status":          {with(running(0.5), func(e *progress.Event) { e.Status = "PAUSED" })},
		"is not from 0 to 1":      {with(running(0.5), func(e *progress.Event) { e.Fraction = math.NaN() })},
		"in status RUNNING":       {running(1)},
		"in status COMPLETE":      {with(complete(), func(e *progress.Event) { e.Fraction = 0.9 })},
		"speed":                   {with(running(0.5), func(e *progress.Event) { e.Speed = math.Inf(1) })},
		"negative":                {with(running(0.5), func(e *progress.Event) { e.ETA = -1 })},
		"negative place":          {with(running(0.5), func(e *progress.Event) { e.Queue = -1 })},
		"error <nil> in status":   {with(failed(), func(e *progress.Event) { e.Error = nil })},
		"without code or message": {with(failed(), func(e *progress.Event) { e.Error = &progress.Failure{} })},
		"terminal, with stage":    {with(failed(), func(e *progress.Event) { e.Stage = progress.StageEncoding })},
		"fraction goes back":      {running(0.5), with(running(0.5), func(e *progress.Event) { e.Fraction = 0.4 })},
		"position goes back":      {running(0.5), with(running(0.5), func(e *progress.Event) { e.Position = 0 })},
		"front goes back":         {running(0.5), with(running(0.5), func(e *progress.Event) { e.Front = 0 })},
		"behind its terminal":     {running(0.5), failed(), failed()},
		"no terminal event":       {running(0.5), with(running(0.5), second)},
		"comes back":              {failed(), with(failed(), second), failed()},
	} {
		assert.ErrorContains(t, progresstest.CheckInvariants(events), want)
	}
}

func ExampleRecorder() {
	rec := &progresstest.Recorder{}
	go rec.Report(context.Background(), progress.Event{Asset: "a", Attempt: "1", Status: progress.Complete, Fraction: 1, Time: time.Now()})

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := rec.WaitTerminal(ctx, "a")
	fmt.Println(e.Status, err, rec.CheckInvariants())
	// Output: COMPLETE <nil> <nil>
}

func TestRunSink(t *testing.T) {
	progresstest.RunSink(t, func(*testing.T) progress.Sink { return &progresstest.Recorder{} })
}
