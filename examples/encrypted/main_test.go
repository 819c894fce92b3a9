package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

// firstURI returns the first URI of a playlist that has the mark in front, resolved.
func firstURI(t *testing.T, playlist, text, mark string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, mark)
	require.True(t, ok, text)
	end := strings.IndexAny(rest, "\"\n")
	uri, query, _ := strings.Cut(rest[:end], "?")
	dir, _, _ := strings.Cut(playlist, "?")
	return path.Join(path.Dir(dir), uri) + "?" + query
}

// Playlists and segments are everybody's, keys those of who has a token for the video.
func TestEncrypted(t *testing.T) {
	keys, gate, err := secrets(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	store, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	fake := encodertest.NewFake(store, &encodertest.FakeOptions{Keys: keys})
	vod, err := upload.New(store, fake, fake, &upload.Options{Plan: &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{Rotate: 1}}, Keys: keys})
	require.NoError(t, err)
	require.NoError(t, vod.Start(t.Context()))
	defer func() { require.NoError(t, vod.Shutdown(t.Context())) }()
	h := newServer(vod, hls.HandlerOptions{Keys: keys}, store, gate)

	require.Equal(t, http.StatusAccepted, ask(h, http.MethodPost, "/assets?id=film", "a film").Code)
	require.Eventually(t, func() bool {
		return strings.Contains(ask(h, http.MethodGet, "/assets/film", "").Body.String(), `"COMPLETE"`)
	}, 20*time.Second, 10*time.Millisecond)

	w := ask(h, http.MethodPost, "/watch/film?viewer=anna", "")
	require.Equal(t, http.StatusOK, w.Code)
	var answer struct{ Playlist string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	for _, c := range []struct {
		who, master string
		key         int
	}{
		{"anna", answer.Playlist, http.StatusOK},
		{"anybody", "/media/film/master.m3u8", http.StatusUnauthorized},
	} {
		w = ask(h, http.MethodGet, c.master, "")
		require.Equal(t, http.StatusOK, w.Code, c.who)
		list := firstURI(t, c.master, w.Body.String(), `URI="`)
		w = ask(h, http.MethodGet, list, "")
		require.Equal(t, http.StatusOK, w.Code, c.who)
		text := w.Body.String()
		segment := firstURI(t, list, text[strings.Index(text, "#EXTINF"):], "\n")
		w = ask(h, http.MethodGet, segment, "")
		assert.Equal(t, http.StatusOK, w.Code, c.who)
		assert.NotContains(t, w.Body.String(), "moof")
		assert.Contains(t, w.Header().Get("Cache-Control"), "public")
		w = ask(h, http.MethodGet, firstURI(t, list, text, `AES-128,URI="`), "")
		assert.Equal(t, c.key, w.Code, c.who)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
	assert.Equal(t, http.StatusForbidden, ask(h, http.MethodPost, "/watch/film", "").Code)
	assert.Equal(t, http.StatusNotFound, ask(h, http.MethodPost, "/watch/..%2ffilm?viewer=anna", "").Code)
}

func TestSecrets(t *testing.T) {
	_, _, err := secrets([]byte("short"))
	assert.Error(t, err)
}
