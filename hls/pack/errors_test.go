package pack_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

// Grids on which the fixtures have two and three segments.
var (
	videoGrid = pack.Grid{Segment: hls.Rational{Num: 10, Den: 25}}
	audioGrid = pack.Grid{Segment: hls.Rational{Num: 13, Den: 100}}
)

func TestFixtures(t *testing.T) {
	v := must(t, hls.Video, videoGrid, fixture(t, "video.mp4"))
	require.Len(t, v.segments, 2)
	assert.Equal(t, pack.Summary{Init: v.init, Segments: 2, Samples: 20, Start: 0, End: 20,
		Bytes: v.init.Size + v.segments[0].Size + v.segments[1].Size}, v.summary)
	a := must(t, hls.Audio, audioGrid, fixture(t, "audio.mp4"))
	require.Len(t, a.segments, 3)
	assert.EqualValues(t, 19, a.summary.Samples)
	assert.EqualValues(t, 18432, a.summary.End)
}

// Whatever byte the stream ends at, the segments that come out are those of the
// whole stream, and an end inside a fragment is an error.
func TestTruncated(t *testing.T) {
	for kind, grid := range map[hls.Kind]pack.Grid{hls.Video: videoGrid, hls.Audio: audioGrid} {
		stream := fixture(t, string(kind)+".mp4")
		whole := must(t, kind, grid, stream)
		good := map[int]bool{}
		media := 0 // end of the last mdat
		for _, b := range boxes(stream) {
			good[b.end] = b.kind != "moof"
			if b.kind == "mdat" {
				media = b.end
			}
		}
		for n := range stream {
			p, err := run(t, context.Background(), kind, grid, bytes.NewReader(stream[:n]), nil)
			switch {
			case good[n] && n > len(stream)/2:
				require.NoError(t, err, "%s at %d", kind, n)
			case n == 0 || good[n] && p.init.Key == "":
				require.ErrorIs(t, err, pack.ErrNoFragments, "%s at %d", kind, n)
			case !good[n]:
				require.ErrorIs(t, err, pack.ErrTruncated, "%s at %d", kind, n)
				var e *pack.Error
				require.ErrorAs(t, err, &e)
				require.EqualValues(t, n, e.Offset)
			}
			if n < media && len(p.segments) > 0 && err != nil {
				require.Equal(t, whole.segments[:len(p.segments)], p.segments, "%s at %d", kind, n)
			}
		}
	}
}

func TestNothingIsStoredWithoutFragments(t *testing.T) {
	for _, stream := range [][]byte{nil, upTo(fixture(t, "video.mp4"), "moov", 1)} {
		p, err := run(t, context.Background(), hls.Video, videoGrid, bytes.NewReader(stream), nil)
		require.ErrorIs(t, err, pack.ErrNoFragments)
		assert.Empty(t, p.store.Keys())
	}
}

func TestBadStreams(t *testing.T) {
	v, a := fixture(t, "video.mp4"), fixture(t, "audio.mp4")
	for _, c := range []struct {
		name   string
		kind   hls.Kind
		grid   pack.Grid
		stream []byte
		opts   *pack.Options
		want   error
	}{
		{"no MP4", hls.Video, videoGrid, []byte("#EXTM3U\n#EXT-X-VERSION:3\n"), nil, pack.ErrMalformed},
		{"audio in a video track", hls.Video, videoGrid, a, nil, pack.ErrMalformed},
		{"video in an audio track", hls.Audio, audioGrid, v, nil, pack.ErrMalformed},
		{"fragment before moov", hls.Video, videoGrid, append(upTo(v, "ftyp", 1), v[boxes(v)[2].start:]...), nil, pack.ErrMalformed},
		{"moov without ftyp", hls.Video, videoGrid, v[boxes(v)[1].start:], nil, pack.ErrMalformed},
		{"two moovs", hls.Video, videoGrid, append(upTo(v, "moov", 1), v[boxes(v)[1].start:]...), nil, pack.ErrMalformed},
		{"box without a size", hls.Video, videoGrid, append(upTo(v, "moov", 1), 0, 0, 0, 0, 'm', 'o', 'o', 'f'), nil, pack.ErrMalformed},
		{"box of 2 bytes", hls.Video, videoGrid, append(upTo(v, "moov", 1), 0, 0, 0, 2, 'm', 'o', 'o', 'f'), nil, pack.ErrMalformed},
		{"box of 2^63 bytes", hls.Video, videoGrid, append(upTo(v, "moov", 1), 0, 0, 0, 1, 'm', 'o', 'o', 'f', 0x80, 0, 0, 0, 0, 0, 0, 0), nil, pack.ErrMalformed},
		{"moof of 2^40 bytes", hls.Video, videoGrid, append(upTo(v, "moov", 1), 0, 0, 0, 1, 'm', 'o', 'o', 'f', 0, 0, 1, 0, 0, 0, 0, 0), nil, pack.ErrTooLarge},
		{"mdat without moof", hls.Video, videoGrid, append(upTo(v, "moov", 1), v[boxes(v)[3].start:]...), nil, pack.ErrMalformed},
		{"mdat of another size", hls.Video, videoGrid, edit(v, "mdat", 1, -2, 0xff), nil, pack.ErrMalformed},
		{"first sample not sync", hls.Video, videoGrid, edit(v, "trun", 1, 12, 0x01, 0x01), nil, pack.ErrNotSync},
		{"gap in decode times", hls.Video, videoGrid, edit(v, "tfdt", 2, 11, 6), nil, pack.ErrDiscontinuity},
		{"gap in decode times of audio", hls.Audio, audioGrid, edit(a, "tfdt", 2, 11, 1), nil, pack.ErrDiscontinuity},
		{"starts behind the first segment", hls.Video, videoGrid, edit(upTo(v, "mdat", 1), "tfdt", 1, 11, 10), nil, pack.ErrOffGrid},
		{"fragments longer than segments", hls.Video, pack.Grid{Segment: hls.Rational{Num: 2, Den: 25}}, v, nil, pack.ErrOffGrid},
		{"a window that starts elsewhere", hls.Video, pack.Grid{Segment: hls.Rational{Num: 10, Den: 25}, First: 1}, v, nil, pack.ErrOffGrid},
		{"no segment duration", hls.Video, pack.Grid{}, v, nil, pack.ErrOffGrid},
		{"negative first", hls.Video, pack.Grid{Segment: videoGrid.Segment, First: -1}, v, nil, pack.ErrOffGrid},
		{"offset between ticks", hls.Video, pack.Grid{Segment: videoGrid.Segment, First: 1, Offset: hls.Rational{Num: 401, Den: 1000}}, v, nil, pack.ErrOffGrid},
		{"segment over the limit", hls.Video, videoGrid, v, &pack.Options{MaxSegment: 1000}, pack.ErrTooLarge},
		{"fragment over the limit", hls.Audio, audioGrid, a, &pack.Options{MaxSegment: 10}, pack.ErrTooLarge},
		{"another track's fragment", hls.Video, videoGrid, edit(v, "tfhd", 1, 7, 9), nil, pack.ErrMalformed},
		{"unknown codec", hls.Video, videoGrid, edit(v, "avc1", 1, -4, []byte("xyz1")...), nil, pack.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NotNil(t, c.stream)
			_, err := run(t, context.Background(), c.kind, c.grid, bytes.NewReader(c.stream), c.opts)
			require.ErrorIs(t, err, c.want)
			assert.Contains(t, err.Error(), `pack track "t" at byte `)
		})
	}
}

func TestReaderFails(t *testing.T) {
	broken := errors.New("broken pipe")
	v := fixture(t, "video.mp4")
	r := io.MultiReader(bytes.NewReader(v[:len(v)-200]), iotest.ErrReader(broken))
	p, err := run(t, context.Background(), hls.Video, videoGrid, r, nil)
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, pack.ErrTruncated)
	assert.Len(t, p.segments, 1)
}

func TestByteByByte(t *testing.T) {
	v := fixture(t, "video.mp4")
	p, err := run(t, context.Background(), hls.Video, videoGrid, iotest.OneByteReader(bytes.NewReader(v)), nil)
	require.NoError(t, err)
	assert.Equal(t, must(t, hls.Video, videoGrid, v).segments, p.segments)
}

func TestStoreFails(t *testing.T) {
	full := errors.New("disk full")
	store := memstore.New()
	store.Fail(full)
	_, err := pack.Pack(context.Background(), store, "out", hls.Track{ID: "t", Kind: hls.Video}, videoGrid,
		bytes.NewReader(fixture(t, "video.mp4")), func(pack.Event) error {
			t.Error("emitted what is not in the store")
			return nil
		}, nil)
	require.ErrorIs(t, err, full)
}

func TestEmitFails(t *testing.T) {
	stop := errors.New("stop")
	for n := range 3 { // at the init segment, the first and the last media segment
		events := 0
		_, err := pack.Pack(context.Background(), memstore.New(), "out", hls.Track{ID: "t", Kind: hls.Video}, videoGrid,
			bytes.NewReader(fixture(t, "video.mp4")), func(pack.Event) error {
				if events++; events > n {
					return stop
				}
				return nil
			}, nil)
		require.ErrorIs(t, err, stop)
		assert.Equal(t, n+1, events)
	}
}

// An encoder that is cancelled ends its stream anywhere, between two fragments too,
// which looks like a good end. What was emitted before is all that there is.
func TestCancelled(t *testing.T) {
	v := fixture(t, "video.mp4")
	for name, rest := range map[string]error{"broken": io.ErrClosedPipe, "good end": io.EOF} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			emitted := make(chan struct{})
			stream := io.MultiReader(bytes.NewReader(upTo(v, "mdat", 3)), readerFunc(func([]byte) (int, error) {
				<-emitted
				cancel()
				return 0, rest
			}))
			segments := 0
			_, err := pack.Pack(ctx, memstore.New(), "out", hls.Track{ID: "t", Kind: hls.Video}, videoGrid, stream, func(e pack.Event) error {
				if e.Segment != nil {
					segments++
					close(emitted)
				}
				return nil
			}, nil)
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, 1, segments)
		})
	}
}

// While a segment is being put the stream is read on.
func TestReadsOnDuringPut(t *testing.T) {
	v := fixture(t, "video.mp4")
	ended := make(chan struct{})
	stream := io.MultiReader(bytes.NewReader(upTo(v, "mdat", 3)), readerFunc(func([]byte) (int, error) {
		close(ended)
		return 0, io.EOF
	}))
	segments := 0
	_, err := pack.Pack(context.Background(), memstore.New(), "out", hls.Track{ID: "t", Kind: hls.Video}, videoGrid, stream, func(e pack.Event) error {
		if e.Segment != nil {
			<-ended // would never come if emit held up the reading
			segments++
		}
		return nil
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, segments)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestFinish(t *testing.T) {
	crashed := errors.New("exit status 139")
	asked := 0
	p, err := run(t, context.Background(), hls.Video, videoGrid, bytes.NewReader(upTo(fixture(t, "video.mp4"), "mdat", 3)), &pack.Options{
		CacheControl: "no-cache",
		Finish: func(context.Context) error {
			asked++
			return crashed
		},
	})
	require.ErrorIs(t, err, crashed)
	assert.Equal(t, 1, asked)
	assert.Len(t, p.segments, 1)
	assert.Equal(t, "no-cache", p.store.Options()["out/"+p.segments[0].Key].CacheControl)
}
