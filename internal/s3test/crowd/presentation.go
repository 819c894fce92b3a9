// Package crowd sends a crowd of viewers to one presentation and counts what that costs
// the bucket.
package crowd

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// Presentation is a published presentation and all of its bytes.
type Presentation struct {
	Master  string // key of the multivariant playlist
	Objects map[string][]byte
}

const segments = 6

// Publish puts a presentation of three renditions and a sound under media/<asset> into the
// store. A segment of the best rendition has size bytes. Its media is noise: nobody decodes
// it.
func Publish(ctx context.Context, store storage.Store, asset string, size int) (*Presentation, error) {
	rate := hls.Rational{Num: 30, Den: 1}
	plan := hls.Presentation{
		SegmentDuration: hls.Rational{Num: 6, Den: 1},
		Tracks: []hls.Track{
			{ID: "v1080", Kind: hls.Video, Width: 1920, Height: 1080, FrameRate: rate, PeakBandwidth: 6_000_000, AverageBandwidth: 5_000_000},
			{ID: "v720", Kind: hls.Video, Width: 1280, Height: 720, FrameRate: rate, PeakBandwidth: 3_000_000, AverageBandwidth: 2_400_000},
			{ID: "v360", Kind: hls.Video, Width: 640, Height: 360, FrameRate: rate, PeakBandwidth: 900_000, AverageBandwidth: 700_000},
			{ID: "audio", Kind: hls.Audio, Language: "en", Name: "English", Default: true, Channels: 2, PeakBandwidth: 140_000, AverageBandwidth: 128_000},
		},
	}
	prefix := path.Join("media", asset)
	pub, err := hls.NewPublisher(store, prefix, "1", plan, nil)
	if err != nil {
		return nil, err
	}
	noise := rand.NewChaCha8([32]byte{1})
	put := func(key string, n int) error {
		b := make([]byte, n)
		_, _ = noise.Read(b)
		_, err := store.Put(ctx, path.Join(prefix, "1", key), bytes.NewReader(b), nil)
		return err
	}
	for _, t := range plan.Tracks {
		u := hls.Init{Track: t.ID, Key: t.ID + "/init-0f.mp4", Size: 800, Timescale: timescale(t), Codecs: codecs(t)}
		if err := put(u.Key, 800); err != nil {
			return nil, err
		}
		if err := pub.Init(ctx, u); err != nil {
			return nil, err
		}
	}
	for number := range segments {
		for _, t := range plan.Tracks {
			u := hls.Segment{
				Track: t.ID, Number: number, Key: fmt.Sprintf("%s/%d-0f.m4s", t.ID, number),
				Size: int64(size) * t.AverageBandwidth / 5_000_000, Start: int64(number) * 6 * int64(timescale(t)), Duration: 6 * int64(timescale(t)),
			}
			if err := put(u.Key, int(u.Size)); err != nil {
				return nil, err
			}
			if err := pub.Segment(ctx, u); err != nil {
				return nil, err
			}
		}
	}
	if err := pub.Finish(ctx); err != nil {
		return nil, err
	}
	return load(ctx, store, path.Join(prefix, hls.MasterName))
}

func timescale(t hls.Track) uint32 {
	if t.Kind == hls.Audio {
		return 48000
	}
	return 30
}

func codecs(t hls.Track) string {
	if t.Kind == hls.Audio {
		return "mp4a.40.2"
	}
	return "avc1.640028"
}

// load reads all that can be reached from the multivariant playlist.
func load(ctx context.Context, store storage.Store, master string) (*Presentation, error) {
	p := &Presentation{Master: master, Objects: map[string][]byte{}}
	for queue := []string{master}; len(queue) > 0; queue = queue[1:] {
		key := queue[0]
		if p.Objects[key] != nil {
			continue
		}
		obj, err := store.Open(ctx, key, nil)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(obj)
		_ = obj.Close()
		if err != nil {
			return nil, err
		}
		p.Objects[key] = b.Bytes()
		if path.Ext(key) == ".m3u8" {
			queue = append(queue, refs(key, b.Bytes())...)
		}
	}
	return p, nil
}
