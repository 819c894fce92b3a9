package storage_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/storagetest"
)

func memory(t *testing.T) *blobstore.Store {
	t.Helper()
	s := blobstore.New(memblob.OpenBucket(nil), nil)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func put(t *testing.T, s storage.Store, key, text string) {
	t.Helper()
	info, err := s.Put(t.Context(), key, strings.NewReader(text), nil)
	require.NoError(t, err)
	require.Equal(t, key, info.Key)
}

func keys(t *testing.T, s storage.Store, prefix string) []string {
	t.Helper()
	keys := []string{}
	for info, err := range s.List(t.Context(), prefix) {
		require.NoError(t, err)
		keys = append(keys, info.Key)
	}
	return keys
}

func TestPrefixSuite(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		s := memory(t)
		put(t, s, "tenant-2/other", "not to be seen")
		put(t, s, "tenants", "not to be seen")
		return storage.Prefix(storage.Prefix(s, "tenant/"), "7")
	}, storagetest.LongestKey(storage.MaxKey-len("tenant/7/")), storagetest.LargeSize(1<<20))
}

func TestPrefixStaysInside(t *testing.T) {
	s := memory(t)
	put(t, s, "a/x", "inside")
	put(t, s, "ab/x", "outside")
	put(t, s, "x", "outside")
	a := storage.Prefix(s, "a")
	assert.Equal(t, []string{"x"}, keys(t, a, ""))
	assert.Equal(t, []string{}, keys(t, a, "../"))
	for _, key := range []string{"../x", "/x", "", "../ab/x"} {
		_, err := a.Stat(t.Context(), key)
		assert.ErrorIs(t, err, storage.ErrInvalidKey, key)
	}
	put(t, a, "y", "new")
	assert.Equal(t, []string{"a/x", "a/y"}, keys(t, s, "a/"))
	require.NoError(t, a.Delete(t.Context(), "x"))
	assert.Equal(t, []string{"a/y", "ab/x", "x"}, keys(t, s, ""))
}

func TestPrefixOfNothing(t *testing.T) {
	s := memory(t)
	assert.Same(t, s, storage.Prefix(s, ""))
	assert.Same(t, s, storage.Prefix(s, "/"))
}

func TestInvalidPrefix(t *testing.T) {
	for _, prefix := range []string{"../up", "a//b", "/abs", "a//"} {
		s := storage.Prefix(memory(t), prefix)
		_, err := s.Put(t.Context(), "x", strings.NewReader("x"), nil)
		assert.ErrorIs(t, err, storage.ErrInvalidKey, prefix)
		for _, err := range s.List(t.Context(), "") {
			assert.ErrorIs(t, err, storage.ErrInvalidKey, prefix)
		}
		_, err = storage.SignedURL(t.Context(), s, "x", nil)
		assert.ErrorIs(t, err, storage.ErrInvalidKey, prefix)
	}
}

// signer is a Store that signs, and remembers what it was asked.
type signer struct {
	storage.Store
	key  string
	opts storage.SignedURLOptions
}

func (s *signer) SignedURL(_ context.Context, key string, opts *storage.SignedURLOptions) (string, error) {
	s.key, s.opts = key, *opts
	return "https://example.com/" + key, nil
}

func TestSignedURL(t *testing.T) {
	s := &signer{Store: memory(t)}
	url, err := storage.SignedURL(t.Context(), storage.Prefix(s, "a"), "b", nil)
	require.NoError(t, err)
	assert.Equal(t, "https://example.com/a/b", url)
	assert.Equal(t, "a/b", s.key)
	assert.Equal(t, storage.SignedURLOptions{Method: http.MethodGet, Expiry: storage.DefaultExpiry}, s.opts)

	want := storage.SignedURLOptions{Method: http.MethodPut, Expiry: time.Minute, ContentType: "video/mp4"}
	_, err = storage.SignedURL(t.Context(), s, "b", &want)
	require.NoError(t, err)
	assert.Equal(t, want, s.opts)

	for _, bad := range []storage.SignedURLOptions{
		{Method: "POST"}, {Expiry: -time.Second}, {ContentType: "video/mp4"}, {Method: "DELETE", ContentType: "video/mp4"},
	} {
		_, err := storage.SignedURL(t.Context(), s, "b", &bad)
		assert.Error(t, err, "%+v", bad)
	}
	_, err = storage.SignedURL(t.Context(), struct{ storage.Store }{s}, "b", nil)
	assert.ErrorIs(t, err, errors.ErrUnsupported, "a decorator that does not forward it")
}

func TestFile(t *testing.T) {
	s, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	defer s.Close()
	a := storage.Prefix(s, "a")
	put(t, a, "x", "the bytes")
	obj, err := a.Open(t.Context(), "x", nil)
	require.NoError(t, err)
	defer obj.Close()
	f, ok := storage.File(obj)
	require.True(t, ok)
	b, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, "the bytes", string(b))

	_, ok = storage.File(&storage.Object{Body: io.NopCloser(strings.NewReader(""))})
	assert.False(t, ok)
	require.NoError(t, obj.Close())
	_, ok = storage.File(obj)
	assert.False(t, ok)
	assert.ErrorIs(t, f.Close(), os.ErrClosed)
}
