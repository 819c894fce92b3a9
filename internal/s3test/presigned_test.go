package s3test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/s3test/crowd"
	"github.com/vodkit/vodkit/storage"
)

// With pre-signed URLs players fetch media from the bucket itself, which says what they
// are; playlists come from the service, and nothing is redirected.
func TestPresignedMedia(t *testing.T) {
	store, bucket := open(t, nil)
	p, err := crowd.Publish(t.Context(), store, "42", 2000)
	require.NoError(t, err)
	signed, err := hls.PresignedURLs(store)
	require.NoError(t, err)
	srv := httptest.NewServer(http.StripPrefix("/media", hls.NewHandler(store, &hls.HandlerOptions{MediaURL: signed})))
	defer srv.Close()
	plain := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(target string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		require.NoError(t, err)
		resp, err := plain.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(body)
	}
	seen := 0
	playlists := []string{srv.URL + "/" + p.Master}
	for len(playlists) > 0 {
		list := playlists[0]
		playlists = playlists[1:]
		resp, text := get(list)
		require.Equal(t, 200, resp.StatusCode, list)
		for _, uri := range hls.URIs([]byte(text)) {
			base, err := url.Parse(list)
			require.NoError(t, err)
			target, err := base.Parse(uri)
			require.NoError(t, err)
			if strings.HasSuffix(target.Path, ".m3u8") {
				playlists = append(playlists, target.String())
				continue
			}
			assert.True(t, strings.HasPrefix(target.Path, "/"+bucket+"/media/42/"), uri)
			assert.NotEmpty(t, target.Query().Get("X-Amz-Signature"))
			resp, body := get(target.String())
			require.Equal(t, 200, resp.StatusCode, body)
			key := strings.TrimPrefix(target.Path, "/"+bucket+"/")
			assert.Equal(t, storage.ContentType(key), resp.Header.Get("Content-Type"), key)
			obj, err := store.Open(t.Context(), key, nil)
			require.NoError(t, err)
			want, err := io.ReadAll(obj)
			require.NoError(t, err)
			require.NoError(t, obj.Close())
			assert.True(t, string(want) == body, key)
			seen++
			unsigned := *target
			unsigned.RawQuery = ""
			resp, _ = get(unsigned.String())
			assert.Equal(t, http.StatusForbidden, resp.StatusCode, path.Base(key))
		}
	}
	assert.Greater(t, seen, 10)
}
