package pack_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// packed is a stream after Pack.
type packed struct {
	store    *memstore.Store
	summary  pack.Summary
	init     hls.Init
	segments []hls.Segment
}

// bytes returns the init segment and the media segments, one after the other.
func (p *packed) bytes() []byte {
	b := slices.Clone(p.store.Get("out/" + p.init.Key))
	for _, s := range p.segments {
		b = append(b, p.store.Get("out/"+s.Key)...)
	}
	return b
}

// run packs the stream and checks what holds for every stream: the init segment is
// first, segments are numbered without a hole, and each is in the store at its size.
func run(t testing.TB, ctx context.Context, kind hls.Kind, grid pack.Grid, r io.Reader, opts *pack.Options) (*packed, error) {
	t.Helper()
	p := &packed{store: memstore.New()}
	track := hls.Track{ID: "t", Kind: kind}
	var err error
	p.summary, err = pack.Pack(ctx, p.store, "out", track, grid, r, func(e pack.Event) error {
		if e.Init != nil {
			require.Nil(t, e.Segment)
			require.Empty(t, p.init.Key)
			p.init = *e.Init
			require.Len(t, p.store.Get("out/"+e.Init.Key), int(e.Init.Size))
			return nil
		}
		require.NotEmpty(t, p.init.Key)
		require.Equal(t, grid.First+len(p.segments), e.Segment.Number)
		require.Len(t, p.store.Get("out/"+e.Segment.Key), int(e.Segment.Size))
		p.segments = append(p.segments, *e.Segment)
		return nil
	}, opts)
	return p, err
}

func must(t testing.TB, kind hls.Kind, grid pack.Grid, stream []byte) *packed {
	t.Helper()
	p, err := run(t, context.Background(), kind, grid, bytes.NewReader(stream), nil)
	require.NoError(t, err)
	return p
}
