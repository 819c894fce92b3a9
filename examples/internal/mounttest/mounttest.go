// Package mounttest asks a router for the same things a player asks, to see that the
// HLS handler sits right in it.
package mounttest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "gocloud.dev/blob/memblob" // mem://

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

const (
	playlist = "#EXTM3U\n#EXT-X-VERSION:7\n"
	segment  = "0123456789"
)

// Store returns a Store in memory with a playlist and a segment of the asset "42".
func Store(t *testing.T) storage.Store {
	t.Helper()
	store, err := blobstore.Open(t.Context(), "mem://", nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	for key, body := range map[string]string{
		"media/42/master.m3u8":       playlist,
		"media/42/a1/v720/0-abc.m4s": segment,
		"sources/42/original":        "private",
	} {
		_, err := store.Put(t.Context(), key, strings.NewReader(body), nil)
		require.NoError(t, err)
	}
	return store
}

// Check asks router for media under base, such as "/media".
func Check(t *testing.T, router http.Handler, base string) {
	t.Helper()
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)

	for _, c := range []struct {
		name, method, path string
		header             http.Header
		status             int
		kind, body         string
	}{
		{"playlist", "GET", "/42/master.m3u8", nil, 200, "application/vnd.apple.mpegurl", playlist},
		{"segment", "GET", "/42/a1/v720/0-abc.m4s", nil, 200, "video/iso.segment", segment},
		{"head", "HEAD", "/42/a1/v720/0-abc.m4s", nil, 200, "video/iso.segment", ""},
		{"range", "GET", "/42/a1/v720/0-abc.m4s", http.Header{"Range": {"bytes=2-4"}}, 206, "video/iso.segment", "234"},
		{"range behind the end", "GET", "/42/a1/v720/0-abc.m4s", http.Header{"Range": {"bytes=10-"}}, 416, "application/json", "*"},
		{"preflight", "OPTIONS", "/42/master.m3u8", http.Header{"Origin": {"https://example.com"}, "Access-Control-Request-Method": {"GET"}}, 204, "", ""},
		{"missing", "GET", "/43/master.m3u8", nil, 404, "application/json", "*"},
		{"outside of media", "GET", "/..%2fsources/42/original", nil, 404, "application/json", "*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+base+c.path, nil)
			require.NoError(t, err)
			for k, v := range c.header {
				req.Header[k] = v
			}
			res, err := server.Client().Do(req)
			require.NoError(t, err)
			defer func() { assert.NoError(t, res.Body.Close()) }()
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			assert.Equal(t, c.status, res.StatusCode)
			assert.Equal(t, c.kind, strings.Split(res.Header.Get("Content-Type"), ";")[0])
			assert.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"), "players of other origins read failures too")
			if c.body != "*" {
				assert.Equal(t, c.body, string(body))
			}
		})
	}
}
