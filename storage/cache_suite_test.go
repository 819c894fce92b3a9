package storage_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/storagetest"
)

func TestCacheSuite(t *testing.T) {
	for name, opts := range map[string]*storage.CacheOptions{
		"defaults": nil,
		"tiny":     {MaxBytes: 64 << 10, MaxObject: 32 << 10, Revalidate: -1, MaxAge: -1, MissTTL: -1},
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storage.Store { return newCache(t, newOrigin(), opts) }, storagetest.LargeSize(1<<20))
		})
	}
	t.Run("memory", func(t *testing.T) {
		storagetest.Run(t, func(t *testing.T) storage.Store { return newCache(t, memory(t), nil) }, storagetest.LargeSize(1<<20))
	})
	t.Run("folder", func(t *testing.T) {
		storagetest.Run(t, func(t *testing.T) storage.Store {
			s, err := blobstore.OpenFile(t.TempDir(), nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return newCache(t, s, nil)
		}, storagetest.FolderKeys(), storagetest.DerivedContentTypes(), storagetest.LargeSize(1<<20))
	})
}

// Where the store has files they pass through as they are.
func TestCacheOfFolder(t *testing.T) {
	s, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	defer s.Close()
	counted := &counting{Store: s}
	c := newCache(t, counted, nil)
	put(t, s, "x", "the bytes")
	for range 5 {
		obj, err := c.Open(t.Context(), "x", &storage.OpenOptions{Offset: 4})
		require.NoError(t, err)
		f, ok := storage.File(obj)
		require.True(t, ok)
		_, known := storage.CacheHit(obj)
		assert.False(t, known)
		b, err := io.ReadAll(obj)
		require.NoError(t, err)
		assert.Equal(t, "bytes", string(b))
		require.NoError(t, obj.Close())
		_, err = f.Stat()
		assert.Error(t, err, "it is closed with the object")
	}
	assert.Equal(t, 6, counted.opens, "one to find out")
	require.NoError(t, s.Delete(t.Context(), "x"))
	_, err = c.Stat(t.Context(), "x")
	require.ErrorIs(t, err, storage.ErrNotExist)
	stats := c.Stats()
	assert.EqualValues(t, 5, stats.PassedLocal)
	assert.Zero(t, stats.Bytes)
}

type counting struct {
	storage.Store
	opens int
}

func (c *counting) Open(ctx context.Context, key string, o *storage.OpenOptions) (*storage.Object, error) {
	c.opens++
	return c.Store.Open(ctx, key, o)
}

func TestCacheForwards(t *testing.T) {
	s := &signer{Store: memory(t)}
	c := newCache(t, s, nil)
	url, err := storage.SignedURL(t.Context(), c, "b", nil)
	require.NoError(t, err)
	assert.Equal(t, "https://example.com/b", url)
	_, err = storage.Free(t.Context(), c)
	require.ErrorContains(t, err, "unsupported")
	_, err = storage.SweepTemporary(t.Context(), c, "", 0)
	require.ErrorContains(t, err, "unsupported")

	dir, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	defer dir.Close()
	c = newCache(t, dir, nil)
	free, freeErr := storage.Free(t.Context(), c)
	want, wantErr := storage.Free(t.Context(), dir)
	assert.Equal(t, wantErr == nil, freeErr == nil)
	assert.InDelta(t, want, free, 1<<30)
	_, err = storage.SweepTemporary(t.Context(), c, "", 0)
	assert.NoError(t, err)
}
