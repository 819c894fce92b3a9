package pack_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

// stills is a track of a picture every two seconds, and what its stream is.
var (
	stills = hls.Track{ID: "stills", Kind: hls.Image, Width: 32, Height: 18, Interval: hls.Rational{Num: 2, Den: 1}}
	large  = pack.Pictures{Width: 100, Height: 56}
	six    = hls.Rational{Num: 6, Den: 1}
)

// flat is a picture of one brightness, scene one with bright and dark sides.
func flat(y byte) []byte { return picture(func(int) byte { return y }) }
func scene(mean, contrast byte) []byte {
	return picture(func(x int) byte {
		if x < large.Width/2 {
			return mean - contrast
		}
		return mean + contrast
	})
}

func picture(luma func(x int) byte) []byte {
	n := large.Width * large.Height
	b := bytes.Repeat([]byte{128}, n*3/2)
	for i := range n {
		b[i] = luma(i % large.Width)
	}
	return b
}

// images packs pictures and returns the segments that were emitted.
func images(t *testing.T, store *memstore.Store, grid pack.Grid, pics pack.Pictures, stream io.Reader) ([]hls.Segment, error) {
	t.Helper()
	var out []hls.Segment
	_, err := pack.Images(t.Context(), store, "out", stills, grid, pics, stream, func(e pack.Event) error {
		require.Nil(t, e.Init)
		out = append(out, *e.Segment)
		return nil
	}, nil)
	return out, err
}

func decode(t *testing.T, store *memstore.Store, key string) image.Image {
	t.Helper()
	obj, err := store.Open(t.Context(), "out/"+key, nil)
	require.NoError(t, err)
	defer obj.Close()
	img, err := jpeg.Decode(obj)
	require.NoError(t, err)
	return img
}

func TestImages(t *testing.T) {
	store := memstore.New()
	var stream []byte
	for i := range 7 {
		stream = append(stream, flat(byte(30*i))...)
	}
	pics := large
	pics.Count, pics.End = 5, 9500*time.Millisecond
	segs, err := images(t, store, pack.Grid{Segment: six}, pics, iotest.HalfReader(bytes.NewReader(stream)))
	require.NoError(t, err)
	require.Len(t, segs, 2, "the sixth and the seventh picture are too many")
	for n, s := range segs {
		assert.Equal(t, [3]int64{int64(n), int64(n) * 6000, []int64{6000, 3500}[n]}, [3]int64{int64(s.Number), s.Start, s.Duration})
		img := decode(t, store, s.Key).(*image.YCbCr)
		assert.Equal(t, image.Rect(0, 0, 32*(3-n), 18), img.Rect)
		assert.Equal(t, image.YCbCrSubsampleRatio420, img.SubsampleRatio)
		for i := range 3 - n {
			assert.InDelta(t, 30*(3*n+i), img.YCbCrAt(32*i+16, 9).Y, 2)
		}
		require.NotNil(t, s.Poster, "each is better than those before")
		assert.Equal(t, [2]int{100, 56}, [2]int{s.Poster.Width, s.Poster.Height})
		poster := decode(t, store, s.Poster.Key).(*image.YCbCr)
		assert.InDelta(t, []int{60, 120}[n], poster.YCbCrAt(50, 28).Y, 2, "the best of the segment")
	}
}

// Of a window only what may become the poster is kept: nothing behind a good one.
func TestImagesPosters(t *testing.T) {
	black, grey, dim, good, better := flat(0), flat(90), scene(22, 15), scene(100, 40), scene(120, 90)
	for name, tc := range map[string]struct {
		pictures [][]byte
		posters  []int
	}{
		"a good one first":  {[][]byte{good, black, black, better, better, better}, []int{0}},
		"black, then good":  {[][]byte{black, black, black, black, good, black, better, black, black}, []int{0, 1}},
		"ever better":       {[][]byte{black, black, black, grey, black, black, dim, black, black, good}, []int{0, 1, 2, 3}},
		"worse is not kept": {[][]byte{dim, black, black, grey, black, black, good, black, black}, []int{0, 2}},
		"all black":         {[][]byte{black, black, black, black, black, black, black}, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			segs, err := images(t, store, pack.Grid{Segment: six}, large, bytes.NewReader(bytes.Join(tc.pictures, nil)))
			require.NoError(t, err)
			var posters []int
			for _, s := range segs {
				if s.Poster != nil {
					posters = append(posters, s.Number)
				}
			}
			assert.Equal(t, tc.posters, posters)
		})
	}
}

func TestImageQuality(t *testing.T) {
	quality := func(p []byte) float64 {
		segs, err := images(t, memstore.New(), pack.Grid{Segment: six}, large, bytes.NewReader(p))
		require.NoError(t, err)
		return segs[0].Poster.Quality
	}
	assert.Zero(t, quality(flat(0)), "black")
	for name, p := range map[string][]byte{
		"near black": flat(6), "grey": flat(128), "white": flat(255), "a dark corridor": scene(9, 5), "blown out": scene(251, 4),
	} {
		q := quality(p)
		assert.Greater(t, q, 0.0, name)
		assert.Less(t, q, 0.5, name)
	}
	red := flat(80)
	for i := large.Width * large.Height; i < len(red); i++ {
		red[i] = 240
	}
	assert.Less(t, quality(red), 0.5, "one colour")
	assert.Greater(t, quality(red), quality(flat(16)))
	assert.GreaterOrEqual(t, quality(scene(90, 40)), 1.0)
	assert.GreaterOrEqual(t, quality(scene(200, 40)), 1.0)
}

// A window's segments are those of one pass, and have the same names.
func TestImagesInWindows(t *testing.T) {
	cuts := []time.Duration{5 * time.Second, 6 * time.Second, 13 * time.Second}
	for name, grid := range map[string]pack.Grid{"even": {Segment: six}, "cuts": {Segment: six, Cuts: cuts}} {
		t.Run(name, func(t *testing.T) {
			counts := []int{3, 3, 3, 1} // pictures of each segment until 20 s
			if name == "cuts" {
				counts = []int{3, 1, 4, 4}
			}
			var all [][]byte
			for n, count := range counts {
				for i := range count {
					all = append(all, scene(byte(60+20*n), byte(5+10*i)))
				}
			}
			pics := large
			pics.End, pics.Count = 20*time.Second, len(all)
			one := memstore.New()
			whole, err := images(t, one, grid, pics, bytes.NewReader(bytes.Join(all, nil)))
			require.NoError(t, err)
			require.Len(t, whole, 4)
			assert.Equal(t, int64(20_000), whole[3].Start+whole[3].Duration)

			store, at := memstore.New(), 0
			for n, count := range counts {
				grid.First = n
				pics.Count = count
				if n < 3 {
					pics.End = time.Duration(whole[n+1].Start) * time.Millisecond
				} else {
					pics.End = 20 * time.Second
				}
				part, err := images(t, store, grid, pics, bytes.NewReader(bytes.Join(all[at:at+count+min(1, len(all)-at-count)], nil)))
				require.NoError(t, err)
				at += count
				require.Len(t, part, 1)
				require.NotNil(t, part[0].Poster, "each window has one")
				part[0].Poster = whole[n].Poster
				assert.Equal(t, whole[n], part[0])
			}
		})
	}
}

func TestImagesErrors(t *testing.T) {
	store := memstore.New()
	segs, err := images(t, store, pack.Grid{Segment: six}, large, bytes.NewReader(append(bytes.Repeat(scene(90, 40), 4), 1, 2, 3)))
	require.ErrorIs(t, err, pack.ErrTruncated)
	assert.Len(t, segs, 1, "what did not arrive whole is not stored")
	_, err = images(t, store, pack.Grid{Segment: six}, pack.Pictures{Width: 30, Height: 18}, nil)
	require.ErrorIs(t, err, pack.ErrMalformed)
	_, err = images(t, store, pack.Grid{}, large, nil)
	require.ErrorIs(t, err, pack.ErrOffGrid)
	segs, err = images(t, store, pack.Grid{Segment: six}, large, bytes.NewReader(nil))
	require.NoError(t, err)
	assert.Empty(t, segs)

	// An end that is not agreed to keeps the last segment back.
	no := fmt.Errorf("killed")
	emitted := 0
	_, err = pack.Images(t.Context(), store, "out", stills, pack.Grid{Segment: six}, large, bytes.NewReader(bytes.Repeat(flat(9), 4)),
		func(pack.Event) error { emitted++; return nil }, &pack.Options{Finish: func(context.Context) error { return no }})
	require.ErrorIs(t, err, no)
	assert.Equal(t, 1, emitted)
	_, err = pack.Images(t.Context(), store, "out", stills, pack.Grid{Segment: six}, large, bytes.NewReader(bytes.Repeat(flat(9), 7)),
		func(pack.Event) error { return no }, nil)
	require.ErrorIs(t, err, no)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = pack.Images(ctx, store, "out", stills, pack.Grid{Segment: six}, large, bytes.NewReader(flat(9)), func(pack.Event) error { return nil }, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// A picture that becomes smaller keeps its brightness everywhere.
func TestImagesShrink(t *testing.T) {
	ramp := picture(func(x int) byte { return byte(40 + 2*x) })
	store := memstore.New()
	segs, err := images(t, store, pack.Grid{Segment: six}, large, bytes.NewReader(ramp))
	require.NoError(t, err)
	img := decode(t, store, segs[0].Key).(*image.YCbCr)
	for x := range 32 {
		assert.InDelta(t, 40+2*(100.0/32*(float64(x)+0.5)-0.5), img.YCbCrAt(x, 9).Y, 3, "%d", x)
	}
}
