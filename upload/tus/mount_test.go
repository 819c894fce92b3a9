package tus_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/upload/tus"
)

// The handler finds its way, and its Location, wherever it is mounted.
func TestMounted(t *testing.T) {
	b := newBench(t, nil)
	for name, c := range map[string]struct {
		base  string
		mount func(h http.Handler) http.Handler
		at    string
	}{
		"bare":         {"", func(h http.Handler) http.Handler { return h }, "/uploads"},
		"below":        {"/api/tus", func(h http.Handler) http.Handler { return h }, "/api/tus"},
		"StripPrefix":  {"/api/tus", func(h http.Handler) http.Handler { return http.StripPrefix("/api/tus", h) }, "/api/tus"},
		"StripPrefix2": {"", func(h http.Handler) http.Handler { return http.StripPrefix("/api", h) }, "/api/uploads"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := tus.New(b.pipeline, b.store, &tus.Options{Base: c.base})
			require.NoError(t, err)
			server := httptest.NewServer(c.mount(h))
			defer server.Close()
			at := *b
			at.t, at.server = t, server
			for _, slash := range []string{"", "/"} {
				a := at.do("POST", c.at+slash, nil, "Upload-Length", "3")
				require.Equal(t, 201, a.StatusCode, a.body)
				path := a.Header.Get("Location")
				require.True(t, strings.HasPrefix(path, c.at+"/"), path)
				assert.Equal(t, 204, at.patch(path, 0, "abc").StatusCode)
				assert.Equal(t, 3, at.offset(path+slash))
			}
		})
	}
}

// What a proxy says counts where the host asks for it.
func TestForwarded(t *testing.T) {
	for forwarded, want := range map[bool]string{false: "/uploads/", true: "https://video.example/uploads/"} {
		b := newBench(t, func(b *bench) { b.tus.Forwarded = forwarded })
		a := b.do("POST", "/uploads", nil, "Upload-Length", "3", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "video.example")
		require.Equal(t, 201, a.StatusCode, a.body)
		assert.True(t, strings.HasPrefix(a.Header.Get("Location"), want), a.Header.Get("Location"))
	}
}
