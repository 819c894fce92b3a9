package upload_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// answer is what the tests read of a response.
type answer struct {
	status int
	header http.Header
	body   string

	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Tenant   string            `json:"tenant"`
	Status   progress.Status   `json:"status"`
	Attempt  string            `json:"attempt"`
	Fraction float64           `json:"fraction"`
	Playlist string            `json:"playlist"`
	Duration float64           `json:"duration"`
	Front    float64           `json:"front"`
	Size     int64             `json:"size"`
	Queue    int               `json:"queue"`
	Priority int               `json:"priority"`
	Metadata map[string]string `json:"metadata"`
	Created  time.Time         `json:"created"`
	Error    *struct {
		Code, Message string
		Permanent     bool
	} `json:"error"`
	Assets []answer `json:"assets"`
	Next   *string  `json:"next"`

	Retried *int `json:"retried"` // of a batch
}

func (b *bench) do(h http.Handler, method, target string, body io.Reader, headers ...string) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.ctx, method, target, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		require.NoError(b.t, json.Unmarshal(w.Body.Bytes(), &a), a.body)
	}
	if a.status >= 400 && method != http.MethodHead {
		require.NotNil(b.t, a.Error, "%d: %s", a.status, a.body)
		assert.NotEmpty(b.t, a.Error.Code)
		assert.True(b.t, strings.HasSuffix(a.Error.Message, "."), "a sentence: %q", a.Error.Message)
		assert.Equal(b.t, "no-store", w.Header().Get("Cache-Control"))
	}
	return a
}

// form returns a form with fields, in pairs, and then a file.
func form(filename, content string, fields ...string) (io.Reader, string) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for i := 0; i < len(fields); i += 2 {
		_ = w.WriteField(fields[i], fields[i+1])
	}
	if filename != "" {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename="%s"`, filename))
		h.Set("Content-Type", "video/mp4")
		part, _ := w.CreatePart(h)
		_, _ = io.WriteString(part, content)
	}
	_ = w.Close()
	return &buf, w.FormDataContentType()
}

func TestHTTPWholeLife(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, nil)
	body, kind := form("clip.mp4", "a video", "meta.album", "summer", "priority", "2", "unknown", "ignored")
	a := b.do(h, "POST", "/assets", body, "Content-Type", kind)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	assert.Equal(t, "/assets/"+a.ID, a.header.Get("Location"))
	assert.Equal(t, "clip.mp4", a.Name)
	assert.EqualValues(t, 7, a.Size)
	assert.Equal(t, 2, a.Priority)
	assert.Equal(t, map[string]string{"album": "summer"}, a.Metadata)
	assert.NotEmpty(t, a.Attempt)
	assert.NotContains(t, a.body, `"playlist"`, "omitted before it can be played")
	assert.NotContains(t, a.body, `"error"`)
	assert.False(t, a.Created.IsZero())

	_, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	got := b.do(h, "GET", a.header.Get("Location"), nil)
	assert.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, progress.Complete, got.Status)
	assert.Equal(t, "/media/"+a.ID+"/master.m3u8", got.Playlist)
	assert.Equal(t, 1.0, got.Fraction)
	assert.Equal(t, 18.0, got.Duration)
	assert.Equal(t, 18.0, got.Front)

	again := b.do(h, "POST", "/assets/"+a.ID+"/retry", nil)
	assert.Equal(t, http.StatusAccepted, again.status)
	assert.Equal(t, "/assets/"+a.ID, again.header.Get("Location"))
	assert.NotEqual(t, a.Attempt, again.Attempt)
	_, err = b.rec.WaitAttempt(b.ctx, a.ID, again.Attempt)
	require.NoError(t, err)
	assert.Equal(t, http.StatusConflict, b.do(h, "POST", "/assets/"+a.ID+"/cancel", nil).status)

	gone := b.do(h, "DELETE", "/assets/"+a.ID, nil)
	assert.Equal(t, http.StatusNoContent, gone.status)
	assert.Empty(t, gone.body)
	for _, target := range []string{"GET ", "DELETE ", "POST /retry", "POST /cancel"} {
		method, verb, _ := strings.Cut(target, " ")
		assert.Equal(t, http.StatusNotFound, b.do(h, method, "/assets/"+a.ID+verb, nil).status, target)
	}
	assert.Equal(t, []string{"catalog/owner/0000000001.json"}, keysOf(t, b.store, ""))
}

func TestHTTPPlayableWhileRunning(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Media: "/v"})
	reached, _ := b.studio.hold(2)
	a := b.do(h, "POST", "/assets", strings.NewReader("x"))
	require.Equal(t, http.StatusAccepted, a.status)
	receive(t, reached)
	got := b.do(h, "GET", "/assets/"+a.ID, nil)
	assert.Equal(t, progress.Running, got.Status)
	assert.Equal(t, "/v/"+a.ID+"/master.m3u8", got.Playlist)
	assert.Equal(t, 12.0, got.Front)
	assert.InDelta(t, 12.0/18, got.Fraction, 0.01)
	busy := b.do(h, "POST", "/assets/"+a.ID+"/retry", nil)
	assert.Equal(t, http.StatusConflict, busy.status)
	assert.Equal(t, "busy", busy.Error.Code)
	end := b.do(h, "POST", "/assets/"+a.ID+"/cancel", nil)
	assert.Equal(t, http.StatusAccepted, end.status)
	assert.Equal(t, progress.Error, end.Status)
	assert.Equal(t, "cancelled", end.Error.Code)
}

func TestHTTPMounts(t *testing.T) {
	b := newBench(t, nil)
	plain := upload.NewHandler(b.Pipeline, nil)
	videos := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Base: "/api/videos"})
	mux := func(pattern string, h http.Handler) http.Handler {
		m := http.NewServeMux()
		m.Handle(pattern, h)
		m.Handle(pattern+"/", h)
		return m
	}
	cases := map[string]struct {
		h    http.Handler
		base string
	}{
		"bare":                {plain, "/assets"},
		"mux":                 {mux("/assets", plain), "/assets"},
		"own base":            {mux("/api/videos", videos), "/api/videos"},
		"strip prefix":        {mux("/assets", http.StripPrefix("/assets", plain)), "/assets"},
		"strip other":         {mux("/v1/films", http.StripPrefix("/v1/films", plain)), "/v1/films"},
		"strip only the root": {mux("/v1/assets", http.StripPrefix("/v1", plain)), "/v1/assets"},
		"strip, own base":     {mux("/api/videos", http.StripPrefix("/api/videos", videos)), "/api/videos"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for i, slash := range []string{"", "/"} {
				id := fmt.Sprintf("%s-%d", strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", ""), i)
				if i == 1 && name == "strip prefix" {
					id = "assets" // the id that looks like the base
				}
				a := b.do(c.h, "POST", c.base+slash+"?id="+id, strings.NewReader("x"))
				require.Equal(t, http.StatusAccepted, a.status, a.body)
				assert.Equal(t, c.base+"/"+id, a.header.Get("Location"))
				assert.Equal(t, http.StatusOK, b.do(c.h, "GET", c.base+slash, nil).status)
				for _, tail := range []string{"", "/"} {
					got := b.do(c.h, "GET", a.header.Get("Location")+tail, nil)
					assert.Equal(t, id, got.ID, got.body)
				}
				_, err := b.rec.WaitTerminal(b.ctx, id)
				require.NoError(t, err)
				again := b.do(c.h, "POST", c.base+"/"+id+"/retry", nil)
				assert.Equal(t, c.base+"/"+id, again.header.Get("Location"), again.body)
			}
			assert.Equal(t, http.StatusNotFound, b.do(c.h, "GET", c.base+"/x/y/z", nil).status)
			assert.Equal(t, http.StatusNotFound, b.do(c.h, "GET", c.base+"/x/events", nil).status, "no hub")
		})
	}
}

func TestHTTPMethods(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{AllowOrigin: "*"})
	for target, allow := range map[string]string{
		"/assets":          "GET, HEAD, POST, OPTIONS",
		"/assets/x":        "GET, HEAD, PATCH, DELETE, OPTIONS",
		"/assets/retry":    "GET, HEAD, POST, PATCH, DELETE, OPTIONS",
		"/assets/x/source": "PUT, OPTIONS",
		"/assets/x/retry":  "POST, OPTIONS",
		"/assets/x/cancel": "POST, OPTIONS",
	} {
		a := b.do(h, "PROPFIND", target, nil)
		assert.Equal(t, http.StatusMethodNotAllowed, a.status)
		assert.Equal(t, allow, a.header.Get("Allow"))
		assert.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"), "on failures too")
		a = b.do(h, "OPTIONS", target, nil)
		assert.Equal(t, http.StatusNoContent, a.status)
		assert.Equal(t, allow, a.header.Get("Allow"))
		assert.Equal(t, allow, a.header.Get("Access-Control-Allow-Methods"))
	}
	assert.Equal(t, http.StatusOK, b.do(h, "HEAD", "/assets", nil).status)
	assert.Equal(t, http.StatusNotFound, b.do(h, "HEAD", "/assets/x", nil).status)
}

func TestHTTPNames(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, nil)
	for filename, want := range map[string]string{
		"a.mp4":                  "a.mp4",
		`C:\\fakepath\\b.mp4`:    "b.mp4",
		"../../etc/passwd":       "passwd",
		"naïve 映画.mp4":           "naïve 映画.mp4",
		"quote%22.mp4":           `quote".mp4`,
		"evil\u202egpj.mp4":      "evilgpj.mp4",
		"..":                     "..",
		strings.Repeat("é", 200): strings.Repeat("é", 127),
		"-i.mp4":                 "-i.mp4",
		" .mp4":                  ".mp4",
		"concat:a|b":             "concat:a|b",
		"bad\xffutf8.mp4":        "bad\uFFFDutf8.mp4",
		"tab\tin it.mp4":         "tabin it.mp4",
	} {
		body, kind := form(filename, "x")
		a := b.do(h, "POST", "/assets", body, "Content-Type", kind)
		require.Equal(t, http.StatusAccepted, a.status, "%q: %s", filename, a.body)
		assert.Equal(t, want, a.Name, "%q", filename)
	}
	name := func(target string, headers ...string) string {
		a := b.do(h, "POST", target, strings.NewReader("x"), headers...)
		require.Equal(t, http.StatusAccepted, a.status, a.body)
		return a.Name
	}
	assert.Equal(t, "q.mp4", name("/assets?name=q.mp4", "X-File-Name", "h.mp4"))
	assert.Equal(t, "h é.mp4", name("/assets", "X-File-Name", "h%20%C3%A9.mp4"))
	assert.Equal(t, "100%.mp4", name("/assets", "X-File-Name", "100%.mp4"))
	assert.Equal(t, "d.mp4", name("/assets", "Content-Disposition", `attachment; filename="d.mp4"`))
	assert.Equal(t, "é.mp4", name("/assets", "Content-Disposition", `attachment; filename*=UTF-8''%C3%A9.mp4`))
	assert.Equal(t, "", name("/assets"))
}

func TestHTTPRefusals(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.MaxSize = 1000 })
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{MaxUpload: 100})
	kind := "multipart/form-data; boundary=B"
	long := strings.Repeat("x", 101)
	formBody := func(s string) io.Reader { return strings.NewReader(strings.ReplaceAll(s, "\n", "\r\n")) }
	cases := map[string]struct {
		target string
		body   io.Reader
		header []string
		status int
		code   string
	}{
		"too large, announced":      {"/assets", strings.NewReader(long), nil, 413, "too_large"},
		"too large, chunked":        {"/assets", io.MultiReader(strings.NewReader(long)), nil, 413, "too_large"},
		"too large form":            {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\n\n" + long + "\n--B--\n"), []string{"Content-Type", kind}, 413, "too_large"},
		"much too large form":       {"/assets", strings.NewReader(strings.Repeat("x", 2<<20)), []string{"Content-Type", kind}, 413, "too_large"},
		"empty":                     {"/assets", nil, nil, 422, "empty_upload"},
		"empty, chunked":            {"/assets", io.MultiReader(strings.NewReader("")), nil, 422, "empty_upload"},
		"json":                      {"/assets", strings.NewReader("{}"), []string{"Content-Type", "application/json"}, 415, "unsupported_type"},
		"html":                      {"/assets", strings.NewReader("<p>"), []string{"Content-Type", "text/html; charset=utf-8"}, 415, "unsupported_type"},
		"picture":                   {"/assets", strings.NewReader("x"), []string{"Content-Type", "image/png"}, 415, "unsupported_type"},
		"form with a picture":       {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\nContent-Type: image/png\n\nx\n--B--\n"), []string{"Content-Type", kind}, 415, "unsupported_type"},
		"compressed":                {"/assets", strings.NewReader("x"), []string{"Content-Encoding", "gzip"}, 422, "invalid_field"},
		"bad id":                    {"/assets?id=a%2Fb", strings.NewReader("x"), nil, 422, "invalid_field"},
		"bad id in the form":        {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"id\"\n\n../x\n--B--\n"), []string{"Content-Type", kind}, 422, "invalid_field"},
		"bad priority":              {"/assets?priority=high", strings.NewReader("x"), nil, 422, "invalid_field"},
		"bad query":                 {"/assets?a=%zz", strings.NewReader("x"), nil, 422, "invalid_field"},
		"form without a file":       {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"name\"\n\nx\n--B--\n"), []string{"Content-Type", kind}, 422, "missing_file"},
		"file of another name":      {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"video\"; filename=\"f\"\n\nx\n--B--\n"), []string{"Content-Type", kind}, 422, "missing_file"},
		"empty file in a form":      {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\n\n\n--B--\n"), []string{"Content-Type", kind}, 422, "empty_upload"},
		"form cut in its file":      {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\n\nabc"), []string{"Content-Type", kind}, 400, "incomplete_upload"},
		"form cut in a field":       {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"name\"\n\nabc"), []string{"Content-Type", kind}, 400, "incomplete_upload"},
		"form without a boundary":   {"/assets", strings.NewReader("x"), []string{"Content-Type", "multipart/form-data"}, 400, "bad_request"},
		"form that is none":         {"/assets", strings.NewReader("hello"), []string{"Content-Type", kind}, 400, "bad_request"},
		"form with a bad header":    {"/assets", formBody("--B\nnonsense\n\nx\n--B--\n"), []string{"Content-Type", kind}, 400, "bad_request"},
		"form with a very long one": {"/assets", formBody("--B\nContent-Disposition: form-data; name=\"meta.x\"\n\n" + strings.Repeat("x", 70000) + "\n--B--\n"), []string{"Content-Type", kind}, 422, "invalid_field"},
		"form with many fields":     {"/assets", formBody(strings.Repeat("--B\nContent-Disposition: form-data; name=\"x\"\n\nx\n", 101) + "--B--\n"), []string{"Content-Type", kind}, 422, "invalid_field"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := b.do(h, "POST", c.target, c.body, c.header...)
			assert.Equal(t, c.status, a.status, a.body)
			assert.Equal(t, c.code, a.Error.Code)
			assert.Equal(t, []string{"catalog/owner/0000000001.json"}, keysOf(t, b.store, ""))
		})
	}
	assert.Contains(t, b.do(h, "POST", "/assets", strings.NewReader(long)).Error.Message, "100 bytes")
	assert.Equal(t, http.StatusAccepted, b.do(h, "POST", "/assets?id=x", strings.NewReader(long[:100])).status)
	a := b.do(h, "POST", "/assets?id=x", strings.NewReader("y"))
	assert.Equal(t, http.StatusConflict, a.status)
	assert.Equal(t, "exists", a.Error.Code)
	for _, q := range []string{"?limit=x", "?limit=0", "?limit=-1", "?status=DONE"} {
		assert.Equal(t, http.StatusUnprocessableEntity, b.do(h, "GET", "/assets"+q, nil).status, q)
	}
}

func TestHTTPTypes(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, nil)
	for _, kind := range []string{"", "video/mp4", "audio/mpeg", "application/octet-stream", "application/x-www-form-urlencoded",
		"application/mxf", "image/gif", "VIDEO/QuickTime; codecs=x", "text/vnd.trolltech.linguist", "nonsense"} {
		assert.Equal(t, http.StatusAccepted, b.do(h, "POST", "/assets", strings.NewReader("x"), "Content-Type", kind).status, kind)
	}
	only := newBench(t, func(b *bench) { b.opts.AllowTypes = []string{"video/*", "application/mxf"} })
	h = upload.NewHandler(only.Pipeline, nil)
	for kind, status := range map[string]int{"video/mp4": 202, "application/mxf": 202, "": 202, "audio/mpeg": 415, "application/pdf": 415} {
		assert.Equal(t, status, only.do(h, "POST", "/assets", strings.NewReader("x"), "Content-Type", kind).status, kind)
	}
}

func TestHTTPBacklog(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers, b.opts.Backlog = 1, 1 })
	h := upload.NewHandler(b.Pipeline, nil)
	reached, goOn := b.studio.hold(0)
	require.Equal(t, 202, b.do(h, "POST", "/assets", strings.NewReader("x")).status)
	receive(t, reached)
	require.Equal(t, 202, b.do(h, "POST", "/assets", strings.NewReader("x")).status)
	a := b.do(h, "POST", "/assets", failingReader{errBroken})
	assert.Equal(t, http.StatusTooManyRequests, a.status)
	assert.Equal(t, "backlog_full", a.Error.Code)
	assert.Equal(t, "60", a.header.Get("Retry-After"))
	close(goOn)
	b.eventually(func() bool { return b.do(h, "POST", "/assets", strings.NewReader("x")).status == 202 }, "there is room again")
}

func TestHTTPAfterShutdown(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, nil)
	require.NoError(t, b.Shutdown(b.ctx))
	a := b.do(h, "POST", "/assets", strings.NewReader("x"))
	assert.Equal(t, http.StatusServiceUnavailable, a.status)
	assert.NotEmpty(t, a.header.Get("Retry-After"))
}

func TestHTTPStoreThatFails(t *testing.T) {
	fs := &failingStore{}
	b := newBench(t, func(b *bench) { fs.Store, b.store = b.store, fs })
	h := upload.NewHandler(b.Pipeline, nil)
	for err, want := range map[error]int{errBroken: 503, syscall.ENOSPC: 507} {
		fs.set(func(op, key string) error {
			if strings.HasPrefix(key, "sources/") && op == "put" {
				return fmt.Errorf("put %q: %w", key, err)
			}
			return nil
		})
		a := b.do(h, "POST", "/assets", strings.NewReader("x"))
		assert.Equal(t, want, a.status)
		assert.NotContains(t, a.body, err.Error(), "what is inside stays inside")
	}
	fs.set(nil)
	assert.Equal(t, []string{"catalog/owner/0000000001.json"}, keysOf(t, b.store, ""))
}

// denied is a host's error with a status of its own.
type denied int

func (d denied) Error() string   { return "secret reason" }
func (d denied) HTTPStatus() int { return int(d) }

func TestHTTPAuthorize(t *testing.T) {
	b := newBench(t, nil)
	b.create(upload.NewAsset{ID: "x"})
	_, err := b.rec.WaitTerminal(b.ctx, "x")
	require.NoError(t, err)
	var asked []string
	var refusal error
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Events: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "events of ", r.PathValue("id")) }),
		Authorize: func(r *http.Request, action, asset string) error {
			asked = append(asked, action+" "+asset)
			return refusal
		},
	})
	body, kind := form("f.mp4", "x", "id", "new")
	requests := []struct {
		method, target string
		body           io.Reader
		kind           string
		asks           []string
		status         int
	}{
		{"POST", "/assets?id=raw", strings.NewReader("x"), "", []string{"upload raw"}, 202},
		{"POST", "/assets", body, kind, []string{"upload ", "upload new"}, 202},
		{"GET", "/assets", nil, "", []string{"list "}, 200},
		{"GET", "/assets/x", nil, "", []string{"read x"}, 200},
		{"HEAD", "/assets/x", nil, "", []string{"read x"}, 200},
		{"GET", "/assets/x/events", nil, "", []string{"events x"}, 200},
		{"POST", "/assets/x/retry", nil, "", []string{"upload x"}, 202},
		{"POST", "/assets/nobody/cancel", nil, "", []string{"delete nobody"}, 404},
		{"DELETE", "/assets/x", nil, "", []string{"delete x"}, 204},
	}
	for err, want := range map[error]int{fs.ErrPermission: 403, fs.ErrNotExist: 404, denied(401): 401} {
		refusal = err
		for _, q := range requests {
			a := b.do(h, q.method, q.target, failingReader{errBroken}, "Content-Type", q.kind)
			assert.Equal(t, want, a.status, "%s %s", q.method, q.target)
			assert.NotContains(t, a.body, "secret")
		}
	}
	refusal = nil
	for _, q := range requests {
		asked = nil
		a := b.do(h, q.method, q.target, q.body, "Content-Type", q.kind)
		assert.Equal(t, q.status, a.status, "%s %s: %s", q.method, q.target, a.body)
		assert.Equal(t, q.asks, asked)
	}
	body, kind = form("f.mp4", "x", "id", "hidden")
	calls := 0
	picky := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Authorize: func(_ *http.Request, _, asset string) error {
		if calls++; asset == "hidden" {
			return fs.ErrPermission
		}
		return nil
	}})
	assert.Equal(t, 403, b.do(picky, "POST", "/assets", body, "Content-Type", kind).status, "the id in the form is asked for too")
	broken := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Authorize: func(*http.Request, string, string) error { panic("a bug") }})
	assert.Equal(t, 500, b.do(broken, "GET", "/assets", nil).status)
}

func TestHTTPTenants(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Tenant:  func(r *http.Request) string { return r.Header.Get("Tenant") },
		Prepare: func(r *http.Request, n *upload.NewAsset) error { n.Priority = 0; return nil },
		MediaURL: func(r *http.Request, key string) string {
			return "https://cdn.example/" + key + "?t=" + r.Header.Get("Tenant")
		},
		Events: http.NotFoundHandler(),
	})
	a := b.do(h, "POST", "/assets?priority=9&tenant=b", strings.NewReader("x"), "Tenant", "a")
	require.Equal(t, 202, a.status)
	assert.Equal(t, "a", a.Tenant)
	assert.Zero(t, a.Priority, "Prepare has the last word")
	_, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	got := b.do(h, "GET", "/assets/"+a.ID, nil, "Tenant", "a")
	assert.Equal(t, "https://cdn.example/media/"+a.ID+"/master.m3u8?t=a", got.Playlist)
	for _, q := range []string{"GET ", "DELETE ", "POST /retry", "POST /cancel", "GET /events"} {
		method, verb, _ := strings.Cut(q, " ")
		assert.Equal(t, 404, b.do(h, method, "/assets/"+a.ID+verb, nil, "Tenant", "b").status, q)
	}
	assert.Empty(t, b.do(h, "GET", "/assets", nil, "Tenant", "b").Assets)
	assert.Len(t, b.do(h, "GET", "/assets", nil, "Tenant", "a").Assets, 1)
}

func TestHTTPPages(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, nil)
	empty := b.do(h, "GET", "/assets", nil)
	assert.JSONEq(t, `{"assets": [], "next": null}`, empty.body)
	for i := range 5 {
		b.create(upload.NewAsset{ID: fmt.Sprint("x", i)})
	}
	var ids []string
	target := "/assets?limit=2"
	for {
		page := b.do(h, "GET", target, nil)
		for _, a := range page.Assets {
			ids = append(ids, a.ID)
		}
		if page.Next == nil {
			break
		}
		require.Len(t, page.Assets, 2)
		target = "/assets?limit=2&after=" + *page.Next
	}
	assert.Equal(t, []string{"x4", "x3", "x2", "x1", "x0"}, ids)
	_, err := b.rec.WaitTerminal(b.ctx, "x0")
	require.NoError(t, err)
	b.eventually(func() bool { return len(b.do(h, "GET", "/assets?status=complete", nil).Assets) == 5 }, "all are complete")
}

// TestHTTPOverAConnection is what only a real server shows.
func TestHTTPOverAConnection(t *testing.T) {
	b := newBench(t, nil)
	srv := httptest.NewUnstartedServer(upload.NewHandler(b.Pipeline, &upload.HandlerOptions{UploadIdle: 300 * time.Millisecond}))
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	srv.Start()
	t.Cleanup(srv.Close)

	t.Run("a slow upload outlives the server's timeouts", func(t *testing.T) {
		pr, pw := io.Pipe()
		go func() {
			for range 12 {
				time.Sleep(50 * time.Millisecond)
				_, _ = io.WriteString(pw, "some bytes")
			}
			_ = pw.Close()
		}()
		req, err := http.NewRequestWithContext(b.ctx, "POST", srv.URL+"/assets/?id=slow", pr)
		require.NoError(t, err)
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, http.StatusAccepted, resp.StatusCode, "the trailing slash makes no redirect")
		a, err := b.Get(b.ctx, "slow")
		require.NoError(t, err)
		assert.EqualValues(t, 120, a.Size)
		require.NoError(t, b.Delete(b.ctx, "slow"))
	})
	dial := func(t *testing.T) net.Conn {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	t.Run("an upload that stands still is ended", func(t *testing.T) {
		conn := dial(t)
		_, err := io.WriteString(conn, "POST /assets?id=stuck HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
		assert.Contains(t, string(body), "upload_timeout")
	})
	t.Run("a client that goes away leaves nothing", func(t *testing.T) {
		conn := dial(t)
		_, err := io.WriteString(conn, "POST /assets?id=gone HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		b.eventually(func() bool {
			return assert.ObjectsAreEqual([]string{"catalog/owner/0000000001.json"}, keysOf(t, b.store, ""))
		}, "nothing is left")
	})
	t.Run("too much is refused before it is sent", func(t *testing.T) {
		conn := dial(t)
		_, err := fmt.Fprintf(conn, "POST /assets HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", int64(1)<<40)
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
	})
	t.Run("one of many uploads under one id wins", func(t *testing.T) {
		var wg sync.WaitGroup
		statuses := make([]int, 8)
		for i := range statuses {
			wg.Go(func() {
				resp, err := srv.Client().Post(srv.URL+"/assets?id=one", "video/mp4", strings.NewReader("x"))
				if assert.NoError(t, err) {
					statuses[i] = resp.StatusCode
					_ = resp.Body.Close()
				}
			})
		}
		wg.Wait()
		count := map[int]int{}
		for _, s := range statuses {
			count[s]++
		}
		assert.Equal(t, map[int]int{http.StatusAccepted: 1, http.StatusConflict: 7}, count)
	})
}

// An upload is streamed: the Store has the first bytes before the client has sent the
// last.
func TestHTTPStreams(t *testing.T) {
	seen := make(chan struct{})
	b := newBench(t, func(b *bench) { b.store = &peekingStore{Store: b.store, seen: seen} })
	srv := httptest.NewServer(upload.NewHandler(b.Pipeline, nil))
	t.Cleanup(srv.Close)
	for _, kind := range []string{"video/mp4", "multipart/form-data; boundary=B"} {
		pr, pw := io.Pipe()
		go func() {
			if strings.HasPrefix(kind, "multipart") {
				_, _ = io.WriteString(pw, "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n")
			}
			_, _ = pw.Write(make([]byte, 1<<20))
			<-seen
			_, _ = io.WriteString(pw, "\r\n--B--\r\n")
			_ = pw.Close()
		}()
		req, err := http.NewRequestWithContext(b.ctx, "POST", srv.URL+"/assets", pr)
		require.NoError(t, err)
		req.Header.Set("Content-Type", kind)
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		assert.Equal(t, 202, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}
}

// peekingStore says when it has read the first byte of a source.
type peekingStore struct {
	storage.Store
	seen chan struct{}
}

func (s *peekingStore) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	if strings.HasPrefix(key, "sources/") {
		first := make([]byte, 1)
		if _, err := io.ReadFull(r, first); err != nil {
			return storage.Info{}, err
		}
		s.seen <- struct{}{}
		r = io.MultiReader(bytes.NewReader(first), r)
	}
	return s.Store.Put(ctx, key, r, o)
}
