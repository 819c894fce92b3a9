package tus_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/tus"
)

const mib = 1 << 20

// cut sends the beginning of a body of size bytes, and closes the connection.
func (b *bench) cut(path string, offset, size int, data []byte, head ...string) {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(b.t, err)
	defer conn.Close()
	text := "PATCH " + path + " HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: " + offsetType +
		"\r\nUpload-Offset: " + strconv.Itoa(offset) + "\r\nContent-Length: " + strconv.Itoa(size) + "\r\n"
	for i := 0; i < len(head); i += 2 {
		text += head[i] + ": " + head[i+1] + "\r\n"
	}
	_, err = conn.Write(append([]byte(text+"\r\n"), data...))
	require.NoError(b.t, err)
}

// A connection that is cut loses none of the bytes that have arrived, however many.
func TestCutConnection(t *testing.T) {
	for name, newStore := range stores {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(b *bench) { b.store = newStore(t) })
			film := noise(20*mib + 77)
			path := b.create(len(film))
			at := 0
			for _, n := range []int{1, 500, 3*mib + 1, 9 * mib} {
				b.cut(path, at, len(film)-at, film[at:at+n])
				at += n
				require.Eventually(t, func() bool { return b.offset(path) == at }, 10*time.Second, 10*time.Millisecond)
			}
			a := b.patch(path, at, string(film[at:]))
			assert.Equal(t, 204, a.StatusCode, a.body)
			asset := b.stored(path, film)
			assert.Len(t, asset.Source.Parts, 4, "the first three were put together, and a part has 8 MiB at most")
		})
	}
}

// Where nothing of a cut body can be checked, nothing of it counts.
func TestCutWithChecksum(t *testing.T) {
	b := newBench(t, nil)
	film := noise(20 * mib)
	path := b.create(len(film))
	sum := sha1.Sum(film[5:])
	head := []string{"Upload-Checksum", "sha1 " + base64.StdEncoding.EncodeToString(sum[:])}
	assert.Equal(t, 204, b.patch(path, 0, string(film[:5])).StatusCode)
	b.cut(path, 5, len(film)-5, film[5:12*mib], head...)
	assert.Equal(t, 5, b.offset(path)) // which waits for the request
	a := b.patch(path, 5, string(film[5:len(film)-1])+"?", head...)
	assert.Equal(t, 460, a.StatusCode)
	assert.Equal(t, []int64{5}, b.parts(path))

	// A process that was killed has left parts behind a gap: they do not become the
	// film's.
	s, err := b.pipeline.Session(t.Context(), idOf(path))
	require.NoError(t, err)
	for _, at := range []int64{mib, mib + 5, 9*mib + 5} {
		_, err := b.store.Put(t.Context(), s.PartKey(at), strings.NewReader("wrong"), nil)
		require.NoError(t, err)
	}
	assert.Equal(t, 5, b.offset(path))
	a = b.patch(path, 5, string(film[5:]), head...)
	assert.Equal(t, 204, a.StatusCode, a.body)
	b.stored(path, film)
}

// The upload goes on in the next process.
func TestRestart(t *testing.T) {
	b := newBench(t, func(b *bench) { b.store = newFolder(t) })
	film := noise(12 * mib)
	path := b.create(len(film))
	at := 0
	for at < len(film)-mib {
		b.cut(path, at, len(film)-at, film[at:at+3*mib])
		at += 3 * mib
		require.Eventually(t, func() bool { return b.offset(path) == at }, 10*time.Second, 10*time.Millisecond)
		b.stop()
		b.start()
		assert.Equal(t, at, b.offset(path))
	}
	head := b.do("HEAD", path, nil)
	assert.NotEmpty(t, head.Header.Get(tus.AssetHeader))
	b.stored(path, film)
}

// Shutdown does not wait for a client that sends and sends; what came is kept.
func TestShutdownInterrupts(t *testing.T) {
	b := newBench(t, nil)
	path := b.create(100)
	reader, writer := io.Pipe()
	defer writer.Close()
	answered := make(chan answer, 1)
	go func() {
		answered <- b.do("PATCH", path, reader, "Content-Type", offsetType, "Upload-Offset", "0")
	}()
	_, err := writer.Write([]byte("abc"))
	require.NoError(t, err)
	b.waitReading(path)
	require.NoError(t, b.pipeline.Shutdown(t.Context()))
	a := <-answered
	assert.Equal(t, 503, a.StatusCode)
	assert.Equal(t, "unavailable", a.code(t))
	b.server.Close()
	b.start()
	assert.Equal(t, 3, b.offset(path))
}

// waitReading waits until the server has what was sent: nothing tells when.
func (b *bench) waitReading(string) { time.Sleep(100 * time.Millisecond) }

// A new request ends one that hangs, and goes on behind what that had brought.
func TestHangingPatch(t *testing.T) {
	b := newBench(t, nil)
	for _, second := range []string{"HEAD", "DELETE"} {
		path := b.create(100)
		reader, writer := io.Pipe()
		answered := make(chan answer, 1)
		go func() {
			answered <- b.do("PATCH", path, reader, "Content-Type", offsetType, "Upload-Offset", "0")
		}()
		_, err := writer.Write([]byte("abc"))
		require.NoError(t, err)
		b.waitReading(path)
		if second == "HEAD" {
			assert.Equal(t, 3, b.offset(path))
		} else {
			assert.Equal(t, 204, b.do("DELETE", path, nil).StatusCode)
			assert.Equal(t, 404, b.do("HEAD", path, nil).StatusCode)
			assert.Empty(t, b.parts(path))
		}
		a := <-answered
		assert.Equal(t, 423, a.StatusCode)
		assert.Equal(t, "interrupted", a.code(t))
		require.NoError(t, writer.Close())
	}
}

// A body that stands still is ended, and kept.
func TestIdle(t *testing.T) {
	b := newBench(t, func(b *bench) { b.tus.Idle = 200 * time.Millisecond })
	path := b.create(100)
	reader, writer := io.Pipe()
	defer writer.Close()
	go func() { _, _ = writer.Write([]byte("abc")) }()
	a := b.do("PATCH", path, reader, "Content-Type", offsetType, "Upload-Offset", "0")
	assert.Equal(t, 503, a.StatusCode)
	assert.Equal(t, "upload_timeout", a.code(t))
	assert.Equal(t, 3, b.offset(path))
}

// Of requests at once for one upload, each byte counts once.
func TestConcurrentPatches(t *testing.T) {
	b := newBench(t, nil)
	film := noise(3 * mib)
	path := b.create(len(film))
	var wg sync.WaitGroup
	for range 4 { // impatient clients
		wg.Go(func() {
			for tries := 0; tries < 200; tries++ {
				at := b.offset(path)
				if at == len(film) {
					return
				}
				a := b.patch(path, at, string(film[at:min(len(film), at+100_000)]))
				if a.StatusCode != 204 {
					assert.Contains(t, []int{409, 423}, a.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	b.stored(path, film)
	assets, err := b.pipeline.List(t.Context(), upload.Query{})
	require.NoError(t, err)
	assert.Len(t, assets, 1)
}

// An upload whose bytes are all there becomes an asset without its client, and one that
// brings nothing more is removed.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMem(t)
		p, err := newPipeline(t.Context(), store, upload.Options{SessionExpiry: time.Hour})
		require.NoError(t, err)
		h, err := tus.New(p, store, nil)
		require.NoError(t, err)
		create := func() upload.Session {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/uploads", nil)
			r.Header.Set("Tus-Resumable", "1.0.0")
			r.Header.Set("Upload-Length", "3")
			h.ServeHTTP(w, r)
			require.Equal(t, 201, w.Code)
			s, err := p.Session(t.Context(), idOf(w.Header().Get("Location")))
			require.NoError(t, err)
			expires, err := http.ParseTime(w.Header().Get("Upload-Expires"))
			require.NoError(t, err)
			assert.Equal(t, time.Now().Add(time.Hour).UTC(), expires)
			return s
		}
		idle, whole, early := create(), create(), create()
		put := func(s upload.Session, data string) {
			_, err := store.Put(t.Context(), s.PartKey(0), strings.NewReader(data), nil)
			require.NoError(t, err)
		}
		put(idle, "ab")
		put(whole, "abc") // as a process leaves it that dies before it can finish
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		a, err := p.Get(t.Context(), whole.ID)
		require.NoError(t, err, "nobody has asked")
		assert.Equal(t, int64(3), a.Size)
		_, err = p.Get(t.Context(), idle.ID)
		require.ErrorIs(t, err, upload.ErrNotFound)

		put(early, "abc")
		require.NoError(t, p.Shutdown(t.Context()))
		p, err = newPipeline(t.Context(), store, upload.Options{SessionExpiry: time.Hour})
		require.NoError(t, err)
		time.Sleep(time.Second)
		synctest.Wait()
		_, err = p.Get(t.Context(), early.ID)
		require.NoError(t, err, "at the start")

		time.Sleep(2 * time.Hour)
		synctest.Wait()
		for _, s := range []upload.Session{idle, whole, early} {
			_, err := p.Session(t.Context(), s.ID)
			require.ErrorIs(t, err, upload.ErrNotFound)
		}
		keys := 0
		for _, err := range store.List(t.Context(), "sources/") {
			require.NoError(t, err)
			keys++
		}
		assert.Equal(t, 2, keys, "the assets'")
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// What a client does not do the finish of its own upload is not lost by: the State is what
// it was.
func TestSessionState(t *testing.T) {
	b := newBench(t, nil)
	s, err := b.pipeline.Session(t.Context(), idOf(b.create(3, "Upload-Metadata", "a YQ==")))
	require.NoError(t, err)
	assert.Equal(t, "tus", s.Protocol)
	assert.True(t, s.AutoFinish)
	assert.JSONEq(t, `{"metadata":"a YQ=="}`, string(s.State))
	other, err := b.pipeline.BeginSession(t.Context(), upload.NewAsset{}, &upload.SessionOptions{Protocol: "other", State: json.RawMessage(`7`)})
	require.NoError(t, err)
	assert.Equal(t, 404, b.do("HEAD", "/uploads/"+other.ID, nil).StatusCode, "another protocol's")
}
