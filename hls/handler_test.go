package hls_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

const (
	segKey   = "media/42/a1/v720/0-0f.m4s"
	segBody  = "0123456789"
	listKey  = "media/42/a1/v720/event.m3u8"
	indexKey = "media/42/a1/v720/index.m3u8"
)

var listBody = "#EXTM3U\n" + strings.Repeat("#EXTINF:6.006,\n0-0f.m4s\n", 50)

func mediaStore() *memStore {
	s := newMemStore()
	s.put(segKey, segBody)
	s.put(listKey, listBody)
	s.put(indexKey, listBody)
	s.put("media/42/a1/empty.m4s", "")
	s.put("media/42/a1/v720/init-0f.mp4", "init")
	s.put("media/42/.hidden", "secret")
	s.put("media/42/dir/.git/config", "secret")
	s.put("sources/42/0", "secret")
	return s
}

// ask sends one request; headers are "Name: value".
func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func gunzip(t *testing.T, r io.Reader) string {
	t.Helper()
	zr, err := gzip.NewReader(r)
	require.NoError(t, err)
	b, err := io.ReadAll(zr)
	require.NoError(t, err)
	return string(b)
}

func TestHandlerMedia(t *testing.T) {
	h := hls.NewHandler(mediaStore(), nil)
	w := ask(h, "GET", "/42/a1/v720/0-0f.m4s")
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, segBody, w.Body.String())
	head := w.Header()
	assert.Equal(t, "video/iso.segment", head.Get("Content-Type"))
	assert.Equal(t, "10", head.Get("Content-Length"))
	assert.Equal(t, "public, max-age=31536000, immutable", head.Get("Cache-Control"))
	assert.Equal(t, "bytes", head.Get("Accept-Ranges"))
	assert.Equal(t, "nosniff", head.Get("X-Content-Type-Options"))
	assert.Equal(t, "*", head.Get("Access-Control-Allow-Origin"))
	assert.Contains(t, head.Get("Access-Control-Expose-Headers"), "Content-Range")
	assert.Equal(t, "Mon, 04 May 2026 03:02:01 GMT", head.Get("Last-Modified"))
	assert.Regexp(t, `^"[0-9a-f]{16}"$`, head.Get("ETag"))
	assert.Empty(t, head.Get("Vary"))
	assert.Equal(t, "video/mp4", ask(h, "GET", "/42/a1/v720/init-0f.mp4").Header().Get("Content-Type"))
}

func TestHandlerRanges(t *testing.T) {
	s := mediaStore()
	h := hls.NewHandler(s, nil)
	for _, c := range []struct {
		header string
		code   int
		crange string
		body   string
	}{
		{"bytes=0-3", 206, "bytes 0-3/10", "0123"},
		{"bytes=4-", 206, "bytes 4-9/10", "456789"},
		{"BYTES=9-9", 206, "bytes 9-9/10", "9"},
		{"bytes=5-99", 206, "bytes 5-9/10", "56789"},
		{"bytes=5-99999999999999999999999", 206, "bytes 5-9/10", "56789"},
		{"bytes=-3", 206, "bytes 7-9/10", "789"},
		{"bytes=-99", 206, "bytes 0-9/10", segBody},
		{"bytes=0-", 206, "bytes 0-9/10", segBody},
		{"bytes=10-", 416, "bytes */10", ""},
		{"bytes=10-12", 416, "bytes */10", ""},
		{"bytes=9223372036854775806-9223372036854775807", 416, "bytes */10", ""},
		{"bytes=99999999999999999999999-", 416, "bytes */10", ""},
		{"bytes=-0", 416, "bytes */10", ""},
		{"bytes=0-1,99-", 206, "bytes 0-1/10", "01"},
		{"bytes=0-7,1-8", 200, "", segBody},
		{"bytes=0-1,4-x", 200, "", segBody},
		{"bytes=10-,-0", 416, "bytes */10", ""},
		{"bytes=" + strings.Repeat("1-1,", 16) + "1-1", 200, "", segBody},
		{"bytes=5-2", 200, "", segBody},
		{"bytes=+1-2", 200, "", segBody},
		{"bytes=--2", 200, "", segBody},
		{"bytes=a-b", 200, "", segBody},
		{"bytes", 200, "", segBody},
		{"lines=0-3", 200, "", segBody},
		{"bytes=-", 200, "", segBody},
	} {
		w := ask(h, "GET", "/42/a1/v720/0-0f.m4s", "Range: "+c.header)
		assert.Equal(t, c.code, w.Code, c.header)
		assert.Equal(t, c.crange, w.Header().Get("Content-Range"), c.header)
		assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
		if c.code == 416 {
			assertProblem(t, w, "range_not_satisfiable")
			continue
		}
		assert.Equal(t, c.body, w.Body.String(), c.header)
		assert.Equal(t, fmt.Sprint(len(c.body)), w.Header().Get("Content-Length"))
	}
	w := ask(h, "GET", "/42/a1/empty.m4s", "Range: bytes=0-")
	assert.Equal(t, 416, w.Code)
	assert.Equal(t, "bytes */0", w.Header().Get("Content-Range"))
	w = ask(h, "HEAD", "/42/a1/v720/0-0f.m4s", "Range: bytes=0-3")
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "10", w.Header().Get("Content-Length"))
}

func TestHandlerReadsOnceAndNoMore(t *testing.T) {
	s := mediaStore()
	h := hls.NewHandler(s, nil)
	ask(h, "GET", "/42/a1/v720/0-0f.m4s", "Range: bytes=2-4")
	assert.Equal(t, []string{"open " + segKey}, s.ops)
	assert.Equal(t, storage.OpenOptions{Offset: 2, Length: 3}, s.opened[0])
	assert.EqualValues(t, 3, s.read)

	s.ops, s.read = nil, 0
	w := ask(h, "HEAD", "/42/a1/v720/0-0f.m4s")
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "10", w.Header().Get("Content-Length"))
	assert.Empty(t, w.Body.String())
	ask(h, "GET", "/42/a1/v720/0-0f.m4s", "If-None-Match: "+w.Header().Get("ETag"))
	assert.Equal(t, []string{"stat " + segKey, "stat " + segKey}, s.ops)
	assert.Zero(t, s.read)

	s.ops, s.opened = nil, nil
	ask(h, "GET", "/42/a1/v720/0-0f.m4s", "Range: bytes=-3")
	assert.Equal(t, []string{"stat " + segKey, "open " + segKey}, s.ops)
	assert.Equal(t, []storage.OpenOptions{{Offset: 7, Length: 3, IfMatch: strings.Trim(w.Header().Get("ETag"), `"`)}}, s.opened)
	assert.EqualValues(t, 3, s.read)
}

func TestHandlerConditions(t *testing.T) {
	h := hls.NewHandler(mediaStore(), nil)
	const seg = "/42/a1/v720/0-0f.m4s"
	tag := ask(h, "HEAD", seg).Header().Get("ETag")
	const (
		same   = "Mon, 04 May 2026 03:02:01 GMT"
		before = "Mon, 04 May 2026 03:02:00 GMT"
	)
	for _, c := range []struct {
		code    int
		headers []string
	}{
		{304, []string{"If-None-Match: " + tag}},
		{304, []string{"If-None-Match: W/" + tag}},
		{304, []string{"If-None-Match: *"}},
		{304, []string{`If-None-Match: "x, y", W/"z" ,` + tag}},
		{304, []string{`If-None-Match: "x"`, "If-None-Match: " + tag}},
		{200, []string{`If-None-Match: "x"`}},
		{200, []string{`If-None-Match: "x`}},
		{200, []string{"If-None-Match: " + strings.Trim(tag, `"`)}},
		{200, []string{`If-None-Match: "x"`, "If-Modified-Since: " + same}},
		{304, []string{"If-Modified-Since: " + same}},
		{200, []string{"If-Modified-Since: " + before}},
		{200, []string{"If-Modified-Since: yesterday"}},
		{200, []string{"If-Match: " + tag}},
		{200, []string{"If-Match: *"}},
		{412, []string{"If-Match: W/" + tag}},
		{412, []string{`If-Match: "x"`}},
		{412, []string{`If-Match: "x"`, "If-None-Match: " + tag}},
		{200, []string{"If-Unmodified-Since: " + same}},
		{412, []string{"If-Unmodified-Since: " + before}},
		{200, []string{"If-Match: " + tag, "If-Unmodified-Since: " + before}},
		{206, []string{"Range: bytes=0-1", "If-Range: " + tag}},
		{206, []string{"Range: bytes=-1", "If-Range: " + same}},
		{200, []string{"Range: bytes=0-1", "If-Range: W/" + tag}},
		{200, []string{"Range: bytes=0-1", `If-Range: "x"`}},
		{200, []string{"Range: bytes=0-1", "If-Range: " + before}},
		{200, []string{"Range: bytes=99-", `If-Range: "x"`}},
		{416, []string{"Range: bytes=99-", "If-Range: " + tag}},
		{304, []string{"Range: bytes=0-1", "If-None-Match: " + tag}},
		{412, []string{"Range: bytes=0-1", `If-Match: "x"`}},
	} {
		w := ask(h, "GET", seg, c.headers...)
		assert.Equal(t, c.code, w.Code, c.headers)
		assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
		switch c.code {
		case 200:
			assert.Equal(t, segBody, w.Body.String())
		case 304:
			assert.Empty(t, w.Body.String())
			assert.Equal(t, tag, w.Header().Get("ETag"))
			assert.Contains(t, w.Header().Get("Cache-Control"), "immutable")
			assert.Empty(t, w.Header().Get("Content-Length"))
		case 412:
			assertProblem(t, w, "precondition_failed")
		}
		if c.code != 206 && c.code != 416 {
			assert.Equal(t, c.code, ask(h, "HEAD", seg, c.headers...).Code, c.headers)
		}
	}
}

func TestHandlerPlaylists(t *testing.T) {
	s := mediaStore()
	h := hls.NewHandler(s, &hls.HandlerOptions{Revalidate: -1})
	const list = "/42/a1/v720/event.m3u8"
	plain := ask(h, "GET", list)
	assert.Equal(t, 200, plain.Code)
	assert.Equal(t, listBody, plain.Body.String())
	assert.Equal(t, "application/vnd.apple.mpegurl", plain.Header().Get("Content-Type"))
	assert.Equal(t, "public, max-age=1", plain.Header().Get("Cache-Control"))
	assert.Equal(t, "Accept-Encoding", plain.Header().Get("Vary"))
	assert.Empty(t, plain.Header().Get("Content-Encoding"))
	assert.Equal(t, "public, max-age=3600", ask(h, "GET", "/42/a1/v720/index.m3u8").Header().Get("Cache-Control"))

	for range 2 { // compressed, then from the cache
		z := ask(h, "GET", list, "Accept-Encoding: br, gzip;q=0.8")
		assert.Equal(t, 200, z.Code)
		assert.Equal(t, "gzip", z.Header().Get("Content-Encoding"))
		assert.Equal(t, "Accept-Encoding", z.Header().Get("Vary"))
		assert.Equal(t, fmt.Sprint(z.Body.Len()), z.Header().Get("Content-Length"))
		assert.Less(t, z.Body.Len(), len(listBody)/2)
		assert.NotEqual(t, plain.Header().Get("ETag"), z.Header().Get("ETag"))
		assert.Equal(t, listBody, gunzip(t, z.Body))

		again := ask(h, "GET", list, "Accept-Encoding: gzip", "If-None-Match: "+z.Header().Get("ETag"))
		assert.Equal(t, 304, again.Code)
		assert.Equal(t, z.Header().Get("ETag"), again.Header().Get("ETag"))
		assert.Equal(t, "Accept-Encoding", again.Header().Get("Vary"))
		assert.Empty(t, again.Header().Get("Content-Encoding"))
		assert.Equal(t, 200, ask(h, "GET", list, "If-None-Match: "+z.Header().Get("ETag")).Code, "another form")

		head := ask(h, "HEAD", list, "Accept-Encoding: gzip")
		assert.Equal(t, "gzip", head.Header().Get("Content-Encoding"))
		assert.Equal(t, z.Header().Get("ETag"), head.Header().Get("ETag"))
		assert.Equal(t, z.Header().Get("Content-Length"), head.Header().Get("Content-Length"))
	}

	s.put(listKey, listBody+"#EXT-X-ENDLIST\n")
	z := ask(h, "GET", list, "Accept-Encoding: gzip")
	assert.Equal(t, listBody+"#EXT-X-ENDLIST\n", gunzip(t, z.Body), "the cache knows that it changed")
	assert.Equal(t, 200, ask(h, "GET", list, "If-Modified-Since: Mon, 04 May 2026 03:02:01 GMT").Code,
		"a playlist may change twice within a second")
	assert.Equal(t, 304, ask(h, "GET", "/42/a1/v720/index.m3u8", "If-Modified-Since: Mon, 04 May 2026 03:02:01 GMT").Code)

	w := ask(h, "GET", list, "Accept-Encoding: gzip", "Range: bytes=0-6")
	assert.Equal(t, 206, w.Code)
	assert.Equal(t, "#EXTM3U", w.Body.String())
	assert.Empty(t, w.Header().Get("Content-Encoding"))
	assert.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))

	small := hls.NewHandler(s, &hls.HandlerOptions{MaxPlaylist: 100})
	w = ask(small, "GET", list, "Accept-Encoding: gzip")
	assert.Empty(t, w.Header().Get("Content-Encoding"))
	assert.True(t, strings.HasPrefix(w.Body.String(), "#EXTM3U\n#EXTINF"))
}

// The playlists that are kept are bounded, whatever is asked for.
func TestHandlerKeepsLittle(t *testing.T) {
	s := newMemStore()
	h := hls.NewHandler(s, nil)
	h.KeepPlaylists(320_000)
	for n := range 12 {
		rnd := rand.New(rand.NewPCG(uint64(n), 0))
		var b strings.Builder
		for b.Len() < 17_000 {
			fmt.Fprintf(&b, "%016x\n", rnd.Uint64())
		}
		s.put(fmt.Sprintf("media/%d/index.m3u8", n), b.String())
		w := ask(h, "GET", fmt.Sprintf("/%d/index.m3u8", n), "Accept-Encoding: gzip")
		require.Equal(t, 200, w.Code)
		require.Greater(t, w.Body.Len(), 8_000)
		require.Positive(t, h.KeptPlaylists())
		require.LessOrEqual(t, h.KeptPlaylists(), 320_000)
	}
	s.put("media/large/index.m3u8", strings.Repeat("a line that compresses\n", 1000))
	h.KeepPlaylists(100)
	assert.Equal(t, 200, ask(h, "GET", "/large/index.m3u8", "Accept-Encoding: gzip").Code, "too large to keep")
}

func TestHandlerAcceptEncoding(t *testing.T) {
	h := hls.NewHandler(mediaStore(), nil)
	for accept, want := range map[string]bool{
		"gzip":                       true,
		"GZIP":                       true,
		"x-gzip":                     true,
		"*":                          true,
		"deflate, gzip;q=0.001":      true,
		"gzip;q=1.0, identity; q=.5": true,
		"gzip ; q=0.5":               true,
		"":                           false,
		"deflate, br":                false,
		"gzip;q=0":                   false,
		"gzip;q=0, *":                false,
		"*;q=0":                      false,
		"gzip;q=0.2, identity;q=0.5": false,
		"gzip;q=nan":                 false,
		"gzip;q=7":                   false,
		"gzippy":                     false,
	} {
		w := ask(h, "GET", "/42/a1/v720/event.m3u8", "Accept-Encoding: "+accept)
		assert.Equal(t, want, w.Header().Get("Content-Encoding") == "gzip", "%q", accept)
	}
	assert.Empty(t, ask(h, "GET", "/42/a1/v720/0-0f.m4s", "Accept-Encoding: gzip").Header().Get("Content-Encoding"))
}

func TestHandlerPaths(t *testing.T) {
	s := mediaStore()
	h := hls.NewHandler(s, nil)
	for _, target := range []string{
		"/", "/42", "/42/", "/42/a1/v720/", "/42/a1/v720/0-0f.m4s/", "//42/a1/v720/0-0f.m4s", "/42//a1/v720/0-0f.m4s",
		"/../sources/42/0", "/%2e%2e/sources/42/0", "/42/../../sources/42/0", "/..%2fsources/42/0", "/42%2Fa1/v720/0-0f.m4s",
		"/42/a1/v720/0-0f.m4s%00", "/42/.hidden", "/42/dir/.git/config", "/42/a1\\v720/0-0f.m4s", "/42/a1%5cv720/0-0f.m4s",
		"/42/%0a", "/42/%ff", "/42/nothing.m4s", "/./42/a1/v720/0-0f.m4s", "/42/..", "/42/" + strings.Repeat("a", 2000),
	} {
		w := ask(h, "GET", target)
		assert.Equal(t, 404, w.Code, target)
		assertProblem(t, w, "not_found")
		assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	}
	assert.NotContains(t, s.ops, "open sources/42/0")
}

func TestHandlerMounts(t *testing.T) {
	s := mediaStore()
	s.put("media/42/a b+ü#.m4s", "odd")
	mux := http.NewServeMux()
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(s, nil)))
	mux.Handle("/slash/", http.StripPrefix("/slash/", hls.NewHandler(s, nil)))
	mux.Handle("GET /watch/{path...}", hls.NewHandler(s, &hls.HandlerOptions{Path: hls.PathValue("path")}))
	mux.Handle("GET /one/{id}/{path...}", hls.NewHandler(s, &hls.HandlerOptions{
		Prefix: "/media/42/",
		Path:   func(r *http.Request) string { return "a1/" + r.PathValue("path") },
		Asset:  func(string) string { return "42" },
	}))
	for _, target := range []string{"/media/42/a1/v720/0-0f.m4s", "/slash/42/a1/v720/0-0f.m4s", "/watch/42/a1/v720/0-0f.m4s", "/one/x/v720/0-0f.m4s"} {
		w := ask(mux, "GET", target)
		assert.Equal(t, 200, w.Code, target)
		assert.Equal(t, segBody, w.Body.String(), target)
		assert.Equal(t, 200, ask(mux, "HEAD", target).Code, target)
	}
	for _, target := range []string{"/media/42/a%20b+%C3%BC%23.m4s", "/watch/42/a%20b+%C3%BC%23.m4s"} {
		assert.Equal(t, "odd", ask(mux, "GET", target).Body.String(), target)
	}
	for _, target := range []string{"/watch/..%2fsources/42/0", "/media/..%2fsources/42/0", "/watch/"} {
		assert.Equal(t, 404, ask(mux, "GET", target).Code, target)
	}
}

func TestHandlerMethods(t *testing.T) {
	h := hls.NewHandler(mediaStore(), &hls.HandlerOptions{AllowHeaders: []string{"X-Token"}, Authorize: deny(fs.ErrPermission)})
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "CONNECT", "BREW"} {
		w := ask(h, method, "/42/a1/v720/0-0f.m4s")
		assert.Equal(t, 405, w.Code)
		assert.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Allow"))
		assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
		assertProblem(t, w, "method_not_allowed")
	}
	w := ask(h, "OPTIONS", "/42/a1/v720/0-0f.m4s", "Origin: https://example.com", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: range")
	assert.Equal(t, 204, w.Code)
	assert.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Access-Control-Allow-Methods"))
	assert.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Range")
	assert.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "X-Token")
	assert.NotEmpty(t, w.Header().Get("Access-Control-Max-Age"))
	w = ask(h, "OPTIONS", "/anything")
	assert.Equal(t, 204, w.Code)
	assert.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Allow"))
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Methods"))
}

func TestHandlerOrigins(t *testing.T) {
	h := hls.NewHandler(mediaStore(), &hls.HandlerOptions{AllowCredentials: true, AllowOrigin: func(r *http.Request) string {
		if o := r.Header.Get("Origin"); strings.HasSuffix(o, ".example.com") {
			return o
		}
		return ""
	}})
	w := ask(h, "GET", "/42/a1/v720/event.m3u8", "Origin: https://www.example.com")
	assert.Equal(t, "https://www.example.com", w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "true", w.Header().Get("Access-Control-Allow-Credentials"))
	assert.Equal(t, []string{"Origin", "Accept-Encoding"}, w.Header().Values("Vary"))
	for _, method := range []string{"GET", "OPTIONS"} {
		w = ask(h, method, "/42/a1/v720/0-0f.m4s", "Origin: https://evil.example", "Access-Control-Request-Method: GET")
		for _, name := range slices.Collect(maps.Keys(w.Header())) {
			assert.NotContains(t, name, "Access-Control-")
		}
		assert.Equal(t, "Origin", w.Header().Get("Vary"))
	}
}

type statusError int

func (e statusError) Error() string   { return "secret reason" }
func (e statusError) HTTPStatus() int { return int(e) }

func deny(err error) func(*http.Request, string, string) error {
	return func(*http.Request, string, string) error { return err }
}

func TestHandlerAuthorize(t *testing.T) {
	s := mediaStore()
	var action, asset string
	h := hls.NewHandler(s, &hls.HandlerOptions{Authorize: func(_ *http.Request, a, id string) error {
		action, asset = a, id
		return nil
	}})
	w := ask(h, "GET", "/42/a1/v720/0-0f.m4s")
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "private, max-age=31536000, immutable", w.Header().Get("Cache-Control"))
	assert.Equal(t, []string{hls.ActionMedia, "42"}, []string{action, asset})

	s.ops = nil
	for err, code := range map[error]int{
		errors.New("no"): 403, fs.ErrNotExist: 404, fmt.Errorf("x: %w", statusError(401)): 401, statusError(200): 403,
	} {
		w := ask(hls.NewHandler(s, &hls.HandlerOptions{Authorize: deny(err)}), "GET", "/42/a1/v720/0-0f.m4s")
		assert.Equal(t, code, w.Code, err)
		assert.NotContains(t, w.Body.String(), "secret")
		assert.Equal(t, code == 401, w.Header().Get("WWW-Authenticate") == "Bearer", code)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	}
	assert.Empty(t, s.ops, "the Store is not asked")
}

func TestHandlerStoreFails(t *testing.T) {
	for name, headers := range map[string][]string{
		"whole": nil, "range": {"Range: bytes=1-2"}, "condition": {"If-None-Match: *"}, "suffix": {"Range: bytes=-2"},
	} {
		s := mediaStore()
		s.fail = func(string, string) error { return errStore }
		var log bytes.Buffer
		h := hls.NewHandler(s, &hls.HandlerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for _, method := range []string{"GET", "HEAD"} {
			w := ask(h, method, "/42/a1/v720/0-0f.m4s", headers...)
			assert.Equal(t, 503, w.Code, name)
			assert.NotEmpty(t, w.Header().Get("Retry-After"))
			assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
			assert.NotContains(t, w.Body.String(), errStore.Error())
		}
		assert.Equal(t, 2, strings.Count(log.String(), "level=ERROR"), log.String())
	}
}

func TestHandlerClientGone(t *testing.T) {
	var log bytes.Buffer
	h := hls.NewHandler(mediaStore(), &hls.HandlerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/42/a1/v720/0-0f.m4s", nil))
	assert.Empty(t, log.String())
}

// A body that breaks off must not look whole to the client.
func TestHandlerBrokenBody(t *testing.T) {
	s := mediaStore()
	var log bytes.Buffer
	srv := httptest.NewServer(hls.NewHandler(s, &hls.HandlerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	defer srv.Close()
	s.cut = 4
	resp, err := srv.Client().Get(srv.URL + "/42/a1/v720/0-0f.m4s")
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	srv.Close()
	assert.Contains(t, log.String(), "level=ERROR")

	w := ask(hls.NewHandler(s, nil), "GET", "/42/a1/v720/event.m3u8", "Accept-Encoding: gzip")
	assert.Equal(t, 503, w.Code, "a playlist is read before anything is sent")
	assert.Empty(t, w.Header().Get("Content-Encoding"))
}

// An object that is replaced between Stat and Open is looked at again.
func TestHandlerReplacedMeanwhile(t *testing.T) {
	s := mediaStore()
	stats := 0
	s.fail = func(op, key string) error {
		if op == "open" && stats == 1 {
			return storage.ErrPrecondition
		}
		if op == "stat" {
			stats++
		}
		return nil
	}
	w := ask(hls.NewHandler(s, nil), "GET", "/42/a1/v720/0-0f.m4s", "Range: bytes=-2")
	assert.Equal(t, 206, w.Code)
	assert.Equal(t, 2, stats)

	s.fail = func(op, _ string) error {
		if op == "open" {
			return storage.ErrPrecondition
		}
		return nil
	}
	assert.Equal(t, 503, ask(hls.NewHandler(s, nil), "GET", "/42/a1/v720/0-0f.m4s", "Range: bytes=-2").Code)
}

func assertProblem(t *testing.T, w *httptest.ResponseRecorder, code string) {
	t.Helper()
	assert.Contains(t, w.Body.String(), `"code":"`+code+`"`)
	assert.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}
