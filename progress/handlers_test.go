package progress_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
)

func TestHandlersAreCalledOncePerAttempt(t *testing.T) {
	complete, failed := &progresstest.Recorder{}, &progresstest.Recorder{}
	h := progress.NewHandlers(&progress.HandlersOptions{OnComplete: complete.Report, OnError: failed.Report})
	for _, e := range []progress.Event{
		run("1", 0.5), end("1", progress.Error), end("1", progress.Error), run("2", 0.1), end("2", progress.Complete), end("2", progress.Complete),
		of("b", end("1", progress.Complete)),
	} {
		h.Report(t.Context(), e)
	}
	require.NoError(t, h.Close(t.Context()))
	assert.Equal(t, []progress.Event{end("1", progress.Error)}, failed.Events())
	assert.Equal(t, []progress.Event{end("2", progress.Complete), of("b", end("1", progress.Complete))}, complete.Events())

	h.Report(t.Context(), end("3", progress.Complete))
	require.NoError(t, h.Close(t.Context()))
	assert.Len(t, complete.Events(), 2, "closed")
}

func TestHandlersNeedNone(t *testing.T) {
	h := progress.NewHandlers(nil)
	h.Report(t.Context(), end("1", progress.Complete))
	require.NoError(t, h.Close(t.Context()))
}

func TestHandlersMayPanic(t *testing.T) {
	var log bytes.Buffer
	rec := &progresstest.Recorder{}
	h := progress.NewHandlers(&progress.HandlersOptions{
		OnComplete: rec.Report,
		OnError:    func(context.Context, progress.Event) { panic("no mail today") },
		Logger:     slog.New(slog.NewTextHandler(&log, nil)),
	})
	h.Report(t.Context(), end("1", progress.Error))
	h.Report(t.Context(), end("2", progress.Complete))
	require.NoError(t, h.Close(t.Context()))
	assert.Len(t, rec.Events(), 1, "the next is called")
	assert.Contains(t, log.String(), `panic="no mail today"`)
	assert.Contains(t, log.String(), "handlers_test.go", "with the stack")
}

func TestHandlersOutliveTheContextOfReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		var lasts time.Duration
		h := progress.NewHandlers(&progress.HandlersOptions{Timeout: time.Hour, OnComplete: func(ctx context.Context, _ progress.Event) {
			start := time.Now()
			err = ctx.Err()
			<-ctx.Done()
			lasts = time.Since(start)
		}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h.Report(ctx, end("1", progress.Complete))
		require.NoError(t, h.Close(t.Context()))
		assert.NoError(t, err)
		assert.Equal(t, time.Hour, lasts)
	})
}

func TestHandlersCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		calls := 0
		h := progress.NewHandlers(&progress.HandlersOptions{
			Timeout: 24 * time.Hour,
			Logger:  slog.New(slog.NewTextHandler(&log, nil)),
			OnComplete: func(ctx context.Context, _ progress.Event) {
				calls++
				<-ctx.Done()
			},
		})
		h.Report(t.Context(), of("a", end("1", progress.Complete)))
		h.Report(t.Context(), of("b", end("1", progress.Complete)))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, h.Close(ctx), context.DeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, 1, calls)
		assert.Contains(t, log.String(), "asset=b")
	})
}

func ExampleHandlers() {
	done := progress.NewHandlers(&progress.HandlersOptions{
		OnComplete: func(_ context.Context, e progress.Event) { fmt.Println(e.Asset, "can be watched at", e.Playlist) },
		OnError:    func(_ context.Context, e progress.Event) { fmt.Println(e.Asset, "failed:", e.Error.Message) },
	})
	ctx := context.Background()
	done.Report(ctx, progress.Event{Asset: "a", Attempt: "1", Status: progress.Complete, Playlist: "media/a/master.m3u8"})
	done.Report(ctx, progress.Event{Asset: "b", Attempt: "1", Status: progress.Error,
		Error: &progress.Failure{Code: "no_media", Message: "The file holds no video."}})
	_ = done.Close(ctx)
	// Output:
	// a can be watched at media/a/master.m3u8
	// b failed: The file holds no video.
}
