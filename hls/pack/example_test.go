package pack_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

func ExamplePack() {
	stream, err := os.Open("testdata/video.mp4") // or the end of ffmpeg's pipe
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()

	store := memstore.New() // any storage.Store
	track := hls.Track{ID: "v720", Kind: hls.Video}
	grid := pack.Grid{Segment: hls.Rational{Num: 10, Den: 25}} // 0.4 s
	_, err = pack.Pack(context.Background(), store, "media/42/1", track, grid, stream, func(e pack.Event) error {
		switch {
		case e.Init != nil:
			fmt.Println(e.Init.Track, e.Init.Codecs, "at", e.Init.Timescale)
		case e.Segment != nil:
			fmt.Println("segment", e.Segment.Number, "from", e.Segment.Start, "for", e.Segment.Duration)
		}
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// v720 avc1.64000a at 25
	// segment 0 from 0 for 10
	// segment 1 from 10 for 10
}
