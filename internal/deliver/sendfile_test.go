package deliver_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// Files of all sizes arrive as they are, whole and in part, also those that are sent in pieces.
func TestServeFileSizes(t *testing.T) {
	dir := t.TempDir()
	store, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	defer store.Close()
	data := make([]byte, 3<<20)
	_, err = rand.NewChaCha8([32]byte{1}).Read(data)
	require.NoError(t, err)
	for _, size := range []int{1, 64 << 10, 512<<10 - 1, 512 << 10, 1_500_000, 2 << 20, 2<<20 + 1, 3 << 20} {
		_, err := store.Put(t.Context(), "film.mp4", bytes.NewReader(data[:size]), nil)
		require.NoError(t, err)
		srv := serve(&at{store: store, key: "film.mp4"})
		_, got, err := get(t, srv)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(data[:size], got), "%d bytes", size)
		from := size / 3
		resp, got, err := get(t, srv, "Range", fmt.Sprintf("bytes=%d-", from))
		require.NoError(t, err)
		assert.Equal(t, http.StatusPartialContent, resp.StatusCode)
		assert.True(t, bytes.Equal(data[from:size], got), "from %d of %d bytes", from, size)
		srv.Close()
	}
	// A file that somebody cuts while it is served ends early, and the client knows.
	_, err = store.Put(t.Context(), "film.mp4", bytes.NewReader(data[:1_000_000]), nil)
	require.NoError(t, err)
	res := &at{store: store, key: "film.mp4"}
	obj, err := res.Open(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(filepath.Join(dir, "film.mp4"), 700_000))
	srv := serve(opened{res, obj})
	defer srv.Close()
	_, got, err := get(t, srv)
	require.Error(t, err)
	assert.True(t, bytes.Equal(data[:len(got)], got))
}

// opened is a Resource that was opened before.
type opened struct {
	*at
	obj *storage.Object
}

func (o opened) Open(context.Context, *storage.OpenOptions) (*storage.Object, error) {
	return o.obj, nil
}
