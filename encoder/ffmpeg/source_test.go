package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// countingStore counts and fails Opens.
type countingStore struct {
	storage.Store
	opens atomic.Int64
	fail  atomic.Pointer[error]
}

func (s *countingStore) Open(ctx context.Context, key string, opts *storage.OpenOptions) (*storage.Object, error) {
	s.opens.Add(1)
	if err := s.fail.Load(); err != nil {
		return nil, *err
	}
	return s.Store.Open(ctx, key, opts)
}

// parts stores random bytes as a source of several parts and returns both.
func parts(t *testing.T, sizes ...int) (*countingStore, encoder.Source, []byte) {
	t.Helper()
	mem := blobstore.New(memblob.OpenBucket(nil), nil)
	t.Cleanup(func() { _ = mem.Close() })
	rng := rand.New(rand.NewPCG(1, 2))
	var src encoder.Source
	var whole []byte
	for i, n := range sizes {
		b := make([]byte, n)
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		key := fmt.Sprintf("p/%d", i)
		_, err := mem.Put(t.Context(), key, bytes.NewReader(b), nil)
		require.NoError(t, err)
		src.Parts = append(src.Parts, encoder.Part{Key: key, Size: int64(n)})
		whole = append(whole, b...)
	}
	return &countingStore{Store: mem}, src, whole
}

func TestSourceReaderJoinsParts(t *testing.T) {
	store, src, whole := parts(t, 10, 0, blockSize-10, blockSize+7, 1, 3*blockSize+5)
	r := newSourceReader(store, src, 3*blockSize)
	got, err := io.ReadAll(r.seeker(t.Context()))
	require.NoError(t, err)
	require.True(t, bytes.Equal(whole, got))

	rng := rand.New(rand.NewPCG(3, 4))
	s := r.seeker(t.Context())
	for range 200 {
		off, n := rng.Int64N(int64(len(whole))), rng.IntN(200_000)
		_, err := s.Seek(off, io.SeekStart)
		require.NoError(t, err)
		got, err := io.ReadAll(io.LimitReader(s, int64(n)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(whole[off:min(int(off)+n, len(whole))], got))
		require.LessOrEqual(t, len(r.blocks), 3, "the cache is bounded")
	}
}

func TestSourceReaderFetchesABlockOnce(t *testing.T) {
	store, src, whole := parts(t, blockSize)
	r := newSourceReader(store, src, 4*blockSize)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			got, err := io.ReadAll(r.seeker(t.Context()))
			assert.NoError(t, err)
			assert.True(t, bytes.Equal(whole, got))
		})
	}
	wg.Wait()
	assert.Equal(t, int64(1), store.opens.Load())
}

func TestSourceReaderRemembersTheFirstFailure(t *testing.T) {
	store, src, whole := parts(t, 100)
	r := newSourceReader(store, src, blockSize)
	broken := errors.New("bucket is down")
	store.fail.Store(&broken)
	_, err := io.ReadAll(r.seeker(t.Context()))
	require.ErrorIs(t, err, broken)
	assert.ErrorIs(t, r.failed(), broken)
	store.fail.Store(nil)
	got, err := io.ReadAll(r.seeker(t.Context()))
	require.NoError(t, err, "a failure is not cached")
	assert.Equal(t, whole, got)

	src.Parts[0].Size = 200 // shorter than recorded
	_, err = io.ReadAll(newSourceReader(store, src, blockSize).seeker(t.Context()))
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// heldStore holds Opens up until their context ends or they are let go.
type heldStore struct {
	storage.Store
	opened chan struct{}
	free   chan struct{}
}

func (s *heldStore) Open(ctx context.Context, key string, opts *storage.OpenOptions) (*storage.Object, error) {
	s.opened <- struct{}{}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.free:
		return s.Store.Open(ctx, key, opts)
	}
}

// ffmpeg drops a connection and opens another at each jump: who waits for a block that
// the first connection was fetching must not fail with it.
func TestSourceReaderOutlivesWhoFetched(t *testing.T) {
	store, src, whole := parts(t, 100)
	held := &heldStore{Store: store, opened: make(chan struct{}), free: make(chan struct{})}
	r := newSourceReader(held, src, blockSize)
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := io.ReadAll(r.seeker(ctx))
		assert.ErrorIs(t, err, context.Canceled)
	})
	<-held.opened
	wg.Go(func() {
		got, err := io.ReadAll(r.seeker(t.Context()))
		assert.NoError(t, err)
		assert.Equal(t, whole, got)
	})
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.tick == 2 // the second waits
	}, 10*time.Second, time.Millisecond)
	leave()
	<-held.opened
	close(held.free)
	wg.Wait()
	assert.NoError(t, r.failed())
}

func TestSourceServerServesOneSourceToWhoHasTheToken(t *testing.T) {
	store, src, whole := parts(t, 1000, 2000)
	srv, err := serveSource(t.Context(), newSourceReader(store, src, blockSize), quiet)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(url, rng string) (int, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		if rng != "" {
			req.Header.Set("Range", rng)
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, b
	}
	status, body := get(srv.url, "")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, whole, body)
	status, body = get(srv.url, "bytes=900-1099")
	assert.Equal(t, http.StatusPartialContent, status)
	assert.Equal(t, whole[900:1100], body)
	status, _ = get(srv.url, "bytes=3000-")
	assert.Equal(t, http.StatusRequestedRangeNotSatisfiable, status)
	assert.True(t, strings.HasPrefix(srv.url, "http://127.0.0.1:"), "loopback only")
	base := srv.url[:strings.Index(srv.url[7:], "/")+7]
	for _, path := range []string{"/", "/source", "/x/source", "/../etc/passwd", srv.url[len(base):] + "/x"} {
		status, _ = get(base+path, "")
		assert.Equal(t, http.StatusNotFound, status, path)
	}
	require.NoError(t, srv.close())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.url, nil)
	require.NoError(t, err)
	_, err = client.Do(req) //nolint:bodyclose // there is none
	assert.Error(t, err, "closed is closed")
}
