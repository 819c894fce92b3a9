package upload_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// The original comes whole, in ranges and under the name it had, to those who may have it.
func TestHTTPSource(t *testing.T) {
	b := newBench(t, nil)
	a, err := b.Create(b.ctx, upload.NewAsset{Name: "Ünï \"clip\"\n.MP4"}, strings.NewReader("0123456789"))
	require.NoError(t, err)
	var asked string
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Originals: true, Authorize: func(_ *http.Request, action, asset string) error {
		asked = action + " " + asset
		return nil
	}})
	target := "/assets/" + a.ID + "/source"
	whole := b.do(h, "GET", target, nil)
	assert.Equal(t, 200, whole.status)
	assert.Equal(t, "0123456789", whole.body)
	assert.Equal(t, "source "+a.ID, asked)
	for name, want := range map[string]string{
		"Content-Type": "video/mp4", "Content-Length": "10", "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "sandbox", "Cache-Control": "private, no-cache",
		"Content-Disposition": `inline; filename*=utf-8''%C3%9Cn%C3%AF%20%22clip%22.MP4`,
	} {
		assert.Equal(t, want, whole.header.Get(name), name)
	}
	assert.True(t, strings.HasPrefix(b.do(h, "GET", target+"?download", nil).header.Get("Content-Disposition"), "attachment; "))
	part := b.do(h, "GET", target, nil, "Range", "bytes=2-4")
	assert.Equal(t, 206, part.status)
	assert.Equal(t, "234", part.body)
	assert.Equal(t, "bytes 2-4/10", part.header.Get("Content-Range"))
	tag := whole.header.Get("ETag")
	assert.Equal(t, 304, b.do(h, "GET", target, nil, "If-None-Match", tag).status)
	assert.Equal(t, "89", b.do(h, "GET", target, nil, "Range", "bytes=-2", "If-Range", tag).body)
	assert.Equal(t, 416, b.do(h, "GET", target, nil, "Range", "bytes=10-").status)
	assert.Equal(t, 200, b.do(h, "HEAD", target, nil).status)
	assert.Equal(t, 405, b.do(h, "POST", target, nil).status)
	assert.Equal(t, 404, b.do(h, "GET", "/assets/none/source", nil).status)

	assert.Equal(t, 404, b.do(upload.NewHandler(b.Pipeline, nil), "GET", target, nil).status, "not asked for")
	refuse := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Originals: true, Authorize: func(*http.Request, string, string) error { return fs.ErrPermission }})
	assert.Equal(t, 403, b.do(refuse, "GET", target, nil).status)
	tenant := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Originals: true, Tenant: func(*http.Request) string { return "other" }})
	assert.Equal(t, 404, b.do(tenant, "GET", target, nil).status)
}

// What somebody names like a page is no page.
func TestHTTPSourceIsNoPage(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Originals: true})
	for _, name := range []string{"x.html", "x.svg", "x", "x.mp4.htm", "x.json", "../x.js"} {
		a := b.create(upload.NewAsset{Name: name})
		got := b.do(h, "GET", "/assets/"+a.ID+"/source", nil)
		assert.Equal(t, "application/octet-stream", got.header.Get("Content-Type"), name)
		assert.NotContains(t, got.header.Get("Content-Disposition"), "/")
	}
}

// Many parts are one file: every range of it is right, and opens no more parts than it has.
func TestSourceOfParts(t *testing.T) {
	store := newStore(t)
	whole := ""
	a := upload.Asset{ID: "film"}
	for n, size := range []int{7, 1, 0, 12, 5} {
		key := fmt.Sprintf("sources/film/%d", n)
		text := strings.Repeat(string(rune('a'+n)), size)
		info, err := store.Put(t.Context(), key, strings.NewReader(text), nil)
		require.NoError(t, err)
		a.Source.Parts = append(a.Source.Parts, encoder.Part{Key: key, Size: int64(size), ETag: info.ETag})
		whole += text
	}
	serve := func(headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		deliver.Serve(w, r, upload.OriginalOf(store, a), deliver.Options{Name: "film", Logger: slog.New(slog.DiscardHandler)})
		return w
	}
	assert.Equal(t, whole, serve().Body.String())
	for from := range len(whole) {
		for to := from; to < len(whole); to++ {
			w := serve("Range", fmt.Sprintf("bytes=%d-%d", from, to))
			require.Equal(t, 206, w.Code)
			require.Equal(t, whole[from:to+1], w.Body.String(), "%d to %d", from, to)
		}
	}
	assert.Equal(t, 416, serve("Range", "bytes=25-").Code)
	assert.Contains(t, serve("Range", "bytes=0-0,20-24").Body.String(), "eeeee")

	_, err := store.Put(t.Context(), "sources/film/3", strings.NewReader("other bytes!"), nil)
	require.NoError(t, err)
	obj, err := upload.OriginalOf(store, a).Open(t.Context(), &storage.OpenOptions{})
	require.NoError(t, err)
	_, err = io.ReadAll(obj)
	assert.True(t, errors.Is(err, storage.ErrPrecondition), "%v", err)
	assert.NoError(t, obj.Close())
	assert.Equal(t, 404, func() int {
		w := httptest.NewRecorder()
		deliver.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), upload.OriginalOf(store, upload.Asset{ID: "none"}), deliver.Options{Logger: slog.New(slog.DiscardHandler)})
		return w.Code
	}())
}
