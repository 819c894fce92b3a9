package hls_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// counting counts what a Store is asked.
type counting struct {
	storage.Store
	opens, stats atomic.Int64
	gate         chan struct{} // where it is not nil, Open waits for it
}

func (c *counting) Open(ctx context.Context, key string, opts *storage.OpenOptions) (*storage.Object, error) {
	c.opens.Add(1)
	if c.gate != nil {
		select {
		case <-c.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return c.Store.Open(ctx, key, opts)
}

func (c *counting) Stat(ctx context.Context, key string) (storage.Info, error) {
	c.stats.Add(1)
	return c.Store.Stat(ctx, key)
}

// A file is opened once for many requests, one after the other, and no more are kept than
// was said.
func TestHandlerKeepsFilesOpen(t *testing.T) {
	store := &counting{Store: buckets(t)["file"]}
	for n := range 6 {
		put(t, store, fmt.Sprintf("media/42/a1/v/%d-0f.m4s", n), segBody)
	}
	h := hls.NewHandler(store, &hls.HandlerOptions{OpenFiles: 3})
	ask(h, "GET", "/42/a1/v/0-0f.m4s") // tells that there are files
	store.opens.Store(0)
	for range 5 {
		for _, c := range []struct{ header, want string }{{"Accept: */*", segBody}, {"Range: bytes=2-4", "234"}, {"Range: bytes=-2", "89"}} {
			assert.Equal(t, c.want, ask(h, "GET", "/42/a1/v/1-0f.m4s", c.header).Body.String())
		}
		assert.Equal(t, 416, ask(h, "GET", "/42/a1/v/1-0f.m4s", "Range: bytes=99-").Code)
	}
	// A range behind the end is for the Store to say, once each time.
	assert.EqualValues(t, 6+4, store.opens.Load())
	for n := range 6 {
		ask(h, "GET", fmt.Sprintf("/42/a1/v/%d-0f.m4s", n))
	}
	assert.Equal(t, 3, h.IdleFiles())

	none := hls.NewHandler(store, &hls.HandlerOptions{OpenFiles: -1})
	store.opens.Store(0)
	for range 3 {
		ask(none, "GET", "/42/a1/v/1-0f.m4s")
	}
	assert.EqualValues(t, 3, store.opens.Load())
	assert.Zero(t, none.IdleFiles())
}

// Viewers of one file at a time have a descriptor each: none reads where another is.
func TestHandlerKeepsFilesApart(t *testing.T) {
	store := buckets(t)["file"]
	body := make([]byte, 1<<20)
	for i := range body {
		body[i] = byte(i >> 8)
	}
	put(t, store, segKey, string(body))
	srv := httptest.NewServer(hls.NewHandler(store, nil))
	defer srv.Close()
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			for i := range 8 {
				from := (n*7 + i) * 5003
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/42/a1/v720/0-0f.m4s", nil)
				if !assert.NoError(t, err) {
					return
				}
				req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
				resp, err := srv.Client().Do(req)
				if !assert.NoError(t, err) {
					return
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				assert.NoError(t, err)
				assert.True(t, string(got) == string(body[from:]), "from %d", from)
			}
		})
	}
	wg.Wait()
}

// What was deleted is gone within ten seconds, and its place on the disk is free without
// another request.
func TestHandlerLetsFilesGo(t *testing.T) {
	store := buckets(t)["file"]
	synctest.Test(t, func(t *testing.T) {
		put(t, store, segKey, segBody)
		h := hls.NewHandler(store, nil)
		for range 2 {
			assert.Equal(t, 200, ask(h, "GET", "/42/a1/v720/0-0f.m4s").Code)
		}
		require.Equal(t, 1, h.IdleFiles())
		require.NoError(t, store.Delete(t.Context(), segKey))
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		assert.Zero(t, h.IdleFiles())
		assert.Equal(t, 404, ask(h, "GET", "/42/a1/v720/0-0f.m4s").Code)
	})
}

// A playlist is read once for a crowd, also where the one who came first leaves, and looked
// at again when it is due.
func TestHandlerReadsPlaylistsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counting{Store: mediaStore(), gate: make(chan struct{})}
		h := hls.NewHandler(s, nil)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for n := range 100 {
			r := httptest.NewRequest("GET", "/42/a1/v720/event.m3u8", nil)
			if n == 0 {
				r = r.WithContext(ctx)
			}
			wg.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if n > 0 {
					assert.Equal(t, 200, w.Code)
					assert.Equal(t, listBody, w.Body.String())
				}
			})
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		close(s.gate)
		wg.Wait()
		assert.EqualValues(t, 1, s.opens.Load())
		assert.EqualValues(t, 0, s.stats.Load())

		time.Sleep(250 * time.Millisecond)
		assert.Equal(t, 200, ask(h, "GET", "/42/a1/v720/event.m3u8").Code)
		assert.EqualValues(t, 1, s.opens.Load(), "it is what it was")
		assert.EqualValues(t, 1, s.stats.Load())
		time.Sleep(250 * time.Millisecond)
		put(t, s, listKey, listBody+"#EXT-X-ENDLIST\n")
		assert.Contains(t, ask(h, "GET", "/42/a1/v720/event.m3u8").Body.String(), "ENDLIST")

		assert.Equal(t, 200, ask(h, "GET", "/42/a1/v720/index.m3u8").Code)
		require.NoError(t, s.Delete(t.Context(), indexKey))
		time.Sleep(4 * time.Second)
		assert.Equal(t, 200, ask(h, "GET", "/42/a1/v720/index.m3u8").Code, "a final playlist does not change")
		time.Sleep(2 * time.Second)
		assert.Equal(t, 404, ask(h, "GET", "/42/a1/v720/index.m3u8").Code, "but it may be deleted")

		put(t, s, indexKey, listBody)
		assert.Equal(t, 200, ask(h, "GET", "/42/a1/v720/index.m3u8").Code, "what is not there is not remembered")
	})
}

func TestHandlerTellsOfResponses(t *testing.T) {
	store := buckets(t)["file"]
	put(t, store, segKey, segBody)
	put(t, store, listKey, listBody)
	var told []hls.Response
	h := hls.NewHandler(store, &hls.HandlerOptions{OnResponse: func(r *http.Request, resp hls.Response) {
		assert.NotNil(t, r)
		assert.GreaterOrEqual(t, resp.Duration, time.Duration(0))
		resp.Duration = 0
		told = append(told, resp)
	}})
	const seg, list = "/42/a1/v720/0-0f.m4s", "/42/a1/v720/event.m3u8"
	for _, target := range []string{seg, seg, seg, list, list, "/42/none.m4s", "/../x"} {
		ask(h, "GET", target)
	}
	ask(h, "GET", seg, "Range: bytes=1-2")
	ask(h, "HEAD", seg)
	ask(h, "POST", seg)
	n := int64(len(listBody))
	want := []hls.Response{
		{Asset: "42", Path: seg[1:], Status: 200, Bytes: 10},
		{Asset: "42", Path: seg[1:], Status: 200, Bytes: 10},
		{Asset: "42", Path: seg[1:], Status: 200, Bytes: 10, CacheHit: true},
		{Asset: "42", Path: list[1:], Status: 200, Bytes: n},
		{Asset: "42", Path: list[1:], Status: 200, Bytes: n, CacheHit: true},
		{Asset: "42", Path: "42/none.m4s", Status: 404},
		{Status: 404},
		{Asset: "42", Path: seg[1:], Status: 206, Bytes: 2, CacheHit: true},
		{Asset: "42", Path: seg[1:], Status: 200},
		{Status: 405},
	}
	require.Len(t, told, len(want))
	for i := range want {
		if want[i].Status >= 400 {
			assert.Positive(t, told[i].Bytes)
			told[i].Bytes = 0
		}
		assert.Equal(t, want[i], told[i], i)
	}
}
