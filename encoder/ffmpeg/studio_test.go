package ffmpeg_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/storage"
)

// studio is one encoder for many tests, of which two run at once.
type studio struct {
	store storage.Store
	ff    *ffmpeg.Encoder
	slots chan struct{}
	count atomic.Int64
}

func newStudio(t *testing.T) *studio {
	t.Helper()
	store := fileStore(t)
	return &studio{store: store, ff: fast(store), slots: make(chan struct{}, 2)}
}

// enter makes the test one of those that run beside others, and waits for its turn.
func (s *studio) enter(t *testing.T) {
	t.Helper()
	t.Parallel()
	s.slots <- struct{}{}
	t.Cleanup(func() { <-s.slots })
}

// plan stores the file and plans all of it, encoded, with nothing below the best rendition.
func (s *studio) plan(t *testing.T, path string, opts encoder.PlanOptions) encoder.Job {
	t.Helper()
	id := fmt.Sprint(s.count.Add(1))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	info, err := s.store.Put(t.Context(), "sources/"+id, f, nil)
	require.NoError(t, err)
	src := encoder.Source{Parts: []encoder.Part{{Key: info.Key, Size: info.Size, ETag: info.ETag}}}
	m, err := s.ff.Probe(t.Context(), src)
	require.NoError(t, err)
	opts.MaxRenditions, opts.Copy = 1, encoder.CopyNever
	grid, tracks, err := encoder.Plan(m, &opts)
	require.NoError(t, err)
	return encoder.Job{Version: encoder.JobVersion, ID: id, Output: "media/" + id + "/1", Source: src, Media: m, Grid: grid, Tracks: tracks}
}
