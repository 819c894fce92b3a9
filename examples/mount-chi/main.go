// Command mount-chi mounts the HLS handler on a chi router, in both ways that there are.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/go-chi/chi/v5"

	"github.com/vodkit/vodkit/examples/internal/serve"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func newRouter(store storage.Store) http.Handler {
	r := chi.NewRouter()
	// Mount leaves r.URL.Path as it is, so StripPrefix takes the mount point off.
	r.Mount("/media", http.StripPrefix("/media", hls.NewHandler(store, nil)))
	// chi gives its wildcard to PathValue under the name "*".
	r.Handle("/watch/*", hls.NewHandler(store, &hls.HandlerOptions{Path: hls.PathValue("*")}))
	return r
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	dir := flag.String("dir", "vod", "folder with the media, as vodkit lays it out")
	flag.Parse()
	store, err := blobstore.OpenFile(*dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve.Run(ctx, *addr, newRouter(store), &serve.Options{
		Ready: func(url string) { fmt.Println("serving", *dir, "on", url) },
	}); err != nil {
		log.Print(err)
	}
}
