package deliver_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"gocloud.dev/blob/memblob"
)

// watched notes whether the connection is corked while a body is written.
type watched struct {
	http.ResponseWriter
	isCorked func() bool
	seen     map[bool]bool
}

func (w *watched) Write(p []byte) (int, error) {
	w.seen[w.isCorked()] = true
	return w.ResponseWriter.Write(p)
}

func (w *watched) ReadFrom(src io.Reader) (int64, error) {
	w.seen[w.isCorked()] = true
	return io.Copy(w.ResponseWriter, src)
}

// held is an object in memory, or one that is still being loaded.
type held struct {
	*bytes.Buffer
	loading bool
}

func (h held) Unread() []byte {
	if h.loading {
		return nil
	}
	return h.Bytes()
}

func (h held) Close() error { return nil }

// cached is a Resource whose objects are as a storage.Cache has them.
type cached struct {
	*at
	loading bool
}

func (m cached) Open(ctx context.Context, opts *storage.OpenOptions) (*storage.Object, error) {
	obj, err := m.at.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(obj); err != nil {
		return nil, err
	}
	return &storage.Object{Info: obj.Info, Body: held{&body, m.loading}}, nil
}

// TestCork has what is small and at hand leave corked, and looks whether the cork is out
// afterwards, on one connection for all.
func TestCork(t *testing.T) {
	file, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	defer file.Close()
	mem := blobstore.New(memblob.OpenBucket(nil), nil)
	defer mem.Close()
	data := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)

	var mu sync.Mutex
	var res deliver.Resource
	var seen map[bool]bool
	isCorked := func() bool { panic("there is no connection") }
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = map[bool]bool{}
		deliver.Serve(&watched{w, isCorked, seen}, r, res, deliver.Options{Name: "film", Logger: slog.New(slog.DiscardHandler)})
		assert.False(t, isCorked(), "after %s", r.URL)
	}))
	srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		raw, err := c.(*net.TCPConn).SyscallConn()
		assert.NoError(t, err)
		isCorked = func() bool {
			var value int
			assert.NoError(t, raw.Control(func(fd uintptr) {
				var err error
				value, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK)
				assert.NoError(t, err)
			}))
			return value != 0
		}
		return deliver.ConnContext(ctx, c)
	}
	srv.Start()
	defer srv.Close()

	for _, c := range []struct {
		name   string
		store  storage.Store
		cached bool
		wait   bool // it is still being loaded
		size   int
		header []string
		corked bool
	}{
		{name: "a small file", store: file, size: 300_000, corked: true},
		{name: "a range of a large file", store: file, size: 1 << 20, header: []string{"Range", "bytes=70000-90000"}, corked: true},
		{name: "a version", store: file, size: 300_000, header: []string{"If-None-Match", `"another"`}, corked: true},
		{name: "memory", store: mem, cached: true, size: 300_000, corked: true},
		{name: "a tiny file", store: file, size: 2000},
		{name: "a large file", store: file, size: 600_000},
		{name: "what is being loaded", store: mem, cached: true, wait: true, size: 300_000},
		{name: "a bucket that may be slow", store: mem, size: 300_000},
		{name: "several ranges", store: file, size: 300_000, header: []string{"Range", "bytes=0-9999,20000-29999"}},
	} {
		_, err := c.store.Put(t.Context(), "film.mp4", bytes.NewReader(data[:c.size]), nil)
		require.NoError(t, err)
		res = &at{store: c.store, key: "film.mp4"}
		if c.cached {
			res = cached{&at{store: c.store, key: "film.mp4"}, c.wait}
		}
		resp, body, err := get(t, srv, c.header...)
		require.NoError(t, err)
		assert.EqualValues(t, resp.ContentLength, len(body), c.name)
		if resp.StatusCode == http.StatusOK {
			assert.True(t, bytes.Equal(data[:c.size], body), c.name)
		}
		mu.Lock()
		assert.Equal(t, map[bool]bool{c.corked: true}, seen, c.name)
		mu.Unlock()
	}
}

// TestConnContextOfTLS leaves alone what is no plain connection.
func TestConnContextOfTLS(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	assert.Equal(t, t.Context(), deliver.ConnContext(t.Context(), a))
	assert.Equal(t, t.Context(), deliver.ConnContext(t.Context(), tls.Server(a, &tls.Config{MinVersion: tls.VersionTLS13})))
}
