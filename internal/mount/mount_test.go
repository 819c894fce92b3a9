package mount_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/internal/mount"
)

func TestLocate(t *testing.T) {
	type handler = http.Handler
	plain := func(h handler) handler { return h }
	strip := func(prefix string) func(handler) handler {
		return func(h handler) handler { return http.StripPrefix(prefix, h) }
	}
	rewrite := func(path string) func(handler) handler {
		return func(h handler) handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.Path, r.URL.RawPath = path, ""
				h.ServeHTTP(w, r)
			})
		}
	}
	for _, c := range []struct {
		name     string
		under    func(handler) handler
		base     string
		target   string
		at, rest string
	}{
		{"path left as it is", plain, "/assets", "/assets/1/source", "/assets", "1/source"},
		{"nothing behind the base", plain, "/assets", "/assets", "/assets", ""},
		{"slash at the end", plain, "/assets", "/assets/1/", "/assets", "1"},
		{"only a slash behind the base", plain, "/assets", "/assets/", "/assets", ""},
		{"base of two elements", plain, "/api/assets", "/api/assets/1", "/api/assets", "1"},
		{"no base", plain, "", "/1/source", "", "1/source"},
		{"root and no base", plain, "", "/", "", ""},
		{"longer first element", plain, "/assets", "/assetsx/1", "", "assetsx/1"},
		{"path in the query", plain, "/assets", "/assets/1?next=/assets/2", "/assets", "1"},
		{"escaped letters", plain, "/assets", "/assets/%C3%A4", "/assets", "ä"},
		{"escaped slash", plain, "/assets", "/assets/a%2Fb", "/assets", "a/b"},

		{"all of it cut off", strip("/assets"), "/assets", "/assets/1", "/assets", "1"},
		{"all of it cut off, nothing behind", strip("/assets"), "/assets", "/assets", "/assets", ""},
		{"all of it cut off, a slash behind", strip("/assets"), "/assets", "/assets/", "/assets", ""},
		{"beginning cut off", strip("/api"), "/assets", "/api/assets/1", "/api/assets", "1"},
		{"beginning cut off, nothing behind", strip("/api"), "/assets", "/api/assets", "/api/assets", ""},
		{"other base cut off", strip("/videos"), "/assets", "/videos/1", "/videos", "1"},
		{"other base cut off, escaped", strip("/v i"), "/assets", "/v%20i/1", "/v%20i", "1"},
		{"id that reads like the base", strip("/assets"), "/assets", "/assets/assets/x", "/assets", "assets/x"},

		{"rewritten to the base", rewrite("/assets/1"), "/assets", "/watch", "/assets", "1"},
		{"rewritten to what is behind it", rewrite("/1"), "/assets", "/watch", "/assets", "1"},
		{"rewritten to nothing", rewrite(""), "/assets", "/assets", "/assets", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var at, rest string
			h := c.under(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				at, rest = mount.Locate(r, c.base)
			}))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, c.target, nil))
			assert.Equal(t, c.at, at, "where the handler is")
			assert.Equal(t, c.rest, rest, "what follows")
		})
	}
}

// A request that a test or a gateway has made itself has no RequestURI.
func TestLocateWithoutRequestURI(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/assets/1", nil)
	r.RequestURI = ""
	at, rest := mount.Locate(r, "/assets")
	assert.Equal(t, "/assets", at)
	assert.Equal(t, "1", rest)

	r.URL.Path = "/"
	at, rest = mount.Locate(r, "/assets")
	assert.Equal(t, "/assets", at)
	assert.Empty(t, rest)
}
