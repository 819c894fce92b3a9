package pack_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// FuzzPack feeds streams of anyone's making: an error is one of the typed ones, what
// is emitted is in the store, segments have no holes and memory stays bounded.
func FuzzPack(f *testing.F) {
	v, a := fixture(f, "video.mp4"), fixture(f, "audio.mp4")
	f.Add(v, true)
	f.Add(a, false)
	f.Add(v[:len(v)-100], true)
	f.Add(upTo(a, "mdat", 3), false)
	f.Add(edit(v, "tfdt", 2, 4, 0xff), true)
	f.Add(edit(v, "trun", 1, 4, 0xff, 0xff), true)
	f.Add(edit(a, "elst", 1, 12, 0xff, 0xff), false)
	f.Add(edit(v, "avcC", 1, 4, 0xff, 0xff), true)
	f.Fuzz(func(t *testing.T, stream []byte, video bool) {
		kind, grid := hls.Audio, audioGrid
		if video {
			kind, grid = hls.Video, videoGrid
		}
		p, err := run(t, context.Background(), kind, grid, bytes.NewReader(stream), &pack.Options{MaxSegment: 1 << 20})
		if err == nil {
			if len(p.segments) == 0 || p.summary.Segments != len(p.segments) {
				t.Fatalf("%d segments, %d in the summary, and no error", len(p.segments), p.summary.Segments)
			}
			if p.init.Timescale == 0 || p.init.Codecs == "" {
				t.Fatalf("%+v", p.init)
			}
			next := p.segments[0].Start
			for _, seg := range p.segments {
				if seg.Start != next || seg.Duration <= 0 || seg.Size <= 0 || seg.Size > 2<<20 {
					t.Fatalf("%+v, where %d was next", seg, next)
				}
				next += seg.Duration
			}
			return
		}
		for _, want := range []error{
			pack.ErrTruncated, pack.ErrNoFragments, pack.ErrMalformed, pack.ErrUnsupported,
			pack.ErrTooLarge, pack.ErrNotSync, pack.ErrDiscontinuity, pack.ErrOffGrid,
		} {
			if errors.Is(err, want) {
				return
			}
		}
		t.Fatalf("an error without a type: %v", err)
	})
}
