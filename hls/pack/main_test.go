package pack_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Store that keeps objects and how they were put.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	options map[string]storage.PutOptions
	fail    error
}

var _ storage.Store = (*memory)(nil)

func newMemory() *memory {
	return &memory{objects: map[string][]byte{}, options: map[string]storage.PutOptions{}}
}

func (m *memory) get(key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[key]
}

func (m *memory) keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects))
}

func (m *memory) Open(_ context.Context, key string, _ *storage.OpenOptions) (*storage.Object, error) {
	b := m.get(key)
	if b == nil {
		return nil, storage.ErrNotExist
	}
	return &storage.Object{Info: storage.Info{Key: key, Size: int64(len(b))}, Body: io.NopCloser(bytes.NewReader(b))}, nil
}

func (m *memory) Stat(_ context.Context, key string) (storage.Info, error) {
	b := m.get(key)
	if b == nil {
		return storage.Info{}, storage.ErrNotExist
	}
	return storage.Info{Key: key, Size: int64(len(b))}, nil
}

func (m *memory) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return storage.Info{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return storage.Info{}, m.fail
	}
	m.objects[key], m.options[key] = b, *opts
	return storage.Info{Key: key, Size: int64(len(b))}, ctx.Err()
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		for _, k := range m.keys() {
			if strings.HasPrefix(k, prefix) && !yield(storage.Info{Key: k}, nil) {
				return
			}
		}
	}
}

// packed is a stream after Pack.
type packed struct {
	store    *memory
	summary  pack.Summary
	init     hls.Init
	segments []hls.Segment
}

// bytes returns the init segment and the media segments, one after the other.
func (p *packed) bytes() []byte {
	b := slices.Clone(p.store.get("out/" + p.init.Key))
	for _, s := range p.segments {
		b = append(b, p.store.get("out/"+s.Key)...)
	}
	return b
}

// run packs the stream and checks what holds for every stream: the init segment is
// first, segments are numbered without a hole, and each is in the store at its size.
func run(t testing.TB, ctx context.Context, kind hls.Kind, grid pack.Grid, r io.Reader, opts *pack.Options) (*packed, error) {
	t.Helper()
	p := &packed{store: newMemory()}
	track := hls.Track{ID: "t", Kind: kind}
	var err error
	p.summary, err = pack.Pack(ctx, p.store, "out", track, grid, r, func(e pack.Event) error {
		if e.Init != nil {
			require.Nil(t, e.Segment)
			require.Empty(t, p.init.Key)
			p.init = *e.Init
			require.Len(t, p.store.get("out/"+e.Init.Key), int(e.Init.Size))
			return nil
		}
		require.NotEmpty(t, p.init.Key)
		require.Equal(t, grid.First+len(p.segments), e.Segment.Number)
		require.Len(t, p.store.get("out/"+e.Segment.Key), int(e.Segment.Size))
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
