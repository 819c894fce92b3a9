package upload_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/upload"
)

// originServer has one file, and does what its fields say.
type originServer struct {
	*httptest.Server
	mu       sync.Mutex
	file     []byte
	etag     string // with its quotes, "" for none
	noRanges bool
	cut      func(request int) int                                          // after how many bytes a connection breaks, -1 for not
	hold     func(request int) <-chan struct{}                              // what the answer to a request waits for after its cut
	answer   func(w http.ResponseWriter, r *http.Request, request int) bool // true where it has answered
	asked    []string                                                       // Range headers
}

func newOrigin(t testing.TB, size int) *originServer {
	t.Helper()
	o := &originServer{file: noise(size), etag: `"one"`}
	o.Server = httptest.NewServer(o)
	t.Cleanup(func() {
		o.CloseClientConnections()
		o.Close()
	})
	return o
}

// noise returns bytes that differ everywhere.
func noise(size int) []byte {
	b := make([]byte, size)
	rnd := rand.NewChaCha8([32]byte{byte(size)})
	_, _ = rnd.Read(b)
	return b
}

func (o *originServer) set(change func(*originServer)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}

// ranges returns which ranges were asked for, "" for the whole.
func (o *originServer) ranges() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.asked...)
}

func (o *originServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	n := len(o.asked)
	o.asked = append(o.asked, r.Header.Get("Range"))
	cut, hold, answer := -1, (<-chan struct{})(nil), o.answer
	if o.cut != nil {
		cut = o.cut(n)
	}
	file, etag := o.file, o.etag
	if o.hold != nil {
		hold = o.hold(n)
	}
	if o.noRanges {
		r.Header.Del("Range")
		w.Header().Set("Accept-Ranges", "none")
	}
	o.mu.Unlock()
	if answer != nil && answer(w, r, n) {
		return
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "video/mp4")
	}
	if cut >= 0 {
		w = &cutWriter{w, cut, hold, r}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
}

// cutWriter breaks the connection.
type cutWriter struct {
	http.ResponseWriter
	left int
	hold <-chan struct{}
	r    *http.Request
}

func (w *cutWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p[:min(len(p), w.left)])
	if w.left -= n; w.left > 0 || err != nil {
		return n, err
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	if w.hold != nil {
		select {
		case <-w.hold:
		case <-w.r.Context().Done():
		}
	}
	panic(http.ErrAbortHandler)
}

// portOf returns the port of a URL.
func portOf(t testing.TB, url string) uint16 {
	t.Helper()
	n, err := strconv.ParseUint(url[strings.LastIndex(url, ":")+1:], 10, 16)
	require.NoError(t, err)
	return uint16(n)
}

// fetchFrom allows imports from the origin at url.
func fetchFrom(t testing.TB, url string) *upload.FetchOptions {
	t.Helper()
	return &upload.FetchOptions{
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, AllowPorts: []uint16{portOf(t, url)},
		Backoff: time.Millisecond, Idle: 10 * time.Second,
	}
}

// newFetchBench is a bench that may fetch from the origin, in small parts.
func newFetchBench(t testing.TB, o *originServer, change func(*bench)) *bench {
	t.Helper()
	return newBench(t, func(b *bench) {
		b.opts.Fetch = fetchFrom(t, o.URL)
		b.made = func(p *upload.Pipeline) { p.FetchInParts(10_000) }
		if change != nil {
			change(b)
		}
	})
}

// imports imports the origin's file.
func (b *bench) imports(o *originServer, n upload.NewAsset) upload.Asset {
	b.t.Helper()
	a, err := b.ImportURL(b.ctx, n, o.URL+"/films/clip.mp4?signature=secret")
	require.NoError(b.t, err)
	return a
}

// fetched imports the origin's file, waits for the attempt's end and returns the record.
func (b *bench) fetched(o *originServer) upload.Asset {
	b.t.Helper()
	return b.concluded(b.imports(o, upload.NewAsset{}))
}

// concluded waits for the end of the asset's attempt.
func (b *bench) concluded(a upload.Asset) upload.Asset {
	b.t.Helper()
	attempt := a.Attempt
	b.eventually(func() bool {
		var err error
		a, err = b.Get(b.ctx, a.ID)
		return err == nil && a.Attempt == attempt && a.Status.Terminal()
	}, "the attempt ends")
	return a
}

// source returns the bytes of the asset's source.
func (b *bench) source(a upload.Asset) []byte {
	b.t.Helper()
	var all []byte
	for _, part := range a.Source.Parts {
		obj, err := b.store.Open(b.ctx, part.Key, nil)
		require.NoError(b.t, err)
		data, err := io.ReadAll(obj)
		require.NoError(b.t, err)
		require.NoError(b.t, obj.Close())
		require.EqualValues(b.t, part.Size, len(data))
		require.Equal(b.t, part.ETag, obj.ETag)
		all = append(all, data...)
	}
	return all
}

// has says that the asset's source is what the origin has.
func (b *bench) has(a upload.Asset, o *originServer) {
	b.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	require.True(b.t, bytes.Equal(o.file, b.source(a)), "the source is what the origin has")
	require.Nil(b.t, a.Fetch)
}

// everything returns all bytes of the store under a prefix, to look for a word in.
func (b *bench) everything(prefix string) string {
	b.t.Helper()
	var all strings.Builder
	for _, key := range keysOf(b.t, b.store, prefix) {
		obj, err := b.store.Open(b.ctx, key, nil)
		require.NoError(b.t, err)
		_, _ = fmt.Fprintln(&all, key)
		_, err = io.Copy(&all, obj)
		require.NoError(b.t, err)
		require.NoError(b.t, obj.Close())
	}
	return all.String()
}
