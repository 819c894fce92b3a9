package upload_test

import (
	"context"
	"encoding/json"
	"errors"
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

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/presign"
	"github.com/vodkit/vodkit/upload"
)

var presignSecret = []byte("0123456789abcdef0123456789abcdef")

// withPresign has uploads go to the bench's store directly, in parts of 5 bytes.
func withPresign(b *bench) {
	direct, err := presign.New(b.store, "/direct", [][]byte{presignSecret}, &presign.Options{PartSize: 5})
	require.NoError(b.t, err)
	b.opts.Presign = direct
}

// presigned is what the tests read of an answer.
type presigned struct {
	answer
	ID    string `json:"id"`
	Parts []struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Offset  int               `json:"offset"`
		Size    int               `json:"size"`
		Stored  bool              `json:"stored"`
	} `json:"parts"`
	Complete string    `json:"complete"`
	Expires  time.Time `json:"expires"`
}

func (b *bench) presign(h http.Handler, method, target, body string) (p presigned) {
	b.t.Helper()
	p.answer = b.do(h, method, target, strings.NewReader(body), "Content-Type", "application/json")
	require.NoError(b.t, json.Unmarshal([]byte(p.body), &p), p.body)
	p.answer.ID = p.ID
	return p
}

// send sends a part of content to the bucket, as the answer has asked for.
func (b *bench) send(p presigned, i int, content string) {
	b.t.Helper()
	part := p.Parts[i]
	r := httptest.NewRequestWithContext(b.ctx, part.Method, part.URL, strings.NewReader(content[part.Offset:part.Offset+part.Size]))
	for name, value := range part.Headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.opts.Presign.(*presign.Handler).ServeHTTP(w, r)
	require.Equal(b.t, http.StatusOK, w.Code, w.Body)
}

const reel = "a film in three parts" // of 5 bytes and one more

func TestPresignedUpload(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) storage.Store{
		"memory": func(t *testing.T) storage.Store { return newStore(t) },
		"folder": func(t *testing.T) storage.Store {
			s, err := blobstore.OpenFile(t.TempDir(), nil)
			require.NoError(t, err)
			t.Cleanup(func() { _ = s.Close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(b *bench) {
				b.store = open(t)
				b.studio.store = b.store
				withPresign(b)
			})
			h := upload.NewHandler(b.Pipeline, nil)
			up := b.presign(h, "POST", "/assets/presign",
				`{"name":"a/film.mp4","size":21,"type":"video/mp4","priority":2,"metadata":{"k":"v"},"later":1}`)
			require.Equal(t, http.StatusCreated, up.status, up.body)
			assert.Equal(t, "/assets/"+up.ID+"/upload", up.header.Get("Location"))
			assert.Equal(t, "/assets/"+up.ID+"/complete", up.Complete)
			assert.InDelta(t, 24*time.Hour, time.Until(up.Expires), float64(time.Minute))
			require.Len(t, up.Parts, 5)
			assert.Equal(t, http.StatusNotFound, b.do(h, "GET", "/assets/"+up.ID, nil).status, "it is no asset yet")
			assert.NotContains(t, up.body, string(presignSecret))

			no := b.do(h, "POST", up.Complete, nil)
			assert.Equal(t, http.StatusConflict, no.status)
			assert.Equal(t, "parts_missing", no.Error.Code)
			assert.Contains(t, no.Error.Message, "none of the 5 parts has come")
			for _, i := range []int{4, 0, 2} { // in any order
				b.send(up, i, reel)
			}
			no = b.do(h, "POST", up.Complete, nil)
			assert.Equal(t, http.StatusConflict, no.status)
			assert.Contains(t, no.Error.Message, "parts 2, 4 of 5 are missing")

			// The page was reloaded, and the service restarted.
			require.NoError(t, b.Shutdown(b.ctx))
			b.start()
			h = upload.NewHandler(b.Pipeline, nil)
			up = b.presign(h, "GET", "/assets/"+up.ID+"/upload", "")
			require.Equal(t, http.StatusOK, up.status)
			for i, part := range up.Parts {
				assert.Equal(t, i%2 == 0, part.Stored, i)
				if !part.Stored {
					b.send(up, i, reel)
				}
			}
			var wg sync.WaitGroup
			for range 8 { // an impatient client
				wg.Go(func() {
					a, err := b.CompletePresigned(b.ctx, up.ID)
					if assert.NoError(t, err) {
						assert.Equal(t, up.ID, a.ID)
					}
				})
			}
			wg.Wait()
			a := b.do(h, "POST", up.Complete, nil)
			require.Equal(t, http.StatusAccepted, a.status, a.body)
			assert.Equal(t, "/assets/"+up.ID, a.header.Get("Location"))
			assert.Equal(t, "film.mp4", a.Name)
			assert.EqualValues(t, 21, a.Size)
			assert.Equal(t, 2, a.Priority)
			assert.Equal(t, map[string]string{"k": "v"}, a.Metadata)
			e, err := b.rec.WaitTerminal(b.ctx, up.ID)
			require.NoError(t, err)
			assert.Equal(t, progress.Complete, e.Status)

			is, err := b.Get(b.ctx, up.ID)
			require.NoError(t, err)
			assert.Equal(t, 1, is.Attempts)
			require.Len(t, is.Source.Parts, 5)
			for _, part := range is.Source.Parts {
				info, err := b.store.Stat(b.ctx, part.Key)
				require.NoError(t, err)
				assert.Equal(t, info.ETag, part.ETag, "pinned")
			}
			b.send(up, 1, reel) // a straggler
			_, err = b.Sweep(b.ctx, &anyAge)
			require.NoError(t, err)
			for _, part := range is.Source.Parts {
				info, err := b.store.Stat(b.ctx, part.Key)
				require.NoError(t, err)
				assert.Equal(t, info.ETag, part.ETag)
			}
			for _, target := range []string{"GET ", "DELETE "} {
				ended := b.do(h, strings.TrimSpace(target), "/assets/"+up.ID+"/upload", nil)
				assert.Equal(t, http.StatusConflict, ended.status)
				assert.Equal(t, "ended", ended.Error.Code)
			}
			assert.Equal(t, http.StatusNoContent, b.do(h, "DELETE", "/assets/"+up.ID, nil).status)
			assert.Equal(t, http.StatusNotFound, b.do(h, "POST", up.Complete, nil).status, "it is not made again")
			assert.Empty(t, keysOf(t, b.store, "sources/"))
		})
	}
}

func TestPresignRefusals(t *testing.T) {
	b := newBench(t, func(b *bench) {
		b.opts.MaxSize = 100
		withPresign(b)
	})
	plain := upload.NewHandler(b.Pipeline, nil)
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		`{"name":"x"}`:                        {422, "invalid_field"},
		`{"size":0}`:                          {422, "invalid_field"},
		`{"size":-1}`:                         {422, "invalid_field"},
		`{"size":"many"}`:                     {422, "invalid_field"},
		`{"size":1.5}`:                        {422, "invalid_field"},
		`[]`:                                  {422, "invalid_field"},
		`{"size":1,"id":"../x"}`:              {422, "invalid_field"},
		`{"size":1,"metadata":{"":"x"}}`:      {422, "invalid_field"},
		`{"size":101}`:                        {413, "too_large"},
		`{"size":1,"type":"text/html"}`:       {415, "unsupported_type"},
		`{"size":1`:                           {400, "bad_request"},
		``:                                    {400, "bad_request"},
		`{"size":1,"name":"` + large + `"}`:   {422, "invalid_field"},
		`{"size":1} {"size":1}`:               {400, "bad_request"},
		`{"size":99999999999999999999999999}`: {422, "invalid_field"},
	} {
		a := b.do(plain, "POST", "/assets/presign", strings.NewReader(body), "Content-Type", "application/json")
		assert.Equal(t, want.status, a.status, body[:min(len(body), 80)])
		assert.Equal(t, want.code, a.Error.Code, body[:min(len(body), 80)])
	}
	a := b.do(plain, "POST", "/assets/presign", strings.NewReader(`{"size":1}`), "Content-Type", "text/plain")
	assert.Equal(t, http.StatusUnsupportedMediaType, a.status)
	assert.Empty(t, b.kept())

	// Whose upload it is.
	session := b.begin(upload.NewAsset{Size: 1}, &upload.SessionOptions{Protocol: "tus", State: json.RawMessage(`"x"`)})
	tenants := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		MaxUpload: 50,
		Tenant:    func(r *http.Request) string { return r.Header.Get("X-Tenant") },
		Authorize: func(r *http.Request, action, id string) error {
			assert.Equal(t, upload.ActionUpload, action)
			if id == "secret" || r.Header.Get("X-Tenant") == "" {
				return errors.New("no")
			}
			return nil
		},
		Prepare: func(_ *http.Request, n *upload.NewAsset) error {
			if n.Name == "refused" {
				return errors.New("no")
			}
			n.Priority = 0
			return nil
		},
	})
	as := func(tenant, method, target, body string) answer {
		return b.do(tenants, method, target, strings.NewReader(body), "Content-Type", "application/json", "X-Tenant", tenant)
	}
	assert.Equal(t, http.StatusForbidden, as("", "POST", "/assets/presign", `{"size":1}`).status)
	assert.Equal(t, http.StatusForbidden, as("a", "POST", "/assets/presign", `{"size":1,"id":"secret"}`).status)
	assert.Equal(t, http.StatusForbidden, as("a", "POST", "/assets/presign", `{"size":1,"name":"refused"}`).status)
	assert.Equal(t, http.StatusRequestEntityTooLarge, as("a", "POST", "/assets/presign", `{"size":51}`).status)
	require.Equal(t, http.StatusCreated, as("a", "POST", "/assets/presign", `{"size":1,"id":"mine","priority":9}`).status)
	assert.Equal(t, http.StatusConflict, as("b", "POST", "/assets/presign", `{"size":1,"id":"mine"}`).status)
	for target, method := range map[string]string{"/complete": "POST", "/upload": "GET", "/upload ": "DELETE"} {
		target = strings.TrimSpace(target)
		assert.Equal(t, http.StatusNotFound, as("b", method, "/assets/mine"+target, "").status)
		assert.Equal(t, http.StatusForbidden, as("", method, "/assets/mine"+target, "").status)
		assert.Equal(t, http.StatusNotFound, as("a", method, "/assets/"+session.ID+target, "").status, "another protocol's")
		assert.Equal(t, http.StatusNotFound, as("a", method, "/assets/nobody"+target, "").status)
		assert.Equal(t, http.StatusMethodNotAllowed, as("a", "PUT", "/assets/mine"+target, "").status)
	}
	up := b.presign(tenantOf(tenants, "a"), "GET", "/assets/mine/upload", "")
	b.send(up, 0, "x")
	assert.Equal(t, http.StatusAccepted, as("a", "POST", "/assets/mine/complete", "").status)
	is, err := b.Get(b.ctx, "mine")
	require.NoError(t, err)
	assert.Equal(t, "a", is.Tenant)
	assert.Zero(t, is.Priority)
	_, err = b.rec.WaitTerminal(b.ctx, "mine")
	require.NoError(t, err)
}

var large = strings.Repeat("x", 2<<20)

// tenantOf has a handler asked by a tenant.
func tenantOf(h http.Handler, tenant string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Tenant", tenant)
		h.ServeHTTP(w, r)
	})
}

func TestPresignAbsent(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, nil)
	for _, target := range []string{"POST /assets/presign", "POST /assets/x/complete", "GET /assets/x/upload", "DELETE /assets/x/upload"} {
		method, path, _ := strings.Cut(target, " ")
		a := b.do(h, method, path, strings.NewReader(`{"size":1}`), "Content-Type", "application/json")
		assert.Equal(t, http.StatusNotImplemented, a.status, target)
		assert.Equal(t, "not_supported", a.Error.Code)
	}
	b.opts.Presign = storage.NewPutPresigner(b.store, nil) // memory signs nothing
	require.NoError(t, b.Shutdown(b.ctx))
	b.start()
	a := b.do(upload.NewHandler(b.Pipeline, nil), "POST", "/assets/presign", strings.NewReader(`{"size":1}`), "Content-Type", "application/json")
	assert.Equal(t, http.StatusNotImplemented, a.status)
	assert.Empty(t, b.kept())
}

// What replaces a source comes to the bucket directly, too.
func TestPresignedReplacement(t *testing.T) {
	b := newBench(t, withPresign)
	a := b.terminal(b.create(upload.NewAsset{Name: "old.mp4", Tenant: "t", Metadata: map[string]string{"k": "v"}}))
	var asked []string
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Tenant: func(r *http.Request) string { return r.Header.Get("X-Tenant") },
		Authorize: func(_ *http.Request, action, id string) error {
			asked = append(asked, action+" "+id)
			return nil
		},
	})
	other := b.do(tenantOf(h, "other"), "POST", "/assets/presign", strings.NewReader(`{"size":21,"replace":"`+a.ID+`"}`), "Content-Type", "application/json")
	assert.Equal(t, http.StatusNotFound, other.status)
	mine := tenantOf(h, "t")
	asked = nil
	up := b.presign(mine, "POST", "/assets/presign", `{"name":"new.mp4","size":21,"id":"x","metadata":{"a":"b"},"replace":"`+a.ID+`"}`)
	require.Equal(t, http.StatusCreated, up.status, up.body)
	assert.NotEqual(t, a.ID, up.ID)
	for i := range up.Parts {
		b.send(up, i, reel)
	}
	c := b.do(mine, "POST", up.Complete, nil)
	require.Equal(t, http.StatusAccepted, c.status, c.body)
	assert.Equal(t, a.ID, c.ID)
	assert.Equal(t, "/assets/"+a.ID, c.header.Get("Location"))
	assert.Equal(t, []string{"upload ", "replace " + a.ID, "upload " + up.ID, "replace " + a.ID}, asked)
	is := b.terminal(upload.Asset{ID: a.ID, Attempt: c.Attempt})
	assert.Equal(t, progress.Complete, is.Status)
	assert.Equal(t, "new.mp4", is.Name)
	assert.EqualValues(t, 21, is.Size)
	assert.Equal(t, map[string]string{"k": "v"}, is.Metadata)
	assert.Len(t, keysOf(t, b.store, "sources/"), 5, "the old source is removed")
	again := b.do(mine, "POST", up.Complete, nil)
	assert.Equal(t, http.StatusAccepted, again.status)
	assert.Equal(t, c.Attempt, again.Attempt)
}

// What is abandoned leaves nothing, nor does what was complete in the bucket and could not
// be recorded.
func TestPresignedUploadAbandoned(t *testing.T) {
	b := newBench(t, withPresign)
	h := upload.NewHandler(b.Pipeline, nil)
	up := b.presign(h, "POST", "/assets/presign", `{"size":21}`)
	b.send(up, 0, reel)
	require.Len(t, b.kept(), 2)
	assert.Equal(t, http.StatusNoContent, b.do(h, "DELETE", "/assets/"+up.ID+"/upload", nil).status)
	assert.Empty(t, b.kept())
	for range 2 {
		assert.Equal(t, http.StatusNotFound, b.do(h, "DELETE", "/assets/"+up.ID+"/upload", nil).status)
	}
	assert.Equal(t, http.StatusNotFound, b.do(h, "POST", up.Complete, nil).status)
	b.send(up, 1, reel) // what comes later is swept
	require.Len(t, b.kept(), 1)
	_, err := b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Empty(t, b.kept())
}

// slowBucket tells of parts before there are objects, as S3 does, and counts.
type slowBucket struct {
	storage.Presigner
	mu      sync.Mutex
	stored  time.Time
	aborted []string
}

func (s *slowBucket) Renew(ctx context.Context, prefix, state string, expiry time.Duration) (storage.Presigned, error) {
	p, err := s.Presigner.Renew(ctx, prefix, state, expiry)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range p.Parts {
		p.Parts[i].Stored = s.stored
	}
	return p, err
}

func (s *slowBucket) Abort(ctx context.Context, prefix, state string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aborted = append(s.aborted, prefix)
	return s.Presigner.Abort(ctx, prefix, state)
}

func TestPresignedUploadExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &slowBucket{}
		b := newBench(t, func(b *bench) {
			withPresign(b)
			b.opts.SessionExpiry = time.Hour
			bucket.Presigner = b.opts.Presign
			b.opts.Presign = bucket
		})
		ctx := t.Context()
		up, err := b.Presign(ctx, upload.NewAsset{Size: 21}, nil)
		require.NoError(t, err)
		time.Sleep(50 * time.Minute)
		bucket.mu.Lock()
		bucket.stored = time.Now() // a part, and no object
		bucket.mu.Unlock()
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		_, err = b.Session(ctx, up.ID)
		require.NoError(t, err)
		assert.Empty(t, bucket.aborted)
		_, err = b.Presigned(ctx, up.ID) // somebody goes on
		require.NoError(t, err)
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		_, err = b.Session(ctx, up.ID)
		require.NoError(t, err)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		_, err = b.Session(ctx, up.ID)
		require.ErrorIs(t, err, upload.ErrNotFound)
		assert.Len(t, bucket.aborted, 1)
		assert.Empty(t, b.kept())
	})
}

// A process that dies before it knows what the bucket has begun leaves a session that
// expires, and the bucket is told to forget it.
func TestPresignInterrupted(t *testing.T) {
	bucket := &slowBucket{}
	b := newBench(t, func(b *bench) {
		withPresign(b)
		bucket.Presigner = b.opts.Presign
		b.opts.Presign = bucket
	})
	s := b.begin(upload.NewAsset{Size: 21}, &upload.SessionOptions{Protocol: "presign"})
	_, err := b.CompletePresigned(b.ctx, s.ID)
	require.ErrorIs(t, err, upload.ErrNotFound)
	require.NoError(t, b.AbandonSession(b.ctx, s.ID))
	assert.Equal(t, []string{strings.TrimSuffix(s.PartKey(0), strconv.FormatInt(1e16, 10)[1:])}, bucket.aborted)
	assert.Empty(t, b.kept())
}
