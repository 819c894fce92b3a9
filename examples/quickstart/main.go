// Command quickstart is a whole video service: the program of the README.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/sse"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	store, err := blobstore.Open(ctx, "file://./vod", nil) // or s3://, gs://, azblob://, mem://
	check(err)
	ff := ffmpeg.New(store, nil)
	var vod *upload.Pipeline
	hub := sse.NewHub(&sse.Options{Snapshot: func(ctx context.Context, id string) (progress.Event, error) { return vod.Snapshot(ctx, id) }})
	vod, err = upload.New(store, encoder.Parallel(encoder.Limit(ff, 2, nil), nil), ff, &upload.Options{Sink: hub}) // two windows at once
	check(err)
	check(vod.Start(ctx))

	mux := http.NewServeMux() // the router that your service has
	assets := upload.NewHandler(vod, &upload.HandlerOptions{Events: hub})
	mux.Handle("/assets", assets)
	mux.Handle("/assets/", assets)
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, nil)))
	go func() { log.Print(http.ListenAndServe("127.0.0.1:8080", mux)); stop() }()
	<-ctx.Done()
	check(vod.Shutdown(context.Background())) // lets running encodes finish
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
