package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/sse"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/tus"
)

// app is the wiring: what a service of your own would have somewhere.
type app struct {
	http.Handler
	pipeline *upload.Pipeline
	hub      *sse.Hub
	cache    *storage.Cache // of what is served; it leaves files to the operating system
}

// newApp wires an encoder and a store to handlers. Start the pipeline before serving.
func newApp(store storage.Store, enc encoder.Encoder, prober encoder.Prober, c config, log *slog.Logger) (*app, error) {
	a := &app{}
	a.hub = sse.NewHub(&sse.Options{
		Snapshot: func(ctx context.Context, id string) (progress.Event, error) { return a.pipeline.Snapshot(ctx, id) },
		Logger:   log,
	})
	a.cache = storage.NewCache(store, nil)
	direct, presigner, err := newDirect(store, c)
	if err != nil {
		return nil, err
	}
	a.pipeline, err = upload.New(store, encoder.Parallel(encoder.Limit(enc, int64(c.encoders), nil), nil), prober, &upload.Options{
		Sink:       a.hub,
		MaxSize:    int64(c.maxUpload),
		Plan:       &encoder.PlanOptions{Stills: true}, // the page shows posters and storyboards
		SweepEvery: c.sweepEvery,
		Presign:    presigner,
		OnDelete:   func(_ context.Context, v upload.Asset) { a.cache.Forget("media/" + v.ID + "/") },
		Logger:     log,
	})
	if err != nil {
		return nil, err
	}
	page, err := newPage(int64(c.maxUpload), remote(c.bucket))
	if err != nil {
		return nil, err
	}
	if !page.has("vendor/hls.min.js") || !page.has("vendor/tus.min.js") {
		log.Warn("hls.js or tus-js-client is not built in: the page uses the browser's own player, or sends files in one request. Run make setup, then build again.")
	}

	mux := http.NewServeMux()
	assets := upload.NewHandler(a.pipeline, &upload.HandlerOptions{Events: a.hub})
	mux.Handle("/assets", assets)
	mux.Handle("/assets/", assets)
	uploads, err := tus.New(a.pipeline, store, &tus.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	mux.Handle("/uploads", uploads) // resumable
	mux.Handle("/uploads/", uploads)
	if direct != nil {
		mux.Handle("/direct/", direct)
	}
	mux.Handle("GET /events", a.hub) // one stream for all that a page shows: ?asset=a&asset=b
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(a.cache, &hls.HandlerOptions{Logger: log})))
	mux.HandleFunc("GET /healthz", a.health)
	mux.HandleFunc("GET /ui/{name...}", page.serveFile)
	mux.HandleFunc("GET /{$}", page.serveIndex)

	// There is no sign-in here, so other sites' pages must not upload or delete in the
	// name of someone who has this page open.
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error":{"code":"forbidden","message":"Pages of other sites may not change anything here."}}` + "\n"))
	}))
	a.Handler = guard.Handler(mux)
	return a, nil
}

// health answers whether uploads are taken and encoded here: not while the pipeline
// starts or stops, nor once another process has taken the bucket.
func (a *app) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if a.pipeline.Err() != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"unavailable"}` + "\n"))
		return
	}
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}

// shutdownGrace is how long running encodes may go on after an interrupt. What is not
// done by then is taken up again at the next start.
const shutdownGrace = 2 * time.Second

func (a *app) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	err := a.pipeline.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // what ran is left to the next process
	}
	if err != nil {
		err = fmt.Errorf("end encodes: %w", err)
	}
	return errors.Join(err, a.cache.Close())
}
