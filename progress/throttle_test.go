package progress_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
)

func TestThrottleThinsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &progresstest.Recorder{}
		s := progress.Throttle(rec, time.Second)
		for i := range 50 { // five seconds
			s.Report(t.Context(), run("1", float64(i)/100))
			time.Sleep(100 * time.Millisecond)
		}
		assert.Equal(t, []float64{0, 0.1, 0.2, 0.3, 0.4}, fractions(rec.Events()))
	})
}

func TestThrottlePassesMilestonesAtOnce(t *testing.T) {
	rec := &progresstest.Recorder{}
	s := progress.Throttle(rec, time.Hour)
	steps := []func(*progress.Event){
		func(e *progress.Event) {},
		func(e *progress.Event) { e.Status = progress.Running },
		func(e *progress.Event) { e.Stage = progress.StagePublishing },
		func(e *progress.Event) { e.Playlist = "master.m3u8" },
		func(e *progress.Event) { e.Queue = 7 },
		func(e *progress.Event) { e.Attempt = "2" },
		func(e *progress.Event) { e.Status = progress.Error },
	}
	e := progress.Event{Asset: "a", Attempt: "1", Status: progress.Ready}
	for i, step := range steps {
		step(&e)
		s.Report(t.Context(), e)
		assert.Len(t, rec.Events(), i+1)
		if !e.Status.Terminal() {
			thin := e
			thin.Fraction += 0.01
			s.Report(t.Context(), thin)
			assert.Len(t, rec.Events(), i+1, "progress alone is thinned")
		}
		assert.Equal(t, e, rec.Events()[i])
	}
}

func TestThrottleKeepsAssetsApart(t *testing.T) {
	rec := &progresstest.Recorder{}
	s := progress.Throttle(rec, time.Hour)
	for i := range 1000 {
		e := run("1", 0.5)
		e.Asset = fmt.Sprint(i % 500)
		s.Report(t.Context(), e)
	}
	assert.Len(t, rec.Events(), 500)
}

func TestThrottleWithoutInterval(t *testing.T) {
	rec := &progresstest.Recorder{}
	s := progress.Throttle(rec, 0)
	s.Report(t.Context(), run("1", 0.1))
	s.Report(t.Context(), run("1", 0.2))
	assert.Len(t, rec.Events(), 2)
}

func ExampleThrottle() {
	log := progress.SinkFunc(func(_ context.Context, e progress.Event) {
		fmt.Println(e.Asset, e.Status, e.Fraction)
	})
	sink := progress.Throttle(log, time.Hour)
	ctx := context.Background()
	for i := range 100 {
		sink.Report(ctx, progress.Event{Asset: "a", Attempt: "1", Status: progress.Running, Fraction: float64(i) / 100})
	}
	sink.Report(ctx, progress.Event{Asset: "a", Attempt: "1", Status: progress.Complete, Fraction: 1})
	// Output:
	// a RUNNING 0
	// a COMPLETE 1
}
