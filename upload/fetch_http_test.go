package upload_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func TestHTTPImport(t *testing.T) {
	o := newOrigin(t, 50_000)
	b := newFetchBench(t, o, nil)
	var asked []string
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Authorize: func(_ *http.Request, action, asset string) error {
			asked = append(asked, action+" "+asset)
			return nil
		},
		Tenant:  func(*http.Request) string { return "t" },
		Prepare: func(_ *http.Request, n *upload.NewAsset) error { n.Priority = 0; return nil },
	})
	post := func(h http.Handler, body string) answer {
		return b.do(h, "POST", "/assets/import", strings.NewReader(body), "Content-Type", "application/json")
	}
	a := post(h, `{"url": "`+o.URL+`/clip.mp4?signature=secret", "id": "film", "name": "My film", "priority": 7, "metadata": {"album": "summer"}}`)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	assert.Equal(t, "/assets/film", a.header.Get("Location"))
	assert.Equal(t, []string{"upload ", "upload film"}, asked)
	assert.NotContains(t, a.body, "secret")
	got := b.concluded(upload.Asset{ID: "film", Attempt: a.Attempt})
	require.Equal(t, progress.Complete, got.Status, got.Error)
	b.has(got, o)
	assert.Equal(t, "My film", got.Name)
	assert.Equal(t, "t", got.Tenant)
	assert.Equal(t, "summer", got.Metadata["album"])
	assert.Zero(t, got.Priority)

	// An upload's bound holds for what is fetched, too.
	small := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{MaxUpload: 1000})
	a = post(small, `{"url": "`+o.URL+`"}`)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	got = b.concluded(upload.Asset{ID: a.ID, Attempt: a.Attempt})
	assert.Equal(t, "too_large", got.Error.Code)
	assert.Contains(t, got.Error.Message, "1000 bytes")
}

func TestHTTPImportRefusals(t *testing.T) {
	o := newOrigin(t, 1000)
	b := newFetchBench(t, o, func(b *bench) { b.opts.Fetch.AllowHosts = []string{"127.0.0.1", "10.0.0.1", "localhost"} })
	h := upload.NewHandler(b.Pipeline, nil)
	port := strings.TrimPrefix(o.URL, "http://127.0.0.1")
	b.create(upload.NewAsset{ID: "there"})
	for name, c := range map[string]struct {
		body, kind string
		status     int
		code, says string
	}{
		"no JSON":        {`{"url": "x"}`, "text/plain", 415, "unsupported_type", "application/json"},
		"a form":         {`url=x`, "application/x-www-form-urlencoded", 415, "unsupported_type", "application/json"},
		"bad JSON":       {`{"url": `, "application/json", 400, "bad_request", "JSON"},
		"two of them":    {`{"url": "x"} {}`, "application/json", 400, "bad_request", "JSON"},
		"another type":   {`{"url": 7}`, "application/json; charset=utf-8", 422, "invalid_field", "url"},
		"a number":       {`{"url": "` + o.URL + `", "name": 7}`, "application/json", 422, "invalid_field", `The field "name" can't be a number`},
		"a list":         {`[]`, "application/json", 422, "invalid_field", "object"},
		"no URL":         {`{}`, "application/json", 422, "invalid_field", "url"},
		"an id":          {`{"url": "` + o.URL + `", "id": "../x"}`, "application/json", 422, "invalid_field", "An id has"},
		"an id twice":    {`{"url": "` + o.URL + `", "id": "there"}`, "application/json", 409, "exists", "already"},
		"metadata":       {`{"url": "` + o.URL + `", "metadata": {"": "x"}}`, "application/json", 422, "invalid_field", "Metadata"},
		"too long":       {`{"url": "` + strings.Repeat("x", 2<<20) + `"}`, "application/json", 422, "invalid_field", "more than"},
		"no scheme":      {`{"url": "example.com/a"}`, "application/json", 422, "invalid_field", "begins with https:// or http://"},
		"a file":         {`{"url": "file:///etc/passwd"}`, "application/json", 422, "invalid_field", "begins with https:// or http://"},
		"credentials":    {`{"url": "http://u:p@127.0.0.1` + port + `"}`, "application/json", 422, "invalid_field", "password"},
		"a port":         {`{"url": "http://127.0.0.1:22"}`, "application/json", 422, "invalid_field", "port"},
		"a host":         {`{"url": "http://example.com` + port + `"}`, "application/json", 422, "invalid_field", "host"},
		"a private one":  {`{"url": "http://10.0.0.1` + port + `"}`, "application/json", 422, "invalid_field", "private network"},
		"in decimal":     {`{"url": "http://2130706433` + port + `"}`, "application/json", 422, "invalid_field", "private network"},
		"in hexadecimal": {`{"url": "http://0x7f000001` + port + `"}`, "application/json", 422, "invalid_field", "private network"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do(h, "POST", "/assets/import", strings.NewReader(c.body), "Content-Type", c.kind)
			assert.Equal(t, c.status, a.status, a.body)
			assert.Equal(t, c.code, a.Error.Code)
			assert.Contains(t, a.Error.Message, c.says)
		})
	}
	assert.Empty(t, o.ranges(), "nothing was called")

	post := func(opts *upload.HandlerOptions, p *upload.Pipeline) answer {
		return b.do(upload.NewHandler(p, opts), "POST", "/assets/import", strings.NewReader(`{"url": "`+o.URL+`"}`), "Content-Type", "application/json")
	}
	a := post(nil, newBench(t, nil).Pipeline)
	assert.Equal(t, http.StatusNotImplemented, a.status)
	assert.Equal(t, "not_supported", a.Error.Code)
	no := errors.New("no")
	assert.Equal(t, http.StatusForbidden, post(&upload.HandlerOptions{Authorize: func(*http.Request, string, string) error { return no }}, b.Pipeline).status)
	assert.Equal(t, http.StatusForbidden, post(&upload.HandlerOptions{Prepare: func(*http.Request, *upload.NewAsset) error { return no }}, b.Pipeline).status)
	a = b.do(h, "OPTIONS", "/assets/import", nil)
	assert.Contains(t, a.header.Get("Allow"), "POST")
	a = b.do(h, "GET", "/assets/import", nil)
	assert.Equal(t, http.StatusNotFound, a.status, "an asset may be called so")

	// A full backlog refuses imports as it does uploads.
	full := newFetchBench(t, o, func(b *bench) { b.opts.Workers, b.opts.Backlog = 1, 1 })
	reached, _ := full.studio.hold(1)
	full.create(upload.NewAsset{})
	receive(t, reached)
	full.create(upload.NewAsset{})
	a = post(nil, full.Pipeline)
	assert.Equal(t, http.StatusTooManyRequests, a.status)
	assert.NotEmpty(t, a.header.Get("Retry-After"))
}

// FuzzContentRange: what is taken for a range says where it begins, and is within what
// there is.
func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-9/*", "bytes */10", "BYTES 1-1/2", "bytes 9-0/10", "bytes 0-9/9", "bytes +1-2/3", "bytes 1-99999999999999999999/9", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		from, total, ok := upload.ParseContentRange(s)
		if !ok {
			return
		}
		assert.GreaterOrEqual(t, from, int64(0))
		assert.True(t, total == -1 || total > from, "%d of %d", from, total)
		assert.NotContains(t, s[6:], "+")
	})
}

func TestContentRange(t *testing.T) {
	for s, want := range map[string][2]int64{"bytes 0-9/10": {0, 10}, "bytes 5-9/*": {5, -1}, "Bytes 7-7/8": {7, 8}} {
		from, total, ok := upload.ParseContentRange(s)
		require.True(t, ok, s)
		assert.Equal(t, want, [2]int64{from, total}, s)
	}
	for _, s := range []string{"", "bytes", "bytes */10", "bytes 0-9", "bytes 0-9/9", "bytes 9-0/10", "bytes -1-9/10", "bytes +1-9/10", "items 0-9/10", "bytes 0-9/x", "bytes 0 -9/10"} {
		_, _, ok := upload.ParseContentRange(s)
		assert.False(t, ok, s)
	}
}
