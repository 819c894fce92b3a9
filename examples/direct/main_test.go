package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/upload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const origin = "https://www.example.com"

func ask(h http.Handler, method, target, body string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A folder takes what S3 would.
func TestDirect(t *testing.T) {
	store, direct, err := open(t.Context(), t.TempDir(), origin, []byte("32 bytes that nobody else knows."))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	fake := encodertest.NewFake(store, nil)
	vod, err := upload.New(store, fake, fake, &upload.Options{Presign: direct})
	require.NoError(t, err)
	require.NoError(t, vod.Start(t.Context()))
	defer func() { require.NoError(t, vod.Shutdown(t.Context())) }()
	h := newServer(vod, store, direct, origin)

	w := ask(h, http.MethodPost, "/assets/presign", `{"name":"film.mp4","size":6,"type":"video/mp4"}`, map[string]string{"Content-Type": "application/json"})
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	var up struct {
		ID, Complete string
		Parts        []struct {
			Method, URL string
			Headers     map[string]string
		}
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &up))
	for _, part := range up.Parts {
		w := ask(h, part.Method, part.URL, "a film", part.Headers)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		assert.Equal(t, origin, w.Header().Get("Access-Control-Allow-Origin"))
	}
	require.Equal(t, http.StatusAccepted, ask(h, http.MethodPost, up.Complete, "", nil).Code)
	require.Eventually(t, func() bool {
		return strings.Contains(ask(h, http.MethodGet, "/assets/"+up.ID, "", nil).Body.String(), `"COMPLETE"`)
	}, 20*time.Second, 10*time.Millisecond)
	assert.Equal(t, "a film", ask(h, http.MethodGet, "/assets/"+up.ID+"/source", "", nil).Body.String())
}

// On S3 clients are sent there.
func TestS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	store, direct, err := open(t.Context(), "s3://films?region=eu-central-1", origin, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	_, isHandler := direct.(http.Handler)
	assert.False(t, isHandler)
}
