package hls_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
)

// keyFunc is a KeyProvider.
type keyFunc func(ctx context.Context, asset, id string) ([]byte, error)

func (f keyFunc) Key(ctx context.Context, asset, id string) ([]byte, error) { return f(ctx, asset, id) }

// status is an error that names an HTTP status.
type status int

func (s status) Error() string   { return "no" }
func (s status) HTTPStatus() int { return int(s) }

const keyURL = "/42/keys/1-a1-0.key"

func TestHandlerKey(t *testing.T) {
	var asked []string
	h := hls.NewHandler(mediaStore(), &hls.HandlerOptions{
		Keys: derived(t),
		Authorize: func(_ *http.Request, action, asset string) error {
			asked = append(asked, action+" "+asset)
			return nil
		},
	})
	want, err := derived(t).Key(t.Context(), "42", "1-a1-0")
	require.NoError(t, err)
	for _, headers := range [][]string{nil, {"Range: bytes=0-3"}, {"If-None-Match: *"}, {"Accept-Encoding: gzip"}, {"Origin: https://elsewhere.example"}} {
		w := ask(h, "GET", keyURL, headers...)
		assert.Equal(t, 200, w.Code, headers)
		assert.Equal(t, want, w.Body.Bytes())
		head := w.Header()
		assert.Equal(t, "no-store", head.Get("Cache-Control"))
		assert.Equal(t, "application/octet-stream", head.Get("Content-Type"))
		assert.Equal(t, "16", head.Get("Content-Length"))
		assert.Equal(t, "*", head.Get("Access-Control-Allow-Origin"))
		assert.Equal(t, "nosniff", head.Get("X-Content-Type-Options"))
		for _, none := range []string{"ETag", "Last-Modified", "Accept-Ranges", "Content-Encoding"} {
			assert.Empty(t, head.Get(none), none)
		}
	}
	assert.Equal(t, "key 42", asked[0])

	w := ask(h, "HEAD", keyURL)
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "16", w.Header().Get("Content-Length"))
	assert.Empty(t, w.Body.Bytes())
	assert.Equal(t, 405, ask(h, "POST", keyURL).Code)

	n := len(asked)
	w = ask(h, "OPTIONS", keyURL, "Origin: https://elsewhere.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization")
	assert.Equal(t, 204, w.Code)
	assert.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Authorization")
	assert.Len(t, asked, n, "a preflight carries no credentials")

	// Segments are asked about as before.
	assert.Equal(t, 200, ask(h, "GET", "/42/a1/v720/0-0f.m4s").Code)
	assert.Equal(t, "media 42", asked[n])
}

// Nothing but Authorize gives a key away, and who gets none learns nothing.
func TestHandlerKeyDenied(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code int
		text string
	}{
		"any":       {errors.New("session 4711 has no subscription"), 403, "forbidden"},
		"not there": {fmt.Errorf("hidden: %w", fs.ErrNotExist), 404, "not_found"},
		"signed in": {status(401), 401, "unauthorized"},
	} {
		h := hls.NewHandler(mediaStore(), &hls.HandlerOptions{
			Keys: keyFunc(func(context.Context, string, string) ([]byte, error) {
				t.Error("the key was asked for")
				return make([]byte, 16), nil
			}),
			Authorize: func(_ *http.Request, action, _ string) error {
				if action == hls.ActionKey {
					return c.err
				}
				return nil
			},
		})
		for _, target := range []string{keyURL, "/42/keys/no%20id.key"} { // whether it is an id or not
			w := ask(h, "GET", target)
			assert.Equal(t, c.code, w.Code, name)
			assertProblem(t, w, c.text)
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
			assert.NotContains(t, w.Body.String(), "4711")
		}
		assert.Equal(t, 200, ask(h, "GET", "/42/a1/v720/0-0f.m4s").Code, "segments may be open to everybody")
	}
}

// Keys that everybody may have are a decision, not a mistake.
func TestHandlerKeysAreOpenOnPurpose(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	w := ask(hls.NewHandler(mediaStore(), &hls.HandlerOptions{Keys: derived(t), Logger: logger}), "GET", keyURL)
	assert.Equal(t, 403, w.Code)
	assertProblem(t, w, "forbidden")
	assert.Contains(t, log.String(), "OpenKeys")

	w = ask(hls.NewHandler(mediaStore(), &hls.HandlerOptions{Keys: derived(t), OpenKeys: true}), "GET", keyURL)
	assert.Equal(t, 200, w.Code)
	w = ask(hls.NewHandler(mediaStore(), nil), "GET", keyURL)
	assert.Equal(t, 404, w.Code)
	assertProblem(t, w, "not_found")
}

func TestHandlerKeyAddresses(t *testing.T) {
	s := mediaStore()
	s.put("media/42/a1/keys/index.m3u8", "#EXTM3U\n") // a track may have this name
	s.put("media/42/keys/other.m4s", "other")
	h := hls.NewHandler(s, &hls.HandlerOptions{Keys: derived(t), OpenKeys: true})
	for target, code := range map[string]int{
		keyURL:                       200,
		"/43/keys/1-a1-0.key":        200,
		"/keys/keys/1-a1-0.key":      200, // an asset may have this name
		"/keys/1-a1-0.key":           404,
		"/42/keys/1-a1-0":            404,
		"/42/keys/.key":              404,
		"/42/keys/3-a1-0.key":        404, // no such generation
		"/42/keys/1-a1-0.key.key":    200, // an id may end so
		"/42/keys/1%20a.key":         404,
		"/42/keys/1%2fa.key":         404,
		"/42/keys/1%00a.key":         404,
		"/42/keys/1%0aa.key":         404,
		"/42/keys/%2e%2e/1-a1-0.key": 404,
		"/42/keys/1-a1-0.KEY":        404,
		"/42/Keys/1-a1-0.key":        404,
		"/42/key/1-a1-0.key":         404,
		"//42/keys/1-a1-0.key":       404,
		"/42/keys//1-a1-0.key":       404,
		"/42/a1/keys/index.m3u8":     200,
		"/42/keys/other.m4s":         200,
		"/42/keys/1-" + strings.Repeat("a", 126) + ".key": 200,
		"/42/keys/1-" + strings.Repeat("a", 127) + ".key": 404,
	} {
		w := ask(h, "GET", target)
		assert.Equal(t, code, w.Code, target)
		if code == 404 {
			assertProblem(t, w, "not_found")
		}
	}
	// Behind a router's pattern, and where the host names assets otherwise.
	h = hls.NewHandler(s, &hls.HandlerOptions{
		Keys: derived(t), OpenKeys: true, Path: hls.PathValue("path"),
		Asset: func(path string) string { return strings.SplitN(path, "/", 3)[1] },
	})
	mux := http.NewServeMux()
	mux.Handle("/watch/{path...}", h)
	w := ask(mux, "GET", "/watch/tenant/42/keys/1-a1-0.key")
	require.Equal(t, 200, w.Code)
	want, err := derived(t).Key(t.Context(), "42", "1-a1-0")
	require.NoError(t, err)
	assert.Equal(t, want, w.Body.Bytes())
}

func TestHandlerKeyFailures(t *testing.T) {
	key := []byte("0123456789abcdef")
	for name, c := range map[string]struct {
		key  []byte
		err  error
		code int
		text string
	}{
		"unknown":       {nil, fmt.Errorf("in the table: %w", fs.ErrNotExist), 404, "not_found"},
		"unavailable":   {nil, errors.New("the vault is sealed"), 503, "unavailable"},
		"short":         {key[:15], nil, 503, "unavailable"},
		"long":          {append(key, 0), nil, 503, "unavailable"},
		"key and error": {key, errors.New("the vault is sealed"), 503, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			h := hls.NewHandler(mediaStore(), &hls.HandlerOptions{
				Keys:     keyFunc(func(context.Context, string, string) ([]byte, error) { return c.key, c.err }),
				OpenKeys: true, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			w := ask(h, "GET", keyURL)
			assert.Equal(t, c.code, w.Code)
			assertProblem(t, w, c.text)
			assert.Equal(t, c.code == 503, w.Header().Get("Retry-After") != "")
			assert.Equal(t, c.code == 503, strings.Contains(log.String(), "level=ERROR"), log.String())
			for _, leak := range []string{"0123456", "30313233", "MDEyMzQ"} {
				assert.NotContains(t, log.String()+w.Body.String(), leak)
			}
		})
	}
}

var cleanKeyPath = regexp.MustCompile(`^/?[^/]+(?:/[^/]+)*/keys/([A-Za-z0-9_][A-Za-z0-9._-]{0,127})\.key$`)

// Whatever is asked for, a key goes out for clean paths and valid ids only, and the
// provider hears of no others.
func FuzzHandlerKeys(f *testing.F) {
	for _, s := range []string{
		keyURL, "/42/keys/", "/42/keys/.key", "/42/keys/a.key", "/42/keys/../keys/a.key", "/42/keys/%2e.key", "/42/keys/a%2fb.key", "/42/keys/a\n.key",
		"keys/a.key", "/keys/a.key", "/42/keys/a", "/42/keys/-a.key", "/42/keys/a..key", "/42/x/keys/a.key", "/42/keys/ä.key", "/42/keys/a.key/", "/42/keys/a.key?x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		requests := []*http.Request{{Method: http.MethodGet, URL: &url.URL{Path: target}, Header: http.Header{}}}
		if u, err := url.ParseRequestURI(target); err == nil {
			requests = append(requests, &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}})
		}
		for _, r := range requests {
			asked := ""
			h := hls.NewHandler(newMemStore(), &hls.HandlerOptions{
				Keys: keyFunc(func(_ context.Context, _, id string) ([]byte, error) {
					asked = id
					return []byte("0123456789abcdef"), nil
				}),
				OpenKeys: true,
			})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			m := cleanKeyPath.FindStringSubmatch(r.URL.Path)
			if asked == "" {
				require.Equal(t, 404, w.Code)
				continue
			}
			require.NoError(t, hls.ValidKeyID(asked))
			require.Equal(t, 200, w.Code)
			require.Len(t, w.Body.Bytes(), hls.KeySize)
			require.NotNil(t, m, "%q", r.URL.Path)
			require.Equal(t, m[1], asked)
			require.True(t, strings.HasSuffix(r.URL.Path, "/"+hls.KeyPath(asked)))
		}
	})
}

// Segments may be on a CDN and open to all: without the key nobody can watch them.
func ExampleHandlerOptions_keys() {
	keys, err := hls.NewDerivedKeys(map[string][]byte{"1": []byte("made by chance, 32 bytes or more")})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := hls.NewHandler(newMemStore(), &hls.HandlerOptions{
		Keys: keys,
		Authorize: func(r *http.Request, action, asset string) error {
			if action == hls.ActionKey && r.Header.Get("Authorization") != "Bearer of the "+asset {
				return errors.New("not bought")
			}
			return nil
		},
	})
	for _, who := range []string{"", "Bearer of the film"} {
		r := httptest.NewRequest(http.MethodGet, "/film/keys/1-a1-0.key", nil)
		r.Header.Set("Authorization", who)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Cache-Control"), w.Header().Get("Content-Type"))
	}
	// Output:
	// 403 no-store application/json; charset=utf-8
	// 200 no-store application/octet-stream
}
