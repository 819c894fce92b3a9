package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// publish makes a presentation in a folder and returns the folder of the asset.
func publish(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	store, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 15 * time.Second})
	media, err := fake.Probe(t.Context(), encoder.Source{})
	require.NoError(t, err)
	grid, tracks, err := encoder.Plan(media, nil)
	require.NoError(t, err)
	job := encoder.Job{Version: encoder.JobVersion, ID: "1", Output: "media/42/a1", Media: media, Grid: grid, Tracks: tracks}
	p, err := hls.NewPublisher(store, "media/42", "a1", job.Presentation(), nil)
	require.NoError(t, err)
	require.NoError(t, fake.Encode(t.Context(), job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			return p.Init(t.Context(), *u.Init)
		case u.Segment != nil:
			return p.Segment(t.Context(), *u.Segment)
		}
		return nil
	}))
	require.NoError(t, p.Finish(t.Context()))
	return filepath.Join(dir, "media", "42")
}

func hlscheck(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, &o, &e)
	return status, o.String(), e.String()
}

// spoil cuts off the last byte of a segment.
func spoil(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "a1", "audio", "1-*.m4s"))
	require.NoError(t, err)
	require.Len(t, names, 1)
	b, err := os.ReadFile(names[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(names[0], b[:len(b)-1], 0o600))
}

func TestGood(t *testing.T) {
	dir := publish(t)
	for _, target := range []string{dir, filepath.Join(dir, "master.m3u8")} {
		status, out, errs := hlscheck(t, "-expected", "15s", target)
		assert.Equal(t, statusGood, status, out)
		assert.Empty(t, errs)
		assert.Contains(t, out, "15s of 15s expected. It conforms: 0 errors, ")
		assert.Contains(t, out, "\nVariants\n")
		assert.Regexp(t, `a1/audio/index.m3u8 +audio +fmp4 +mp4a\.40\.2 +3 +15s +[0-9.]+ kb/s`, out)
		assert.Contains(t, out, "  M6.1  master.m3u8\n      There is no EXT-X-I-FRAME-STREAM-INF")
		assert.NotContains(t, out, "\n0 errors\n")
	}
	status, _, _ := hlscheck(t, "-strict", dir)
	assert.Equal(t, statusBad, status)
	status, _, _ = hlscheck(t, "-strict", "-profile", "conformance", dir)
	assert.Equal(t, statusGood, status)
}

func TestBad(t *testing.T) {
	dir := publish(t)
	spoil(t, dir)
	status, out, errs := hlscheck(t, "-expected", "1m", dir)
	assert.Equal(t, statusBad, status)
	assert.Empty(t, errs)
	assert.Contains(t, out, "\n2 errors\n  ISO-4.2  a1/audio/index.m3u8:11 a1/audio/1-")
	assert.Contains(t, out, "COVERAGE")
	assert.Contains(t, out, "2 of 3")
	assert.Contains(t, out, "It does not conform: 2 errors")

	status, out, _ = hlscheck(t, "-skip", "ISO-4.2", "-profile", "conformance", dir)
	assert.Equal(t, statusGood, status, out)

	status, out, _ = hlscheck(t, "-json", dir)
	assert.Equal(t, statusBad, status)
	var r check.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	assert.Equal(t, "master.m3u8", r.Master)
	assert.Equal(t, 1, r.Count(check.Error))
}

func TestUnchecked(t *testing.T) {
	empty := t.TempDir()
	for name, args := range map[string][]string{
		"nothing":     {},
		"two":         {"a", "b"},
		"flag":        {"-x"},
		"profile":     {"-profile", "x", empty},
		"header":      {"-header", "x", empty},
		"no folder":   {filepath.Join(empty, "x")},
		"no playlist": {empty},
		"no server":   {"http://127.0.0.1:1/master.m3u8"},
	} {
		status, out, errs := hlscheck(t, args...)
		assert.Equal(t, statusUnchecked, status, name)
		assert.Empty(t, out, name)
		assert.Contains(t, errs, "hlscheck: ", name)
	}
	status, _, errs := hlscheck(t, "-h")
	assert.Equal(t, statusGood, status)
	assert.Contains(t, errs, "usage: hlscheck")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, statusUnchecked, run(ctx, []string{publish(t)}, &bytes.Buffer{}, &bytes.Buffer{}))
}

func TestRules(t *testing.T) {
	status, out, _ := hlscheck(t, "-rules")
	assert.Equal(t, statusGood, status)
	assert.Len(t, strings.Split(strings.TrimSpace(out), "\n"), len(check.Rules()))
	assert.Regexp(t, `RFC-4\.3\.3\.1 +conformance +error +EXT-X-TARGETDURATION`, out)
}

func TestHTTP(t *testing.T) {
	dir := publish(t)
	store, err := blobstore.OpenFile(filepath.Dir(filepath.Dir(dir)), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	handler := hls.NewHandler(store, nil)
	fails := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer x":
			w.WriteHeader(http.StatusUnauthorized)
		case fails != "" && strings.Contains(r.URL.Path, fails):
			w.WriteHeader(http.StatusBadGateway)
		default:
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	url := s.URL + "/42/master.m3u8"

	status, out, errs := hlscheck(t, "-header", "Authorization: Bearer x", url)
	assert.Equal(t, statusGood, status, out+errs)
	assert.Contains(t, out, "It conforms")
	assert.NotContains(t, out, "M10.1") // vodkit's handler compresses
	assert.NotContains(t, out, "S10.4")

	status, _, errs = hlscheck(t, url)
	assert.Equal(t, statusUnchecked, status)
	assert.Contains(t, errs, "401 Unauthorized")

	fails = "/audio/1-"
	status, out, errs = hlscheck(t, "-header", "Authorization: Bearer x", url)
	assert.Equal(t, statusUnchecked, status)
	assert.Contains(t, errs, "502 Bad Gateway")
	assert.Contains(t, out, "READ") // what was found so far
}

// A public presentation of another kind: MPEG-TS, live, encrypted, with errors.
func TestOthers(t *testing.T) {
	ts := append([]byte{0x47}, make([]byte, 187)...)
	files := map[string]string{
		"/master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1280000\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2560000\nlive.m3u8\n",
		"/low.m3u8":    "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n0.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF:10,\n1.ts\n#EXT-X-ENDLIST\n",
		"/live.m3u8":   "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:10,\n0.ts\n",
		"/0.ts":        string(ts), "/1.ts": string(ts), "/key": "0123456789abcdef",
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, r.URL.Path, time.Time{}, strings.NewReader(b))
	}))
	t.Cleanup(s.Close)
	status, out, errs := hlscheck(t, s.URL+"/master.m3u8")
	assert.Equal(t, statusGood, status, out+errs)
	for _, id := range []string{"ENCRYPTED", "FORMAT", "LIVE", "M9.1", "S10.4"} {
		assert.Contains(t, out, "  "+id+"  ")
	}
	assert.Contains(t, out, "still growing")

	status, out, _ = hlscheck(t, "-keys", s.URL+"/master.m3u8") // nothing is encrypted really
	assert.Equal(t, statusBad, status)
	assert.Contains(t, out, "RFC-4.3.2.4")

	status, out, _ = hlscheck(t, s.URL+"/0.ts")
	assert.Equal(t, statusBad, status)
	assert.Contains(t, out, "RFC-4.3.1.1")
}
