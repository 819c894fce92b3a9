package deliver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"gocloud.dev/blob/memblob"
)

// at is an object of a Store as a Resource.
type at struct {
	store storage.Store
	key   string
	opens int
	fail  func(n int) error // before the n-th Open
}

func (a *at) Stat(ctx context.Context) (storage.Info, error) { return a.store.Stat(ctx, a.key) }

func (a *at) Open(ctx context.Context, opts *storage.OpenOptions) (*storage.Object, error) {
	a.opens++
	if a.fail != nil {
		if err := a.fail(a.opens); err != nil {
			return nil, err
		}
	}
	return a.store.Open(ctx, a.key, opts)
}

var body = []byte(strings.Repeat("0123456789", 20_000))

// resources are one object in a folder and in memory.
func resources(t *testing.T) map[string]*at {
	t.Helper()
	file, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	mem := blobstore.New(memblob.OpenBucket(nil), nil)
	out := map[string]*at{}
	for name, store := range map[string]*blobstore.Store{"file": file, "memory": mem} {
		t.Cleanup(func() { assert.NoError(t, store.Close()) })
		_, err := store.Put(t.Context(), "a/film.mp4", bytes.NewReader(body), nil)
		require.NoError(t, err)
		out[name] = &at{store: store, key: "a/film.mp4"}
	}
	return out
}

func serve(res deliver.Resource) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deliver.Serve(w, r, res, deliver.Options{
			Header: func(h http.Header, _ storage.Info) { h.Set("Content-Type", "video/mp4") },
			Name:   "film", Logger: slog.New(slog.DiscardHandler),
		})
	}))
}

func get(t *testing.T, srv *httptest.Server, headers ...string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := srv.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, data, err
}

// Several ranges come as parts, each with its place, and Content-Length is right.
func TestServeParts(t *testing.T) {
	for name, res := range resources(t) {
		t.Run(name, func(t *testing.T) {
			srv := serve(res)
			defer srv.Close()
			for header, want := range map[string][][2]int{
				"bytes=0-1,4-5":                      {{0, 1}, {4, 5}},
				"bytes=100000-199999, 7-7 ,-3":       {{100000, 199999}, {7, 7}, {199997, 199999}},
				"bytes=5-4000, 200000-200001, 3-3":   {{5, 4000}, {3, 3}},
				"bytes=9-9,9-9,9-9":                  {{9, 9}, {9, 9}, {9, 9}},
				"bytes=199999-99999999999999999,,-1": {{199999, 199999}, {199999, 199999}},
			} {
				resp, data, err := get(t, srv, "Range", header)
				require.NoError(t, err, header)
				require.Equal(t, 206, resp.StatusCode, header)
				assert.EqualValues(t, len(data), resp.ContentLength, header)
				assert.Empty(t, resp.Header.Get("Content-Range"), header)
				kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
				require.NoError(t, err)
				require.Equal(t, "multipart/byteranges", kind)
				parts := multipart.NewReader(bytes.NewReader(data), params["boundary"])
				for _, w := range want {
					p, err := parts.NextPart()
					require.NoError(t, err, header)
					assert.Equal(t, fmt.Sprintf("bytes %d-%d/%d", w[0], w[1], len(body)), p.Header.Get("Content-Range"))
					assert.Equal(t, "video/mp4", p.Header.Get("Content-Type"))
					got, err := io.ReadAll(p)
					require.NoError(t, err)
					assert.True(t, bytes.Equal(body[w[0]:w[1]+1], got), "%s: %v", header, w)
				}
				_, err = parts.NextPart()
				assert.ErrorIs(t, err, io.EOF, header)
			}
		})
	}
}

// A part that can't be had ends the answer short of its Content-Length.
func TestServePartsBreakOff(t *testing.T) {
	res := resources(t)["memory"]
	srv := serve(res)
	defer srv.Close()
	res.fail = func(n int) error {
		if n > 1 {
			return errors.New("the bucket is away")
		}
		return nil
	}
	resp, _, err := get(t, srv, "Range", "bytes=0-1,4-5")
	assert.Equal(t, 206, resp.StatusCode)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// A plain GET and one range open the object once and look at nothing before.
func TestServeOpensOnce(t *testing.T) {
	for name, res := range resources(t) {
		srv := serve(res)
		for _, header := range []string{"", "bytes=5-10", "bytes=5-"} {
			res.opens = 0
			_, _, err := get(t, srv, "Range", header)
			require.NoError(t, err)
			assert.Equal(t, 1, res.opens, "%s %q", name, header)
		}
		srv.Close()
	}
}

// A file that becomes shorter while it is sent does not look whole.
func TestServeShortFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.mp4")
	require.NoError(t, os.WriteFile(path, body, 0o600))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deliver.Serve(w, r, longer{path: path}, deliver.Options{Name: "film", Logger: slog.New(slog.DiscardHandler)})
	}))
	defer srv.Close()
	_, data, err := get(t, srv)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Len(t, data, len(body))
}

// longer says that a file has a byte more than it has.
type longer struct{ path string }

func (l longer) Stat(context.Context) (storage.Info, error) {
	return storage.Info{Key: l.path, Size: int64(len(body)) + 1, ModTime: time.Now()}, nil
}

func (l longer) Open(ctx context.Context, _ *storage.OpenOptions) (*storage.Object, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	info, err := l.Stat(ctx)
	return &storage.Object{Info: info, Body: f}, err
}

// Whatever the header says, what comes is what RFC 9110 allows: the whole, a part of it as
// Content-Range says, or 416.
func FuzzRange(f *testing.F) {
	f.Add("bytes=0-1,4-5")
	f.Add("bytes=-0, 9-")
	f.Add("bytes=9223372036854775807-9223372036854775807")
	res := known{storage.Info{Key: "a", Size: int64(len(body)), ETag: "x"}}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Range"] = []string{header}
		w := httptest.NewRecorder()
		deliver.Serve(w, r, res, deliver.Options{Name: "a", Logger: slog.New(slog.DiscardHandler)})
		switch w.Code {
		case http.StatusOK:
			assert.Equal(t, len(body), w.Body.Len())
		case http.StatusPartialContent:
			assert.Equal(t, fmt.Sprint(w.Body.Len()), w.Header().Get("Content-Length"))
			var first, last, size int
			if n, _ := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size); n == 3 {
				assert.Equal(t, len(body), size)
				assert.True(t, bytes.Equal(body[first:last+1], w.Body.Bytes()))
			} else {
				assert.True(t, strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/byteranges"))
				assert.Less(t, w.Body.Len(), len(body)+16*300)
			}
		case http.StatusRequestedRangeNotSatisfiable:
		default:
			t.Fatalf("%q: %d", header, w.Code)
		}
	})
}

// known is body as a Resource.
type known struct{ storage.Info }

func (k known) Stat(context.Context) (storage.Info, error) { return k.Info, nil }

func (k known) Open(_ context.Context, opts *storage.OpenOptions) (*storage.Object, error) {
	if opts.Offset > 0 && opts.Offset >= k.Size {
		return nil, storage.ErrRange
	}
	return &storage.Object{Info: k.Info, Body: io.NopCloser(bytes.NewReader(body[opts.Offset:]))}, nil
}
