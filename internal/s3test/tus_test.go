package s3test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/internal/s3test/gateway"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/tus"
)

// A resumable upload to a bucket: small bodies that are put together, one that breaks off,
// and large parts.
func TestTus(t *testing.T) {
	store, _ := open(t, &blobstore.Options{ETag: gateway.ETag})
	fake := encodertest.NewFake(store, nil)
	vod, err := upload.New(store, fake, fake, nil)
	require.NoError(t, err)
	require.NoError(t, vod.Start(t.Context()))
	defer func() { assert.NoError(t, vod.Shutdown(context.WithoutCancel(t.Context()))) }()
	h, err := tus.New(vod, store, nil)
	require.NoError(t, err)
	server := httptest.NewServer(h)
	defer server.Close()
	do := func(method, path string, body io.Reader, head map[string]string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, body)
		require.NoError(t, err)
		req.Header.Set("Tus-Resumable", "1.0.0")
		for name, value := range head {
			req.Header.Set(name, value)
		}
		res, err := server.Client().Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		return res, err
	}
	film := bytes.Repeat([]byte("a film of 20 bytes, "), 1<<20)
	res, err := do("POST", "/uploads", nil, map[string]string{"Upload-Length": strconv.Itoa(len(film))})
	require.NoError(t, err)
	require.Equal(t, 201, res.StatusCode)
	path := res.Header.Get("Location")
	patch := func(at int, body io.Reader) (*http.Response, error) {
		return do("PATCH", path, body, map[string]string{"Upload-Offset": strconv.Itoa(at), "Content-Type": "application/offset+octet-stream"})
	}
	at := 0
	for _, n := range []int{1000, 2000} {
		res, err := patch(at, bytes.NewReader(film[at:at+n]))
		require.NoError(t, err)
		require.Equal(t, 204, res.StatusCode)
		at += n
	}
	_, _ = patch(at, io.MultiReader(bytes.NewReader(film[at:at+6<<20]), broken{})) // the client gives up
	at += 6 << 20
	require.Eventually(t, func() bool {
		res, err := do("HEAD", path, nil, nil)
		return err == nil && res.Header.Get("Upload-Offset") == strconv.Itoa(at)
	}, 20*time.Second, 50*time.Millisecond, "what came is there")
	res, err = patch(at, bytes.NewReader(film[at:]))
	require.NoError(t, err)
	require.Equal(t, 204, res.StatusCode)

	a, err := vod.Get(t.Context(), res.Header.Get(tus.AssetHeader))
	require.NoError(t, err)
	var all bytes.Buffer
	for _, part := range a.Source.Parts {
		obj, err := store.Open(t.Context(), part.Key, nil)
		require.NoError(t, err)
		_, err = all.ReadFrom(obj)
		require.NoError(t, err)
		require.NoError(t, obj.Close())
	}
	assert.True(t, bytes.Equal(film, all.Bytes()), "the bytes")
}

type broken struct{}

func (broken) Read([]byte) (int, error) {
	time.Sleep(200 * time.Millisecond) // what was sent before arrives
	return 0, fmt.Errorf("the client goes away")
}
