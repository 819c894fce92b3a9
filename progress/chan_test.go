package progress_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
)

func of(asset string, e progress.Event) progress.Event {
	e.Asset = asset
	return e
}

// drain closes c and returns what was left in it.
func drain(t *testing.T, c *progress.Chan) (events []progress.Event) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		for e := range c.Events() {
			events = append(events, e)
		}
	})
	require.NoError(t, c.Close(t.Context()))
	wg.Wait()
	return events
}

func TestChanDropsStaleProgressOnly(t *testing.T) {
	c := progress.NewChan(nil)
	for i := range 100 {
		c.Report(t.Context(), of("a", run("1", float64(i)/100)))
		c.Report(t.Context(), of("b", run("1", float64(i)/100)))
		c.Report(t.Context(), of("c", run("1", float64(i)/100)))
	}
	c.Report(t.Context(), of("b", end("1", progress.Error)))
	c.Report(t.Context(), of("b", run("2", 0.1)))
	c.Report(t.Context(), of("b", end("2", progress.Complete)))
	c.Report(t.Context(), of("b", run("3", 0.2)))

	got := drain(t, c)
	assert.Equal(t, []progress.Event{
		of("b", end("1", progress.Error)), of("b", end("2", progress.Complete)),
		of("a", run("1", 0.99)), of("c", run("1", 0.99)), of("b", run("3", 0.2)),
	}, got)
}

func TestChanIsBounded(t *testing.T) {
	c := progress.NewChan(&progress.ChanOptions{Assets: 2})
	for i := range 10 {
		c.Report(t.Context(), of(fmt.Sprint(i), run("1", 0.5)))
	}
	for i := range 10 {
		c.Report(t.Context(), of(fmt.Sprint("t", i), end("1", progress.Complete)))
	}
	got := drain(t, c)
	require.Len(t, got, 12)
	assert.Equal(t, "t0", got[0].Asset)
	assert.Equal(t, []string{"8", "9"}, []string{got[10].Asset, got[11].Asset})
}

func TestChanHandsOutTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := progress.NewChan(nil)
		for i := range 10 {
			c.Report(t.Context(), run("1", float64(i)/10))
			synctest.Wait() // the goroutine offers this one
		}
		assert.Equal(t, 0.9, (<-c.Events()).Fraction)
		c.Report(t.Context(), end("1", progress.Complete))
		assert.Equal(t, progress.Complete, (<-c.Events()).Status)
		assert.Empty(t, drain(t, c))
	})
}

func TestChanUnderConcurrentReports(t *testing.T) {
	c := progress.NewChan(nil)
	rec := &progresstest.Recorder{}
	var reader, writers sync.WaitGroup
	reader.Go(func() {
		for e := range c.Events() {
			rec.Report(context.Background(), e)
		}
	})
	for n := range 8 {
		writers.Go(func() {
			for i := range 300 {
				attempt := fmt.Sprintf("%03d", i/100)
				c.Report(t.Context(), of(fmt.Sprint(n), run(attempt, float64(i%100)/100)))
				if i%100 == 99 {
					done := of(fmt.Sprint(n), end(attempt, progress.Complete))
					done.Fraction, done.Position, done.Front = 1, time.Minute, time.Minute
					c.Report(t.Context(), done)
				}
			}
		})
	}
	writers.Wait()
	require.NoError(t, c.Close(t.Context()))
	reader.Wait()
	require.NoError(t, rec.CheckInvariants())
	for n := range 8 {
		terminal := 0
		for _, e := range rec.Of(fmt.Sprint(n)) {
			if e.Status.Terminal() {
				terminal++
			}
		}
		assert.Equal(t, 3, terminal)
	}
}

func TestChanDeliversTheLastWord(t *testing.T) {
	for range 50 { // the reader takes an event while the next one replaces it
		c := progress.NewChan(nil)
		var last progress.Event
		var reader sync.WaitGroup
		reader.Go(func() {
			for e := range c.Events() {
				last = e
			}
		})
		for i := range 200 {
			c.Report(t.Context(), run("1", float64(i)/1000))
		}
		require.NoError(t, c.Close(t.Context()))
		reader.Wait()
		require.Equal(t, run("1", 0.199), last)
	}
}

func TestChanCloseWithoutReader(t *testing.T) {
	c := progress.NewChan(nil)
	c.Report(t.Context(), end("1", progress.Complete))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Close(ctx), context.Canceled)
	require.Error(t, c.Close(t.Context()), "they stay unread")
	_, open := <-c.Events()
	assert.False(t, open)
	c.Report(t.Context(), end("2", progress.Complete))
}

func ExampleChan() {
	events := progress.NewChan(nil)
	var reader sync.WaitGroup
	reader.Go(func() {
		for e := range events.Events() {
			fmt.Println(e.Asset, e.Status)
		}
	})
	ctx := context.Background()
	events.Report(ctx, progress.Event{Asset: "a", Attempt: "1", Status: progress.Complete})
	_ = events.Close(ctx) // waits until the reader has it
	reader.Wait()
	// Output: a COMPLETE
}
