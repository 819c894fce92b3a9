// Command mount-gin mounts the HLS handler on a gin router.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/gin-gonic/gin"

	"github.com/vodkit/vodkit/examples/internal/serve"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func newRouter(store storage.Store) http.Handler {
	r := gin.New()
	r.Use(gin.Recovery())
	media := gin.WrapH(http.StripPrefix("/media", hls.NewHandler(store, nil)))
	// Any, and not GET alone: players send HEAD and browsers OPTIONS too.
	r.Any("/media/*path", media)
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
