package tus_test

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/tus"
)

func TestUpload(t *testing.T) {
	for name, newStore := range stores {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(b *bench) { b.store = newStore(t) })
			meta := "filename " + b64("a/film.mp4") + ", filetype " + b64("video/mp4") + ",album " + b64("summer") + ",flag"
			path := b.create(10, "Upload-Metadata", meta)

			head := b.do("HEAD", path, nil)
			assert.Equal(t, 200, head.StatusCode)
			assert.Equal(t, "10", head.Header.Get("Upload-Length"))
			assert.Equal(t, "0", head.Header.Get("Upload-Offset"))
			assert.Equal(t, meta, head.Header.Get("Upload-Metadata"))
			expires, err := http.ParseTime(head.Header.Get("Upload-Expires"))
			require.NoError(t, err)
			assert.WithinDuration(t, time.Now().Add(24*time.Hour), expires, time.Minute)
			assert.Empty(t, head.Header.Get(tus.AssetHeader))

			a := b.patch(path, 0, "abcd")
			assert.Equal(t, 204, a.StatusCode)
			assert.Equal(t, "4", a.Header.Get("Upload-Offset"))
			assert.NotEmpty(t, a.Header.Get("Upload-Expires"))
			assert.Equal(t, 4, b.offset(path))
			_, err = b.pipeline.Get(t.Context(), idOf(path))
			require.ErrorIs(t, err, upload.ErrNotFound)

			a = b.patch(path, 4, "efghij")
			assert.Equal(t, 204, a.StatusCode)
			assert.Equal(t, "10", a.Header.Get("Upload-Offset"))
			assert.Equal(t, idOf(path), a.Header.Get(tus.AssetHeader))
			assert.Empty(t, a.Header.Get("Upload-Expires"))
			asset := b.stored(path, []byte("abcdefghij"))
			assert.Equal(t, "film.mp4", asset.Name)
			assert.Equal(t, "video/mp4", asset.ContentType)
			assert.Equal(t, map[string]string{"album": "summer", "flag": ""}, asset.Metadata)
			assert.Len(t, asset.Source.Parts, 1, "what is small is put together")

			for range 2 { // who has missed the answer asks again
				head = b.do("HEAD", path, nil)
				assert.Equal(t, 200, head.StatusCode)
				assert.Equal(t, "10", head.Header.Get("Upload-Offset"))
				assert.Equal(t, "10", head.Header.Get("Upload-Length"))
				assert.Equal(t, idOf(path), head.Header.Get(tus.AssetHeader))
				a = b.patch(path, 10, "")
				assert.Equal(t, 204, a.StatusCode)
				assert.Equal(t, idOf(path), a.Header.Get(tus.AssetHeader))
			}
			a = b.patch(path, 4, "efghij")
			assert.Equal(t, 409, a.StatusCode)
			a = b.do("DELETE", path, nil)
			assert.Equal(t, 204, a.StatusCode)
			assert.Equal(t, 404, b.do("HEAD", path, nil).StatusCode)
			again, err := b.pipeline.Get(t.Context(), idOf(path))
			require.NoError(t, err, "the asset stays")
			assert.Equal(t, []byte("abcdefghij"), b.source(again))
		})
	}
}

func TestCreationWithUpload(t *testing.T) {
	b := newBench(t, nil)
	a := b.do("POST", "/uploads/", strings.NewReader("abc"), "Upload-Length", "6", "Content-Type", offsetType)
	require.Equal(t, 201, a.StatusCode, a.body)
	assert.Equal(t, "3", a.Header.Get("Upload-Offset"))
	assert.NotEmpty(t, a.Header.Get("Upload-Expires"))
	path := a.Header.Get("Location")
	assert.Equal(t, 3, b.offset(path))
	assert.Equal(t, 204, b.patch(path, 3, "def").StatusCode)
	b.stored(path, []byte("abcdef"))

	a = b.do("POST", "/uploads", strings.NewReader("abcdef"), "Upload-Length", "6", "Content-Type", offsetType)
	require.Equal(t, 201, a.StatusCode, a.body)
	assert.Equal(t, idOf(a.Header.Get("Location")), a.Header.Get(tus.AssetHeader))
	b.stored(a.Header.Get("Location"), []byte("abcdef"))

	a = b.do("POST", "/uploads", strings.NewReader("abcdef"), "Upload-Length", "5", "Content-Type", offsetType)
	assert.Equal(t, 413, a.StatusCode)
	assert.Equal(t, "too_large", a.code(t))
	assert.Equal(t, 0, b.offset(a.Header.Get("Location")), "it is there all the same")
}

func TestDeferredLength(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.MaxSize = 20 })
	create := func() string {
		t.Helper()
		a := b.do("POST", "/uploads", nil, "Upload-Defer-Length", "1")
		require.Equal(t, 201, a.StatusCode, a.body)
		return a.Header.Get("Location")
	}
	path := create()
	head := b.do("HEAD", path, nil)
	assert.Equal(t, "1", head.Header.Get("Upload-Defer-Length"))
	assert.Empty(t, head.Header.Get("Upload-Length"))
	assert.Equal(t, 204, b.patch(path, 0, "abc").StatusCode)
	assert.Equal(t, 204, b.patch(path, 3, "def", "Upload-Length", "8").StatusCode)
	head = b.do("HEAD", path, nil)
	assert.Empty(t, head.Header.Get("Upload-Defer-Length"))
	assert.Equal(t, "8", head.Header.Get("Upload-Length"))
	assert.Equal(t, 400, b.patch(path, 6, "gh", "Upload-Length", "9").StatusCode, "it was said already")
	assert.Equal(t, 204, b.patch(path, 6, "gh").StatusCode)
	b.stored(path, []byte("abcdefgh"))

	path = create() // the length comes last, with nothing
	assert.Equal(t, 204, b.patch(path, 0, "abc").StatusCode)
	a := b.patch(path, 3, "", "Upload-Length", "3")
	assert.Equal(t, 204, a.StatusCode)
	assert.Equal(t, idOf(path), a.Header.Get(tus.AssetHeader))
	b.stored(path, []byte("abc"))

	path = create()
	assert.Equal(t, 204, b.patch(path, 0, "abc").StatusCode)
	assert.Equal(t, 400, b.patch(path, 3, "", "Upload-Length", "2").StatusCode, "more has come")
	a = b.patch(path, 3, "", "Upload-Length", "21")
	assert.Equal(t, 413, a.StatusCode)
	assert.Equal(t, "too_large", a.code(t))
	a = b.patch(path, 3, strings.Repeat("x", 18))
	assert.Equal(t, 413, a.StatusCode)
	assert.Equal(t, 20, b.offset(path), "as far as it may go")
	path = create()
	a = b.patch(path, 0, "", "Upload-Length", "0")
	assert.Equal(t, 422, a.StatusCode)
	assert.Equal(t, "empty_upload", a.code(t))
}

func TestTermination(t *testing.T) {
	b := newBench(t, nil)
	path := b.create(10)
	assert.Equal(t, 204, b.patch(path, 0, "abcd").StatusCode)
	assert.Equal(t, 204, b.do("POST", path, nil, "X-HTTP-Method-Override", "DELETE").StatusCode)
	for _, method := range []string{"HEAD", "DELETE"} {
		assert.Equal(t, 404, b.do(method, path, nil).StatusCode, method)
	}
	assert.Equal(t, "not_found", b.patch(path, 4, "e").code(t))
	assert.Empty(t, b.parts(path))
}

func TestChecksum(t *testing.T) {
	const abc = "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=" // of "abc"
	b := newBench(t, nil)
	path := b.create(6)
	for _, wrong := range []string{"sha1", "sha1 x", "sha1 YWJj", "sha3 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "=", " "} {
		a := b.patch(path, 0, "abc", "Upload-Checksum", wrong)
		assert.Equal(t, 400, a.StatusCode, wrong)
		assert.Equal(t, "bad_request", a.code(t))
	}
	a := b.patch(path, 0, "abd", "Upload-Checksum", abc)
	assert.Equal(t, 460, a.StatusCode)
	assert.Equal(t, "checksum_mismatch", a.code(t))
	assert.Equal(t, 0, b.offset(path))
	assert.Equal(t, 204, b.patch(path, 0, "abc", "Upload-Checksum", abc).StatusCode)
	assert.Equal(t, 460, b.patch(path, 3, "def", "Upload-Checksum", abc).StatusCode)
	assert.Equal(t, 3, b.offset(path))
	assert.Equal(t, 204, b.patch(path, 3, "def", "Upload-Checksum", "crc32 DMThYQ==").StatusCode)
	b.stored(path, []byte("abcdef"))

	a = b.do("POST", "/uploads", strings.NewReader("abd"), "Upload-Length", "3", "Content-Type", offsetType, "Upload-Checksum", abc)
	assert.Equal(t, 460, a.StatusCode)
	path = a.Header.Get("Location")
	assert.Equal(t, 0, b.offset(path))
	assert.Equal(t, 204, b.patch(path, 0, "abc", "Upload-Checksum", abc).StatusCode)
	b.stored(path, []byte("abc"))
}

func TestOptions(t *testing.T) {
	b := newBench(t, func(b *bench) {
		b.opts.MaxSize = 1000
		b.tus.AllowOrigin = "https://pages.example"
		b.tus.Authorize = func(*http.Request, string, string) error { return errors.New("no") }
	})
	for _, path := range []string{"/uploads", "/uploads/x"} {
		a := b.do("OPTIONS", path, nil, "Tus-Resumable", "")
		assert.Equal(t, 204, a.StatusCode)
		assert.Equal(t, "1.0.0", a.Header.Get("Tus-Version"))
		assert.Equal(t, "creation,creation-with-upload,termination,creation-defer-length,expiration,checksum", a.Header.Get("Tus-Extension"))
		assert.Equal(t, "1000", a.Header.Get("Tus-Max-Size"))
		assert.Contains(t, a.Header.Get("Tus-Checksum-Algorithm"), "sha1")
		assert.Equal(t, "https://pages.example", a.Header.Get("Access-Control-Allow-Origin"))
		assert.Contains(t, a.Header.Get("Access-Control-Allow-Headers"), "Upload-Offset")
		assert.NotEmpty(t, a.Header.Get("Access-Control-Allow-Methods"))
	}
	a := b.do("POST", "/uploads", nil)
	assert.Equal(t, 403, a.StatusCode)
	assert.Equal(t, "https://pages.example", a.Header.Get("Access-Control-Allow-Origin"), "also on refusals")
	assert.Contains(t, a.Header.Get("Access-Control-Expose-Headers"), "Vodkit-Asset")
}

func TestNonsense(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.MaxSize = 1000 })
	path := b.create(10)
	for _, c := range []struct {
		method, path string
		head         []string
		status       int
		code         string
	}{
		{"POST", "/uploads", []string{"Tus-Resumable", "0.2.2", "Upload-Length", "1"}, 412, "unsupported_version"},
		{"POST", "/uploads", []string{"Tus-Resumable", "", "Upload-Length", "1"}, 412, "unsupported_version"},
		{"POST", "/uploads", nil, 400, "bad_request"},
		{"POST", "/uploads", []string{"Upload-Length", "-1"}, 400, "bad_request"},
		{"POST", "/uploads", []string{"Upload-Length", "x"}, 400, "bad_request"},
		{"POST", "/uploads", []string{"Upload-Length", "99999999999999999999"}, 400, "bad_request"},
		{"POST", "/uploads", []string{"Upload-Length", "0"}, 422, "empty_upload"},
		{"POST", "/uploads", []string{"Upload-Length", "1001"}, 413, "too_large"},
		{"POST", "/uploads", []string{"Upload-Length", "1", "Upload-Defer-Length", "1"}, 400, "bad_request"},
		{"POST", "/uploads", []string{"Upload-Defer-Length", "2"}, 400, "bad_request"},
		{"POST", "/uploads", []string{"Upload-Length", "1", "Upload-Metadata", "a !"}, 400, "bad_request"},
		{"POST", "/uploads", []string{"Upload-Length", "1", "Upload-Metadata", "a,a"}, 400, "bad_request"},
		{"POST", "/uploads", []string{"Upload-Length", "1", "Upload-Metadata", "a " + b64(strings.Repeat("x", 5000))}, 422, "invalid_field"},
		{"POST", "/uploads", []string{"Upload-Length", "1", "Upload-Metadata", "filetype " + b64("text/html")}, 415, "unsupported_type"},
		{"POST", path, []string{"Upload-Length", "1"}, 405, "method_not_allowed"},
		{"GET", path, nil, 405, "method_not_allowed"},
		{"PUT", "/uploads", nil, 405, "method_not_allowed"},
		{"POST", "/uploads", []string{"X-HTTP-Method-Override", "BREW"}, 405, "method_not_allowed"},
		{"PATCH", path, []string{"Upload-Offset", "0"}, 415, "unsupported_type"},
		{"PATCH", path, []string{"Upload-Offset", "0", "Content-Type", "text/plain"}, 415, "unsupported_type"},
		{"PATCH", path, []string{"Content-Type", offsetType}, 400, "bad_request"},
		{"PATCH", path, []string{"Content-Type", offsetType, "Upload-Offset", "-1"}, 400, "bad_request"},
		{"PATCH", path, []string{"Content-Type", offsetType, "Upload-Offset", "x"}, 400, "bad_request"},
		{"PATCH", path, []string{"Content-Type", offsetType, "Upload-Offset", "1"}, 409, "wrong_offset"},
		{"PATCH", path, []string{"Content-Type", offsetType, "Upload-Offset", "0", "Upload-Length", "3"}, 400, "bad_request"},
		{"PATCH", path + "x", []string{"Content-Type", offsetType, "Upload-Offset", "0"}, 404, "not_found"},
		{"DELETE", "/uploads/..%2f..%2fcatalog", nil, 404, "not_found"},
		{"DELETE", "/uploads/a/b", nil, 404, "not_found"},
		{"DELETE", "/uploads/%00", nil, 404, "not_found"},
		{"HEAD", "/uploads/nobody", nil, 404, ""},
		{"HEAD", "/uploads", nil, 405, ""},
	} {
		a := b.do(c.method, c.path, nil, c.head...)
		assert.Equal(t, c.status, a.StatusCode, "%v: %s", c, a.body)
		if c.code != "" {
			assert.Equal(t, c.code, a.code(t), "%v", c)
		}
		if c.status == 412 {
			assert.Equal(t, "1.0.0", a.Header.Get("Tus-Version"))
		}
		if c.status == 405 {
			assert.NotEmpty(t, a.Header.Get("Allow"))
		}
	}
	a := b.patch(path, 0, "more than ten")
	assert.Equal(t, 413, a.StatusCode)
	a = b.do("PATCH", path, io.MultiReader(strings.NewReader("more than "), strings.NewReader("ten")), // of unknown length
		"Content-Type", offsetType, "Upload-Offset", "0")
	assert.Equal(t, 413, a.StatusCode)
	assert.Equal(t, "too_large", a.code(t))
	assert.Equal(t, 10, b.offset(path), "what was announced came")
}

// What the pipeline refuses is refused before the first byte, with its own words.
func TestAdmission(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Backlog = 1 })
	full := upload.ErrBacklogFull
	for status, err := range map[int]error{401: status(401), 404: upload.ErrNotFound, 403: full} {
		b.tus.Prepare = func(*http.Request, *upload.NewAsset) error { return err }
		b.stop()
		b.start()
		assert.Equal(t, status, b.do("POST", "/uploads", nil, "Upload-Length", "1").StatusCode)
	}
	b.tus.Prepare = func(_ *http.Request, n *upload.NewAsset) error {
		n.ID, n.Size, n.Priority = "mine", 7, 3
		return nil
	}
	b.stop()
	b.start()
	path := b.create(3)
	assert.Equal(t, "/uploads/mine", path)
	a := b.do("POST", "/uploads", nil, "Upload-Length", "1")
	assert.Equal(t, 409, a.StatusCode)
	assert.Equal(t, "exists", a.code(t))
	assert.Equal(t, 204, b.patch(path, 0, "abc").StatusCode)
	assert.Equal(t, 3, b.stored(path, []byte("abc")).Priority)
	require.NoError(t, b.pipeline.Shutdown(t.Context()))
	a = b.do("POST", "/uploads", nil, "Upload-Length", "1")
	assert.Equal(t, 503, a.StatusCode)
	assert.Equal(t, "unavailable", a.code(t))
	assert.NotEmpty(t, a.Header.Get("Retry-After"))
}

type status int

func (s status) Error() string   { return strconv.Itoa(int(s)) }
func (s status) HTTPStatus() int { return int(s) }

func TestBacklogFull(t *testing.T) {
	b := newBench(t, nil)
	b.opts.Backlog = 1
	b.stop()
	gate := make(chan struct{})
	b.opts.Workers = 1
	b.store = &gateStore{Store: b.store, gate: gate}
	b.start()
	path := b.create(3)
	first := b.create(1)
	assert.Equal(t, 204, b.patch(first, 0, "x").StatusCode)
	require.Eventually(t, func() bool { // or it would be the one that waits
		a, err := b.pipeline.Get(t.Context(), idOf(first))
		return err == nil && a.Status == progress.Running
	}, 10*time.Second, time.Millisecond)
	second := b.create(1)
	assert.Equal(t, 204, b.patch(second, 0, "x").StatusCode)
	require.Eventually(t, func() bool {
		a := b.do("POST", "/uploads", nil, "Upload-Length", "1")
		return a.StatusCode == 429 && a.code(t) == "backlog_full" && a.Header.Get("Retry-After") != ""
	}, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, 204, b.patch(path, 0, "abc").StatusCode, "what has begun is not refused")
	close(gate)
	b.stored(path, []byte("abc"))
}

// Hooks see each request, and one tenant's uploads are nobody else's.
func TestTenants(t *testing.T) {
	var asked []string
	b := newBench(t, func(b *bench) {
		b.tus.Tenant = func(r *http.Request) string { return r.Header.Get("X-Tenant") }
		b.tus.Authorize = func(r *http.Request, action, asset string) error {
			asked = append(asked, action+" "+asset)
			if r.Header.Get("X-Tenant") == "nobody" {
				return status(401)
			}
			return nil
		}
	})
	path := b.create(6, "X-Tenant", "acme")
	assert.Equal(t, 204, b.patch(path, 0, "abc", "X-Tenant", "acme").StatusCode)
	for _, who := range []string{"other", "nobody"} {
		want := map[string]int{"other": 404, "nobody": 401}[who]
		assert.Equal(t, want, b.patch(path, 3, "def", "X-Tenant", who).StatusCode)
		assert.Equal(t, want, b.do("HEAD", path, nil, "X-Tenant", who).StatusCode)
		assert.Equal(t, want, b.do("DELETE", path, nil, "X-Tenant", who).StatusCode)
	}
	assert.Equal(t, 204, b.patch(path, 3, "def", "X-Tenant", "acme").StatusCode)
	assert.Equal(t, "acme", b.stored(path, []byte("abcdef")).Tenant)
	id := idOf(path)
	assert.Equal(t, []string{"upload ", "upload " + id, "upload " + id}, asked[:3])
}

func TestMetadataKept(t *testing.T) {
	b := newBench(t, func(b *bench) { b.tus.Metadata = []string{"album"} })
	path := b.create(1, "Upload-Metadata", "name "+b64("n.mp4")+",type "+b64("video/mp4")+",album "+b64("a")+",other "+b64("b")+",relativePath "+b64("null"))
	b.patch(path, 0, "x")
	a := b.stored(path, []byte("x"))
	assert.Equal(t, "n.mp4", a.Name)
	assert.Equal(t, "video/mp4", a.ContentType)
	assert.Equal(t, map[string]string{"album": "a"}, a.Metadata)
}

// A hook that panics is answered.
func TestPanic(t *testing.T) {
	b := newBench(t, func(b *bench) {
		b.tus.Prepare = func(*http.Request, *upload.NewAsset) error { panic("host") }
	})
	a := b.do("POST", "/uploads", nil, "Upload-Length", "1")
	assert.Equal(t, 500, a.StatusCode)
	assert.Equal(t, "internal", a.code(t))
}

func TestNew(t *testing.T) {
	b := newBench(t, nil)
	_, err := tus.New(nil, b.store, nil)
	require.Error(t, err)
	_, err = tus.New(b.pipeline, nil, nil)
	require.Error(t, err)
}
