package hls_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage/blobstore"
	"gocloud.dev/blob/memblob"
)

// An encoder's output becomes a presentation as it is made.
func ExampleNewPublisher() {
	ctx := context.Background()
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	store := blobstore.New(bucket, nil)

	plan := hls.Presentation{
		SegmentDuration: hls.Rational{Num: 6, Den: 1},
		Tracks: []hls.Track{{
			ID: "v360", Kind: hls.Video, Width: 640, Height: 360,
			FrameRate: hls.Rational{Num: 25, Den: 1}, PeakBandwidth: 900_000,
		}},
	}
	p, err := hls.NewPublisher(store, "media/42", "a1", plan, nil)
	if err != nil {
		log.Fatal(err)
	}
	// The media objects are in the Store before the Publisher hears of them.
	if err := p.Init(ctx, hls.Init{Track: "v360", Key: "v360/init-5e.mp4", Size: 800, Timescale: 25, Codecs: "avc1.64001e"}); err != nil {
		log.Fatal(err)
	}
	for n := range 2 {
		err := p.Segment(ctx, hls.Segment{
			Track: "v360", Number: n, Key: fmt.Sprintf("v360/%d-c0.m4s", n), Size: 500_000, Start: int64(n) * 150, Duration: 150,
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("playable:", p.Playable(), "up to", p.Front())
	}
	if err := p.Finish(ctx); err != nil {
		log.Fatal(err)
	}
	var text bytes.Buffer
	obj, err := store.Open(ctx, p.Playlist(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer obj.Close()
	_, _ = text.ReadFrom(obj)
	fmt.Print(text.String())
	// Output:
	// playable: true up to 6s
	// playable: true up to 12s
	// #EXTM3U
	// #EXT-X-VERSION:7
	// #EXT-X-INDEPENDENT-SEGMENTS
	// #EXT-X-STREAM-INF:BANDWIDTH=666667,AVERAGE-BANDWIDTH=666667,CODECS="avc1.64001e",RESOLUTION=640x360,FRAME-RATE=25.000,VIDEO-RANGE=SDR,CLOSED-CAPTIONS=NONE
	// a1/v360/index.m3u8
}

// The handler goes on any router; here on net/http's, behind the host's own decision
// who may watch what.
func ExampleNewHandler() {
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	store := blobstore.New(bucket, nil)

	mux := http.NewServeMux()
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, &hls.HandlerOptions{
		Authorize: func(r *http.Request, action, asset string) error {
			if c, err := r.Cookie("session"); err != nil || c.Value == "" {
				return fmt.Errorf("no session for %s of %s", action, asset)
			}
			return nil
		},
	})))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/media/42/master.m3u8", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 403 {"error":{"code":"forbidden","message":"You may not do this."}}
}

// A pattern with a wildcard needs no StripPrefix.
func ExamplePathValue() {
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	h := hls.NewHandler(blobstore.New(bucket, nil), &hls.HandlerOptions{Path: hls.PathValue("path")})

	mux := http.NewServeMux()
	mux.Handle("/watch/{path...}", h)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/watch/42/master.m3u8", nil))
	fmt.Println(w.Code)
	// Output: 404
}
