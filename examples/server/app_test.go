package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// startApp serves the demo over memory and the fake encoder.
func startApp(t *testing.T) *httptest.Server {
	t.Helper()
	server, _ := startAppAndPipeline(t)
	return server
}

func startAppAndPipeline(t *testing.T) (*httptest.Server, *app) {
	t.Helper()
	store, err := blobstore.Open(t.Context(), "mem://", nil)
	require.NoError(t, err)
	fake := encodertest.NewFake(store, nil)
	a, err := newApp(store, fake, fake, config{encoders: 1, maxUpload: 1 << 20}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, a.pipeline.Start(t.Context()))
	server := httptest.NewServer(a)
	t.Cleanup(func() {
		a.hub.Close()
		server.Close()
		assert.NoError(t, a.shutdown())
		assert.NoError(t, store.Close())
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return server, a
}

func TestHealth(t *testing.T) {
	server, a := startAppAndPipeline(t)
	res, body := request(t, "GET", server.URL+"/healthz", nil, nil)
	assert.Equal(t, 200, res.StatusCode)
	assert.JSONEq(t, `{"status":"ok"}`, body)
	require.NoError(t, a.shutdown())
	res, body = request(t, "GET", server.URL+"/healthz", nil, nil)
	assert.Equal(t, 503, res.StatusCode)
	assert.JSONEq(t, `{"status":"unavailable"}`, body)
}

func request(t *testing.T, method, url string, body io.Reader, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(data)
}

type assetView struct {
	ID, Name, Status, Playlist string
	Fraction, Duration         float64
	Created                    time.Time
}

func decode[T any](t *testing.T, body string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(body), &v), body)
	return v
}

func TestFace(t *testing.T) {
	server := startApp(t)
	res, body := request(t, "GET", server.URL+"/healthz", nil, nil)
	assert.Equal(t, 200, res.StatusCode)
	assert.JSONEq(t, `{"status":"ok"}`, body)

	var form strings.Builder
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "holiday.mp4")
	require.NoError(t, err)
	_, err = io.WriteString(part, "the fake does not look into it")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	res, body = request(t, "POST", server.URL+"/assets", strings.NewReader(form.String()), http.Header{"Content-Type": {w.FormDataContentType()}})
	require.Equal(t, 202, res.StatusCode, body)
	asset := decode[assetView](t, body)
	assert.Equal(t, "/assets/"+asset.ID, res.Header.Get("Location"))
	assert.Equal(t, "holiday.mp4", asset.Name)

	require.Eventually(t, func() bool {
		_, body := request(t, "GET", server.URL+"/assets/"+asset.ID, nil, nil)
		asset = decode[assetView](t, body)
		return asset.Status == "COMPLETE"
	}, 30*time.Second, 20*time.Millisecond)
	assert.InDelta(t, 1, asset.Fraction, 0)
	assert.InDelta(t, 12, asset.Duration, 0.1)
	assert.WithinDuration(t, time.Now(), asset.Created, time.Minute)

	res, body = request(t, "GET", server.URL+asset.Playlist, nil, nil)
	assert.Equal(t, 200, res.StatusCode)
	assert.Contains(t, body, "#EXT-X-STREAM-INF")

	_, body = request(t, "GET", server.URL+"/assets", nil, nil)
	list := decode[struct {
		Assets []assetView
		Next   *string
	}](t, body)
	require.Len(t, list.Assets, 1)
	assert.Nil(t, list.Next)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, path := range []string{"/assets/" + asset.ID + "/events", "/events?asset=" + asset.ID} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		assert.Equal(t, "text/event-stream", res.Header.Get("Content-Type"), path)
		assert.NoError(t, res.Body.Close())
	}

	res, body = request(t, "POST", server.URL+"/assets/"+asset.ID+"/retry", nil, nil)
	assert.Equal(t, 202, res.StatusCode, body)
	res, _ = request(t, "DELETE", server.URL+"/assets/"+asset.ID, nil, nil)
	assert.Equal(t, 204, res.StatusCode)
	assert.Eventually(t, func() bool { // within hls.HandlerOptions.Revalidate
		res, _ := request(t, "GET", server.URL+asset.Playlist, nil, nil)
		return res.StatusCode == 404
	}, 10*time.Second, 50*time.Millisecond)
}

func TestPage(t *testing.T) {
	server := startApp(t)
	res, body := request(t, "GET", server.URL+"/", nil, nil)
	assert.Equal(t, 200, res.StatusCode)
	assert.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'self'")
	assert.Contains(t, body, `content="1048576"`, "the page knows the largest upload")
	assert.Equal(t, strings.Contains(body, "vendor/hls.min.js"), !strings.Contains(body, `id="no-player"`),
		"a page without hls.js says so")

	res, _ = request(t, "GET", server.URL+"/ui/js/app.js", nil, nil)
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "text/javascript; charset=utf-8", res.Header.Get("Content-Type"))
	etag := res.Header.Get("ETag")
	require.NotEmpty(t, etag)
	res, _ = request(t, "GET", server.URL+"/ui/js/app.js", nil, http.Header{"If-None-Match": {etag}})
	assert.Equal(t, 304, res.StatusCode)

	for _, path := range []string{"/nothing", "/ui/nothing.js", "/ui/index.html", "/ui/../main.go"} {
		res, _ := request(t, "GET", server.URL+path, nil, nil)
		assert.Equal(t, 404, res.StatusCode, path)
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	server := startApp(t)
	foreign := http.Header{"Origin": {"https://elsewhere.example"}, "Sec-Fetch-Site": {"cross-site"}}
	res, body := request(t, "POST", server.URL+"/assets", strings.NewReader("x"), foreign)
	assert.Equal(t, 403, res.StatusCode)
	assert.Contains(t, body, `"code":"forbidden"`)
	res, _ = request(t, "GET", server.URL+"/assets", nil, foreign)
	assert.Equal(t, 200, res.StatusCode)
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := run(t.Context(), config{addr: "127.0.0.1:0", bucket: t.TempDir(), encoders: 1, maxUpload: 1}, io.Discard, io.Discard)
	require.Error(t, err)
	assert.Contains(t, explain(err), "ffmpeg")
	assert.Contains(t, strings.ToLower(explain(err)), "install")
}

func TestRunEndsWell(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("there is no ffmpeg on PATH")
	}
	bucket := filepath.Join(t.TempDir(), "bucket")
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	out := writerFunc(func(p []byte) (int, error) {
		ready <- string(p)
		return len(p), nil
	})
	c := config{addr: "127.0.0.1:0", bucket: bucket, encoders: 1, maxUpload: 1 << 20}
	go func() { ended <- run(ctx, c, out, io.Discard) }()
	var said string
	select {
	case said = <-ready:
	case err := <-ended:
		require.NoError(t, err)
	}
	assert.Contains(t, said, "http://127.0.0.1:")
	assert.Contains(t, said, bucket)

	// Nobody else may work on the bucket meanwhile, and the sentence says what to do.
	err := run(ctx, c, io.Discard, io.Discard)
	require.Error(t, err)
	assert.Contains(t, explain(err), "-bucket")

	cancel()
	require.NoError(t, <-ended)
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestOpenBucket(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ in, name, err string }{
		{dir, dir, ""},
		{"file://" + dir + "?no_tmp_dir=1", "file://" + dir, ""},
		{"mem://", "mem://", ""},
		{"gs://videos", "", "-tags"},
		{"ftp://videos", "", "ftp"},
	} {
		store, name, err := openBucket(t.Context(), c.in)
		if c.err != "" {
			require.ErrorContains(t, err, c.err, c.in)
			continue
		}
		require.NoError(t, err, c.in)
		assert.Equal(t, c.name, name)
		require.NoError(t, store.Close())
	}
}
