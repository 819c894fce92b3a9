package upload_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// A service's test: a store in memory and the fake encoder, no ffmpeg.
func ExamplePipeline() {
	ctx := context.Background()
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer store.Close()
	fake := encodertest.NewFake(store, nil)
	events := &progresstest.Recorder{}

	vod, err := upload.New(store, fake, fake, &upload.Options{Sink: events})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := vod.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer vod.Shutdown(ctx)

	a, err := vod.Create(ctx, upload.NewAsset{ID: "holiday", Name: "holiday.mp4"}, strings.NewReader("a video"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Status)
	end, err := events.WaitTerminal(ctx, a.ID)
	fmt.Println(end.Status, end.Playlist, end.Duration, err)
	// Output:
	// READY
	// COMPLETE media/holiday/master.m3u8 12s <nil>
}

// One handler has all routes; it goes on whatever router is there.
func ExampleNewHandler() {
	ctx := context.Background()
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer store.Close()
	fake := encodertest.NewFake(store, nil)
	done := make(chan progress.Event, 1)
	vod, err := upload.New(store, fake, fake, &upload.Options{Sink: progress.SinkFunc(func(_ context.Context, e progress.Event) {
		if e.Status.Terminal() {
			done <- e
		}
	})})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := vod.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer vod.Shutdown(ctx)

	assets := upload.NewHandler(vod, nil)
	mux := http.NewServeMux()
	mux.Handle("/assets", assets)
	mux.Handle("/assets/", assets)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/assets?id=holiday&name=holiday.mp4", strings.NewReader("a video")))
	fmt.Println(w.Code, w.Header().Get("Location"))
	fmt.Println((<-done).Status)

	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/assets?id=holiday", strings.NewReader("another")))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 202 /assets/holiday
	// COMPLETE
	// 409 {"error":{"code":"exists","message":"There is an asset with this id already. Choose another id, or delete that one first."}}
}
