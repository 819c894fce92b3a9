package hls_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func TestPutMaster(t *testing.T) {
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	store := blobstore.New(bucket, nil)
	for _, text := range []string{"#EXTM3U\n", "#EXTM3U\n#EXT-X-VERSION:7\n"} {
		require.NoError(t, hls.PutMaster(t.Context(), store, "media/42", []byte(text)))
		obj, err := store.Open(t.Context(), "media/42/master.m3u8", nil)
		require.NoError(t, err)
		body, err := io.ReadAll(obj)
		require.NoError(t, err)
		require.NoError(t, obj.Close())
		assert.Equal(t, text, string(body))
		assert.Equal(t, "application/vnd.apple.mpegurl", obj.ContentType)
		attrs, err := bucket.Attributes(t.Context(), "media/42/master.m3u8")
		require.NoError(t, err)
		assert.Equal(t, "public, max-age=1", attrs.CacheControl)
	}
	require.ErrorIs(t, hls.PutMaster(t.Context(), store, "../x", nil), storage.ErrInvalidKey)
}
