package tus_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/tus"
)

// mount is what the README shows.
func mount(mux *http.ServeMux, vod *upload.Pipeline, store storage.Store) error {
	uploads, err := tus.New(vod, store, nil)
	if err != nil {
		return err
	}
	mux.Handle("/uploads", uploads)
	mux.Handle("/uploads/", uploads)
	return nil
}

// A handler beside the others of a service, and an upload in two requests.
func Example() {
	ctx := context.Background()
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer store.Close()
	fake := encodertest.NewFake(store, nil) // ffmpeg.New in a service
	vod, err := upload.New(store, fake, fake, nil)
	if err == nil {
		err = vod.Start(ctx)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = vod.Shutdown(ctx) }()
	mux := http.NewServeMux()
	if err := mount(mux, vod, store); err != nil {
		fmt.Println(err)
		return
	}

	ask := func(method, path, body string, header map[string]string) http.Header {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Tus-Resumable", "1.0.0")
		for name, value := range header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(method, w.Code)
		return w.Header()
	}
	at := ask("POST", "/uploads", "", map[string]string{"Upload-Length": "12"}).Get("Location")
	ask("PATCH", at, "a short ", map[string]string{"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
	last := ask("PATCH", at, "film", map[string]string{"Upload-Offset": "8", "Content-Type": "application/offset+octet-stream"})
	a, err := vod.Get(ctx, last.Get(tus.AssetHeader))
	fmt.Println(a.Size, err)
	// Output:
	// POST 201
	// PATCH 204
	// PATCH 204
	// 12 <nil>
}
