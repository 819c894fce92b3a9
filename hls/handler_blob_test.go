package hls_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"gocloud.dev/blob/memblob"
)

// buckets are real stores: one of files, one without.
func buckets(t *testing.T) map[string]storage.Store {
	t.Helper()
	file, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	mem := memblob.OpenBucket(nil)
	t.Cleanup(func() {
		assert.NoError(t, file.Close())
		assert.NoError(t, mem.Close())
	})
	return map[string]storage.Store{"file": file, "mem": blobstore.New(mem, nil)}
}

func TestPublishAndServeFromBuckets(t *testing.T) {
	for name, store := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			m := encode(ntsc(), 3, 2)
			p := newPublisher(t, store, ntsc(), nil)
			for _, u := range m.updates() {
				switch u := u.(type) {
				case hls.Init:
					put(t, store, path.Join(prefix, attempt, u.Key), "init of "+u.Track)
					require.NoError(t, p.Init(t.Context(), u))
				case hls.Segment:
					put(t, store, path.Join(prefix, attempt, u.Key), strings.Repeat(u.Key+"\n", 20_000))
					require.NoError(t, p.Segment(t.Context(), u))
				}
			}
			require.NoError(t, p.Finish(t.Context()))
			srv := httptest.NewServer(http.StripPrefix("/media", hls.NewHandler(store, nil)))
			defer srv.Close()

			// Everything that can be reached from the multivariant playlist is there.
			queue, seen := []string{"/" + p.Playlist()}, 0
			for len(queue) > 0 {
				target := queue[0]
				queue = queue[1:]
				resp, body := get(t, srv, target)
				require.Equal(t, 200, resp.StatusCode, target)
				seen++
				if path.Ext(target) == ".m3u8" {
					assert.True(t, resp.Uncompressed, "the transport asks for gzip")
					queue = append(queue, refs(target, body)...)
					continue
				}
				assert.EqualValues(t, len(body), resp.ContentLength)
			}
			assert.Equal(t, 1+4+4+4*4, seen)
			againstServeContent(t, srv, store, "media/42/a1/v720/1-25.m4s")
		})
	}
}

// againstServeContent compares single ranges and conditions with net/http's own.
func againstServeContent(t *testing.T, srv *httptest.Server, store storage.Store, key string) {
	t.Helper()
	resp, body := get(t, srv, "/"+key)
	oracle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		modified, err := http.ParseTime(resp.Header.Get("Last-Modified"))
		require.NoError(t, err)
		w.Header().Set("ETag", resp.Header.Get("ETag"))
		w.Header().Set("Content-Type", "video/iso.segment")
		http.ServeContent(w, r, "", modified, bytes.NewReader([]byte(body)))
	})
	tag, modified := resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")
	for _, headers := range [][]string{
		{"Range: bytes=0-0"}, {"Range: bytes=100-70000"}, {"Range: bytes=100-"}, {"Range: bytes=-5"}, {"Range: bytes=99999999-"},
		{"Range: bytes=1-2", "If-Range: " + tag}, {"Range: bytes=1-2", `If-Range: "no"`}, {"Range: bytes=1-2", "If-Range: " + modified},
		{"If-None-Match: " + tag}, {"If-None-Match: W/" + tag}, {"If-Modified-Since: " + modified}, {`If-Match: "no"`},
		{"If-Unmodified-Since: Mon, 02 Jan 2006 15:04:05 GMT"}, {`If-Match: "no", ` + tag, "Range: bytes=7-9"},
	} {
		want := ask(oracle, "GET", "/", headers...)
		got, text := get(t, srv, "/"+key, headers...)
		assert.Equal(t, want.Code, got.StatusCode, headers)
		if want.Code >= 400 {
			continue
		}
		assert.True(t, want.Body.String() == text, "%v: another body", headers)
		for _, name := range []string{"Content-Range", "ETag", "Content-Length", "Content-Type"} {
			assert.Equal(t, want.Header().Get(name), got.Header.Get(name), "%v: %s", headers, name)
		}
	}
}

// What net/http is given is a limited *os.File, which it hands to sendfile.
func TestHandlerSendsFiles(t *testing.T) {
	file := buckets(t)["file"]
	put(t, file, segKey, segBody)
	for _, header := range []string{"Accept: */*", "Range: bytes=2-4", "Range: bytes=-4"} {
		w := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodGet, "/42/a1/v720/0-0f.m4s", nil)
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
		hls.NewHandler(file, nil).ServeHTTP(w, r)
		require.NotNil(t, w.from, header)
		limited, ok := w.from.(*io.LimitedReader)
		require.True(t, ok, "%T", w.from)
		assert.IsType(t, (*os.File)(nil), limited.R)
	}
}

// readerFrom records what it is asked to read from.
type readerFrom struct {
	*httptest.ResponseRecorder
	from io.Reader
}

func (w *readerFrom) ReadFrom(r io.Reader) (int64, error) {
	w.from = r
	return io.Copy(w.ResponseRecorder, r)
}

// A growing playlist that is read while it is replaced is always whole.
func TestHandlerServesWholePlaylists(t *testing.T) {
	for name, store := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			m := encode(ntsc(), 60, 0)
			p := newPublisher(t, store, ntsc(), nil)
			h := hls.NewHandler(store, &hls.HandlerOptions{Revalidate: -1})
			done := make(chan error, 1)
			go func() {
				for _, u := range m.updates() {
					var err error
					switch u := u.(type) {
					case hls.Init:
						err = p.Init(t.Context(), u)
					case hls.Segment:
						err = p.Segment(t.Context(), u)
					}
					if err != nil {
						done <- fmt.Errorf("%v: %w", u, err)
						return
					}
				}
				done <- nil
			}()
			var count uint
			for growing := true; growing; {
				select {
				case err := <-done:
					require.NoError(t, err)
					growing = false
				default:
				}
				w := ask(h, "GET", "/42/a1/audio/event.m3u8", "Accept-Encoding: gzip")
				if w.Code != 200 {
					require.Equal(t, 404, w.Code)
					require.Zero(t, count)
					continue
				}
				n := parseMedia(t, gunzip(t, w.Body)).Count()
				require.GreaterOrEqual(t, n, count)
				count = n
			}
			assert.EqualValues(t, 60, count)
		})
	}
}

func put(t testing.TB, s storage.Store, key, body string) {
	t.Helper()
	_, err := s.Put(t.Context(), key, strings.NewReader(body), nil)
	require.NoError(t, err)
}

func get(t *testing.T, srv *httptest.Server, target string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+target, nil)
	require.NoError(t, err)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	client := srv.Client()
	client.Timeout = time.Minute
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

// Over HTTP/2 there is no sendfile, and all the same.
func TestHandlerHTTP2(t *testing.T) {
	for name, store := range buckets(t) {
		body := strings.Repeat("0123456789", 100_000)
		put(t, store, segKey, body)
		put(t, store, listKey, listBody)
		srv := httptest.NewUnstartedServer(hls.NewHandler(store, nil))
		srv.EnableHTTP2 = true
		srv.StartTLS()
		for range 3 {
			resp, got := get(t, srv, "/42/a1/v720/0-0f.m4s")
			assert.Equal(t, 2, resp.ProtoMajor, name)
			assert.True(t, body == got, name)
			resp, got = get(t, srv, "/42/a1/v720/0-0f.m4s", "Range: bytes=77-999998")
			assert.Equal(t, 206, resp.StatusCode, name)
			assert.True(t, body[77:999999] == got, name)
			_, got = get(t, srv, "/42/a1/v720/event.m3u8")
			assert.Equal(t, listBody, got, name)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, srv.URL+"/42/a1/v720/0-0f.m4s", nil)
			require.NoError(t, err)
			head, err := srv.Client().Do(req)
			require.NoError(t, err)
			require.NoError(t, head.Body.Close())
			assert.EqualValues(t, len(body), head.ContentLength, name)
		}
		srv.Close()
	}
}
