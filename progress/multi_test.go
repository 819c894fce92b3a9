package progress_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
)

func TestMultiReportsToAll(t *testing.T) {
	a, b := &progresstest.Recorder{}, &progresstest.Recorder{}
	s := progress.Multi(a, nil, b)
	s.Report(t.Context(), run("1", 0.5))
	assert.Len(t, a.Events(), 1)
	assert.Equal(t, a.Events(), b.Events())
	progress.Multi().Report(t.Context(), run("1", 0.5))
}

func TestConformance(t *testing.T) {
	discard := progress.SinkFunc(func(context.Context, progress.Event) {})
	sinks := map[string]func(t *testing.T) progress.Sink{
		"Multi":    func(*testing.T) progress.Sink { return progress.Multi(discard, discard) },
		"Throttle": func(*testing.T) progress.Sink { return progress.Throttle(discard, 1) },
		"Guard":    func(*testing.T) progress.Sink { return progress.NewGuard(discard, nil) },
		"Recorder": func(*testing.T) progress.Sink { return &progresstest.Recorder{} },
		"Chan": func(t *testing.T) progress.Sink {
			c := progress.NewChan(nil)
			t.Cleanup(func() {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				assert.ErrorIs(t, c.Close(ctx), context.Canceled)
			})
			return c
		},
		"Handlers": func(t *testing.T) progress.Sink {
			stall := func(ctx context.Context, _ progress.Event) { <-ctx.Done() }
			h := progress.NewHandlers(&progress.HandlersOptions{OnComplete: stall, OnError: stall})
			t.Cleanup(func() {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				assert.ErrorIs(t, h.Close(ctx), context.Canceled)
			})
			return h
		},
	}
	for name, open := range sinks {
		t.Run(name, func(t *testing.T) { progresstest.RunSink(t, open) })
	}
}

func ExampleMulti() {
	show := func(name string) progress.Sink {
		return progress.SinkFunc(func(_ context.Context, e progress.Event) { fmt.Println(name, e.Asset, e.Status) })
	}
	sink := progress.Multi(show("log"), show("metrics"))
	sink.Report(context.Background(), progress.Event{Asset: "a", Status: progress.Ready})
	// Output:
	// log a READY
	// metrics a READY
}
