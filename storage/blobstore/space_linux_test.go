package blobstore_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/smalldisk"
	"github.com/vodkit/vodkit/storage"
)

func TestFullFolder(t *testing.T) {
	for name, options := range map[string]string{"no bytes": "size=1m", "no files": "nr_inodes=6"} {
		t.Run(name, func(t *testing.T) {
			dir := smalldisk.Mount(t, options)
			s := folder(t, dir, nil)
			before := put(t, s, "a/b", strings.Repeat("x", 4096))
			was := tree(t, dir)
			_, err := s.Put(t.Context(), "a/c/d/e/f", strings.NewReader(strings.Repeat("x", 2<<20)), nil)
			require.ErrorIs(t, err, storage.ErrNoSpace)
			require.ErrorIs(t, err, syscall.ENOSPC)
			assert.ErrorContains(t, err, `put "a/c/d/e/f": `)
			assert.ErrorContains(t, err, "no space left on device")
			assert.Equal(t, was, tree(t, dir), "nothing is left, no folder either")
			now, err := s.Stat(t.Context(), "a/b")
			require.NoError(t, err)
			assert.Equal(t, before.ETag, now.ETag)
			put(t, s, "a/d", "there is still room for a little")
		})
	}
}

func TestFree(t *testing.T) {
	dir := smalldisk.Mount(t, "size=1m")
	s := folder(t, dir, nil)
	free := func(s storage.Store) int64 {
		n, err := storage.Free(t.Context(), s)
		require.NoError(t, err)
		return n
	}
	assert.Equal(t, int64(1<<20), free(s))
	put(t, s, "a/b", strings.Repeat("x", 512<<10))
	assert.Equal(t, int64(512<<10), free(s))
	assert.Equal(t, int64(512<<10), free(storage.Prefix(s, "a")), "forwarded")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := storage.Free(ctx, s)
	assert.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Close())
	_, err = storage.Free(t.Context(), s)
	assert.ErrorIs(t, err, os.ErrClosed)
	for name, s := range map[string]storage.Store{"memory": memory(t), "no gauge": struct{ storage.Store }{s}} {
		_, err := storage.Free(t.Context(), s)
		assert.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
}
