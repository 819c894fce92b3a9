// Command server is the demo of vodkit: a page where you upload a video, watch it
// encode, and play it while it does.
//
//	go run ./server -sample
//
// Routes: POST /assets (multipart field "file", or a raw body), GET /assets,
// GET /assets/{id}, DELETE /assets/{id}, POST /assets/{id}/retry,
// GET /assets/{id}/events (server-sent events), GET /media/..., GET /healthz, and the
// page at /. Everyone who reaches the address may do everything: a service of your own
// sets Authorize.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/examples/internal/serve"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	config, err := parseFlags(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	err = run(ctx, config, os.Stdout, os.Stderr)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // interrupted while it was starting
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", explain(err))
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, c config, out, logs io.Writer) (err error) {
	log := slog.New(slog.NewTextHandler(logs, nil))
	store, bucket, err := openBucket(ctx, c.bucket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	enc := ffmpeg.New(store, &ffmpeg.Options{Logger: log})
	report, err := enc.Doctor(ctx)
	if err != nil {
		return err
	}
	for _, warning := range report.Warnings {
		log.Warn(warning)
	}
	a, err := newApp(store, enc, enc, c, log)
	if err != nil {
		return err
	}
	sweep(ctx, store, log)
	if err := a.pipeline.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.shutdown()) }()

	if c.sample {
		done := make(chan struct{})
		sampleCtx, cancel := context.WithCancel(ctx)
		go func() {
			defer close(done)
			if err := addSample(sampleCtx, a.pipeline); err != nil && sampleCtx.Err() == nil {
				log.Error("There will be no sample.", "error", err)
			}
		}()
		defer func() { cancel(); <-done }()
	}
	// Where another process takes the bucket, there is nothing left to do for this one.
	serving, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-a.pipeline.Done():
			stop()
		case <-serving.Done():
		}
	}()
	err = serve.Run(serving, c.addr, a, &serve.Options{
		Ready: func(url string) {
			_, _ = fmt.Fprintf(out, "\n  vodkit demo: %s\n  videos are in %s, ffmpeg is %s; end with Ctrl+C\n\n", url, bucket, report.FFmpeg)
		},
		Drain:  a.hub.Close, // event streams would hold the server up
		Logger: log,
	})
	if ctx.Err() == nil {
		err = errors.Join(err, a.pipeline.Err())
	}
	return err
}

// sweep removes what an earlier process left when it was killed in the middle of a
// write.
func sweep(ctx context.Context, store *blobstore.Store, log *slog.Logger) {
	removed, err := store.Sweep(ctx, time.Hour)
	switch {
	case errors.Is(err, errors.ErrUnsupported): // no folder, nothing to sweep
	case err != nil:
		log.Warn("Temporary files could not be removed.", "error", err)
	case len(removed) > 0:
		log.Info("Temporary files of an earlier run are removed.", "files", len(removed))
	}
}

// explain says what to do about an error that keeps the server from starting.
func explain(err error) string {
	var e *encoder.Error
	switch {
	case errors.As(err, &e):
		return e.Message
	case errors.Is(err, upload.ErrOwned):
		return err.Error() + "\nAnother server works on this bucket: end it, or choose another bucket with -bucket."
	case errors.Is(err, syscall.EADDRINUSE):
		return err.Error() + "\nChoose another address with -addr, such as -addr 127.0.0.1:0 for any that is free."
	}
	return err.Error()
}
