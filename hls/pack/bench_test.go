package pack_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

// BenchmarkPack packs a minute of video, and of audio in a fragment per frame.
func BenchmarkPack(b *testing.B) {
	streams := map[hls.Kind][]byte{
		hls.Video: video(b, "25", "1500", "50", "-b:v", "5M", "-minrate", "5M", "-maxrate", "5M", "-bufsize", "5M", "-nal-hrd", "cbr"),
		hls.Audio: audio(b, "48000", "60"),
	}
	grid := pack.Grid{Segment: hls.Rational{Num: 6, Den: 1}}
	for kind, stream := range streams {
		b.Run(string(kind), func(b *testing.B) {
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := pack.Pack(context.Background(), memstore.New(), "out", hls.Track{ID: "t", Kind: kind}, grid,
					bytes.NewReader(stream), func(pack.Event) error { return nil }, nil)
				require.NoError(b, err)
			}
		})
	}
}
