// Command direct is a service whose uploads go to the bucket past it: to S3, or, on a
// folder, to a handler of vodkit's that does as S3 does, so that pages see no difference.
//
//	go run ./direct -bucket vod -origin http://127.0.0.1:3000
//	go run ./direct -bucket 's3://films?region=eu-central-1' -origin https://www.example.com
//
// The bucket on S3 needs a CORS rule, see package storage/s3presign. What a client does:
//
//	POST /assets/presign {"name": "clip.mp4", "size": 73400320, "type": "video/mp4"}
//	PUT  each of the parts in the answer, to the bucket
//	POST /assets/ID/complete
//
// uppy.js has Uppy (https://uppy.io) do so; the browser tests send 200 MB with it while this
// program is killed again and again.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/s3blob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/examples/internal/serve"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/presign"
	"github.com/vodkit/vodkit/storage/s3presign"
	"github.com/vodkit/vodkit/upload"
)

// open returns the bucket, and what signs uploads to it. Of a folder that is also the
// handler that takes them.
func open(ctx context.Context, bucket, origin string, secret []byte) (*blobstore.Store, storage.Presigner, error) {
	if !strings.HasPrefix(bucket, "s3://") {
		store, err := blobstore.OpenFile(bucket, nil)
		if err != nil {
			return nil, nil, err
		}
		direct, err := presign.New(store, "/direct", [][]byte{secret}, &presign.Options{AllowOrigin: origin})
		return store, direct, err
	}
	u, err := url.Parse(bucket)
	if err != nil {
		return nil, nil, err
	}
	b, err := blob.OpenBucket(ctx, bucket)
	if err != nil {
		return nil, nil, err
	}
	var client *s3.Client
	b.As(&client)
	direct, err := s3presign.New(client, u.Host, nil)
	return blobstore.New(b, nil), direct, err
}

// newServer has the routes of a service.
func newServer(vod *upload.Pipeline, store storage.Store, direct storage.Presigner, origin string) http.Handler {
	mux := http.NewServeMux()
	assets := upload.NewHandler(vod, &upload.HandlerOptions{AllowOrigin: origin, Originals: true})
	mux.Handle("/assets", assets)
	mux.Handle("/assets/", assets)
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, nil)))
	if takes, ok := direct.(http.Handler); ok {
		mux.Handle("/direct/", takes)
	}
	return mux
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8082", "address to listen on")
	bucket := flag.String("bucket", "vod", "a folder, or a URL such as s3://films?region=eu-central-1")
	origin := flag.String("origin", "http://127.0.0.1:8080", "origin of the pages that upload")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *bucket, *origin); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, bucket, origin string) error {
	secret := []byte(os.Getenv("SECRET")) // the same in every process
	if len(secret) == 0 {
		secret = make([]byte, presign.MinSecret) // forgotten at the end: clients ask for new URLs then
		_, _ = rand.Read(secret)
	}
	store, direct, err := open(ctx, bucket, origin, secret)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	ff := ffmpeg.New(store, nil)
	vod, err := upload.New(store, encoder.Parallel(encoder.Limit(ff, 2, nil), nil), ff, &upload.Options{
		Presign: direct,
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	if err := vod.Start(ctx); err != nil {
		return err
	}
	defer func() { _ = vod.Shutdown(ctx) }()
	return serve.Run(ctx, addr, newServer(vod, store, direct, origin), &serve.Options{
		Ready: func(url string) { fmt.Println("serving", strings.SplitN(bucket, "?", 2)[0], "on", url) },
	})
}
