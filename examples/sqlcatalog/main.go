// Command sqlcatalog is the program of the README with its records in a database, so
// that any number of processes work on one Store:
//
//	go run ./sqlcatalog -addr 127.0.0.1:8080 &
//	go run ./sqlcatalog -addr 127.0.0.1:8081
//
// Package catalog, beside it, is the Catalog, on database/sql and SQLite: copy it. Here
// the processes share a folder and a file, as on one machine. Events and places in the
// queue are those of the process that is asked.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/examples/internal/serve"
	"github.com/vodkit/vodkit/examples/sqlcatalog/catalog"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/sse"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	dir := flag.String("dir", "vod", "`folder` of the videos, and of the database beside them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *dir); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, dir string) (err error) {
	store, err := blobstore.OpenFile(filepath.Join(dir, "bucket"), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	db, err := catalog.Open(ctx, filepath.Join(dir, "catalog.db"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // after the pipeline

	ff := ffmpeg.New(store, nil)
	var vod *upload.Pipeline
	hub := sse.NewHub(&sse.Options{Snapshot: func(ctx context.Context, id string) (progress.Event, error) { return vod.Snapshot(ctx, id) }})
	vod, err = upload.New(store, encoder.Parallel(encoder.Limit(ff, 2, nil), nil), ff, &upload.Options{Sink: hub, Catalog: catalog.New(db)})
	if err != nil {
		return err
	}
	if err := vod.Start(ctx); err != nil {
		return err
	}
	mux := http.NewServeMux()
	assets := upload.NewHandler(vod, &upload.HandlerOptions{Events: hub})
	mux.Handle("/assets", assets)
	mux.Handle("/assets/", assets)
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, nil)))
	err = serve.Run(ctx, addr, mux, &serve.Options{
		Ready: func(url string) { log.Print("listening on ", url) },
		Drain: hub.Close,
	})
	if stopped := vod.Shutdown(context.Background()); err == nil { // lets running encodes finish
		err = stopped
	}
	return err
}
