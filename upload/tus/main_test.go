package tus_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/tus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const offsetType = "application/offset+octet-stream"

// bench is a pipeline with a handler of tus on a server, and a client.
type bench struct {
	t     *testing.T
	ctx   context.Context
	store storage.Store
	opts  upload.Options
	tus   tus.Options
	rec   *progresstest.Recorder

	pipeline *upload.Pipeline
	handler  *tus.Handler
	server   *httptest.Server
}

// newBench starts a bench after change.
func newBench(t *testing.T, change func(*bench)) *bench {
	t.Helper()
	b := &bench{t: t, ctx: t.Context(), rec: &progresstest.Recorder{}, store: newMem(t)}
	if change != nil {
		change(b)
	}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func newMem(t testing.TB) storage.Store {
	t.Helper()
	s := blobstore.New(memblob.OpenBucket(nil), nil)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newFolder(t testing.TB) storage.Store {
	t.Helper()
	s, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// newPipeline starts a pipeline whose encoder needs no ffmpeg and takes any bytes.
func newPipeline(ctx context.Context, s storage.Store, o upload.Options) (*upload.Pipeline, error) {
	base, err := encodertest.NewFake(s, nil).Probe(ctx, encoder.Source{})
	if err != nil {
		return nil, err
	}
	base.Streams[0].Width, base.Streams[0].Height = 320, 180
	fake := encodertest.NewFake(s, &encodertest.FakeOptions{Media: &base})
	p, err := upload.New(s, fake, fake, &o)
	if err != nil {
		return nil, err
	}
	return p, p.Start(ctx)
}

// start starts the pipeline and the server.
func (b *bench) start() {
	b.t.Helper()
	b.opts.Sink = b.rec
	b.opts.Logger = slog.New(slog.NewTextHandler(b.t.Output(), nil))
	b.tus.Logger = b.opts.Logger
	var err error
	b.pipeline, err = newPipeline(b.ctx, b.store, b.opts)
	require.NoError(b.t, err)
	b.handler, err = tus.New(b.pipeline, b.store, &b.tus)
	require.NoError(b.t, err)
	mux := http.NewServeMux()
	mux.Handle("/uploads", b.handler)
	mux.Handle("/uploads/", b.handler)
	b.server = httptest.NewServer(mux)
}

// stop ends both. What a client still sends is interrupted.
func (b *bench) stop() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 20*time.Second)
	defer cancel()
	assert.NoError(b.t, b.pipeline.Shutdown(ctx))
	b.server.Close()
}

// answer is what a server said.
type answer struct {
	*http.Response
	body string
}

func (a answer) code(t *testing.T) string {
	t.Helper()
	var p struct {
		Error struct{ Code, Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &p), "%d %q", a.StatusCode, a.body)
	assert.NotEmpty(t, p.Error.Message)
	return p.Error.Code
}

// do sends a request; head has names and values in turn, "" takes the usual one away.
func (b *bench) do(method, path string, body io.Reader, head ...string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.ctx, method, b.server.URL+path, body)
	require.NoError(b.t, err)
	req.Header.Set("Tus-Resumable", "1.0.0")
	for i := 0; i < len(head); i += 2 {
		if head[i+1] == "" {
			req.Header.Del(head[i])
			continue
		}
		req.Header.Set(head[i], head[i+1])
	}
	res, err := b.server.Client().Do(req)
	require.NoError(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	if method != http.MethodOptions {
		assert.Equal(b.t, "1.0.0", res.Header.Get("Tus-Resumable"))
	}
	return answer{res, string(text)}
}

// create makes an upload of size bytes and returns its path.
func (b *bench) create(size int, head ...string) string {
	b.t.Helper()
	a := b.do("POST", "/uploads", nil, append([]string{"Upload-Length", strconv.Itoa(size)}, head...)...)
	require.Equal(b.t, 201, a.StatusCode, a.body)
	path := a.Header.Get("Location")
	require.True(b.t, strings.HasPrefix(path, "/uploads/"), path)
	return path
}

// patch sends data at an offset.
func (b *bench) patch(path string, offset int, data string, head ...string) answer {
	b.t.Helper()
	return b.do("PATCH", path, strings.NewReader(data), append([]string{"Content-Type", offsetType, "Upload-Offset", strconv.Itoa(offset)}, head...)...)
}

// offset asks how much of an upload is there.
func (b *bench) offset(path string) int {
	b.t.Helper()
	a := b.do("HEAD", path, nil)
	require.Equal(b.t, 200, a.StatusCode)
	assert.Equal(b.t, "no-store", a.Header.Get("Cache-Control"))
	n, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	require.NoError(b.t, err)
	return n
}

func idOf(path string) string { return strings.TrimPrefix(path, "/uploads/") }

// parts returns the sizes of an upload's objects.
func (b *bench) parts(path string) []int64 {
	b.t.Helper()
	sizes := []int64{}
	for info, err := range b.store.List(b.ctx, "sources/"+idOf(path)+"/") {
		require.NoError(b.t, err)
		sizes = append(sizes, info.Size)
	}
	return sizes
}

// stored says that the upload is one asset whose source is want.
func (b *bench) stored(path string, want []byte) upload.Asset {
	b.t.Helper()
	a, err := b.pipeline.Get(b.ctx, idOf(path))
	require.NoError(b.t, err)
	assert.Equal(b.t, 1, a.Attempts)
	assert.Equal(b.t, sha(want), sha(b.source(a)), "the bytes")
	require.Eventually(b.t, func() bool { // an earlier process may have told of it
		a, err := b.pipeline.Get(b.ctx, a.ID)
		return err == nil && a.Status == progress.Complete
	}, 30*time.Second, 5*time.Millisecond)
	return a
}

func (b *bench) source(a upload.Asset) []byte {
	b.t.Helper()
	var all bytes.Buffer
	for _, part := range a.Source.Parts {
		obj, err := b.store.Open(b.ctx, part.Key, &storage.OpenOptions{IfMatch: part.ETag})
		require.NoError(b.t, err)
		_, err = all.ReadFrom(obj)
		require.NoError(b.t, err)
		require.NoError(b.t, obj.Close())
	}
	return all.Bytes()
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// noise returns n bytes that are the same in each run.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
