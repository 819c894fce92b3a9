package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/examples/internal/mounttest"
	"github.com/vodkit/vodkit/hls/sign"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const origin = "https://www.example.com"

func newRouter(t *testing.T) http.Handler {
	t.Helper()
	signer, err := sign.New([]sign.Key{{ID: "a", Secret: []byte("32 bytes that nobody else knows.")}}, nil)
	require.NoError(t, err)
	return newServer(mounttest.Store(t), sign.NewGate(signer, nil), origin, nil)
}

func ask(h http.Handler, method, target string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Origin", origin)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// watch asks for the video 42 and returns its URL.
func watch(t *testing.T, h http.Handler, query string) (string, []*http.Cookie) {
	t.Helper()
	w := ask(h, http.MethodPost, "/watch/42?viewer=anna"+query)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	assert.Equal(t, origin, w.Header().Get("Access-Control-Allow-Origin"))
	var answer struct{ Playlist string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer.Playlist, w.Result().Cookies() //nolint:bodyclose // a recorder's
}

func TestToken(t *testing.T) {
	h := newRouter(t)
	playlist, cookies := watch(t, h, "")
	assert.Empty(t, cookies)
	w := ask(h, http.MethodGet, playlist)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, origin, w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, http.StatusUnauthorized, ask(h, http.MethodGet, "/media/42/master.m3u8").Code)
}

func TestCookie(t *testing.T) {
	h := newRouter(t)
	playlist, cookies := watch(t, h, "&cookie=1")
	require.Len(t, cookies, 1)
	assert.Equal(t, "/media/42/master.m3u8", playlist)
	assert.Equal(t, "/media/42", cookies[0].Path)
	for target, code := range map[string]int{playlist: 200, "/media/42/a1/v720/0-abc.m4s": 200, "/media/43/master.m3u8": 403} {
		w := ask(h, http.MethodGet, target, cookies...)
		assert.Equal(t, code, w.Code)
		assert.Equal(t, "true", w.Header().Get("Access-Control-Allow-Credentials"))
	}
}

func TestWhoMayNot(t *testing.T) {
	h := newRouter(t)
	assert.Equal(t, http.StatusForbidden, ask(h, http.MethodPost, "/watch/42").Code)
	assert.Equal(t, http.StatusNotFound, ask(h, http.MethodPost, "/watch/..%2f42?viewer=anna").Code)
}
