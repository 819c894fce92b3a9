package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func TestSweepTemporary(t *testing.T) {
	dir := t.TempDir()
	s, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	defer s.Close()
	const temp = ".18c2f0a1b2c3d4e5.tmp"
	for _, name := range []string{"tenant/7/a", "tenant/7/b/c", "tenant/70/a", "other"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+temp), []byte("half"), 0o600))
	}
	tenant := storage.Prefix(storage.Prefix(s, "tenant"), "7")
	put(t, tenant, "whole", "x")
	removed, err := storage.SweepTemporary(t.Context(), tenant, "b/", 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"b/c" + temp}, removed)
	removed, err = storage.SweepTemporary(t.Context(), tenant, "", 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"a" + temp}, removed)
	assert.Equal(t, []string{"whole"}, keys(t, tenant, ""))
	removed, err = storage.SweepTemporary(t.Context(), s, "", 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"other" + temp, "tenant/70/a" + temp}, removed)

	_, err = storage.SweepTemporary(t.Context(), memory(t), "", 0)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = storage.SweepTemporary(t.Context(), struct{ storage.Store }{s}, "", 0)
	require.ErrorIs(t, err, errors.ErrUnsupported, "a decorator that does not forward it")
	_, err = storage.SweepTemporary(t.Context(), storage.Prefix(s, "../up"), "", 0)
	require.ErrorIs(t, err, storage.ErrInvalidKey)
}
