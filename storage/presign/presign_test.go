package presign_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/presign"
	"github.com/vodkit/vodkit/storage/storagetest"
)

var (
	secretA = []byte("0123456789abcdef0123456789abcdef")
	secretB = []byte("another secret of thirty-two or more")
)

func memory(t testing.TB) storage.Store {
	t.Helper()
	s := blobstore.New(memblob.OpenBucket(nil), nil)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func folder(t testing.TB) storage.Store {
	t.Helper()
	s, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newHandler(t testing.TB, store storage.Store, opts *presign.Options, secrets ...[]byte) *presign.Handler {
	t.Helper()
	if secrets == nil {
		secrets = [][]byte{secretA}
	}
	h, err := presign.New(store, "/direct", secrets, opts)
	require.NoError(t, err)
	return h
}

func TestSuite(t *testing.T) {
	for name, open := range map[string]func(testing.TB) storage.Store{"memory": memory, "folder": folder} {
		t.Run(name, func(t *testing.T) {
			storagetest.RunPresigner(t, func(t *testing.T) storagetest.PresignerTest {
				store, opts := open(t), &presign.Options{PartSize: 1000}
				h := newHandler(t, store, opts)
				return storagetest.PresignerTest{
					Presigner: h, Another: newHandler(t, store, opts), Store: store, Handler: h, PartSize: 1000,
				}
			})
		})
	}
}

const prefix = "sources/film/token-"

// begin begins an upload of one part.
func begin(t testing.TB, h *presign.Handler, size int64) storage.PresignedPart {
	t.Helper()
	p, err := h.Presign(t.Context(), prefix, &storage.PresignOptions{Size: size, ContentType: "video/mp4", Expiry: time.Minute})
	require.NoError(t, err)
	require.Len(t, p.Parts, 1)
	return p.Parts[0]
}

// put sends a body as the part asks for it, with other headers in pairs.
func put(t testing.TB, h http.Handler, part storage.PresignedPart, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), part.Method, part.URL, strings.NewReader(body))
	r.Header = part.Header.Clone()
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= 400 {
		var problem struct {
			Error struct{ Code, Message string }
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem), w.Body)
		assert.NotEmpty(t, problem.Error.Code)
		assert.True(t, strings.HasSuffix(problem.Error.Message, "."), problem.Error.Message)
	}
	return w
}

func TestOptionsAreChecked(t *testing.T) {
	store := memory(t)
	for name, secrets := range map[string][][]byte{"none": nil, "short": {secretA[:31]}, "alike": {secretA, make([]byte, 32)}} {
		_, err := presign.New(store, "/", secrets, nil)
		assert.Error(t, err, name)
	}
	_, err := presign.New(nil, "/", [][]byte{secretA}, nil)
	require.Error(t, err)
	h := newHandler(t, store, nil)
	_, err = h.Presign(t.Context(), strings.Repeat("x", 2000), &storage.PresignOptions{Size: 1})
	require.ErrorIs(t, err, storage.ErrInvalidKey)
	_, err = h.Presign(t.Context(), "../x", &storage.PresignOptions{Size: 1})
	require.ErrorIs(t, err, storage.ErrInvalidKey)
	_, err = h.Presign(t.Context(), prefix, &storage.PresignOptions{Size: 1, ContentType: strings.Repeat("x", 2000)})
	require.Error(t, err)
}

// The longest key that there is has a URL that works.
func TestLongestKey(t *testing.T) {
	store := memory(t)
	h := newHandler(t, store, nil)
	long := strings.Repeat(strings.Repeat("x", 200)+"/", 6)[:storage.MaxKey-16]
	p, err := h.Presign(t.Context(), long, &storage.PresignOptions{Size: 1, ContentType: strings.Repeat("t", 1024)})
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, put(t, h, p.Parts[0], "x").Code)
}

func TestPartsAreCut(t *testing.T) {
	h := newHandler(t, memory(t), &presign.Options{PartSize: 64 << 20})
	for _, c := range []struct {
		size, wish, part int64
		n                int
	}{
		{1, 0, 1, 1}, {64 << 20, 0, 64 << 20, 1}, {64<<20 + 1, 0, 64 << 20, 2},
		{11 << 20, 1, 5 << 20, 3}, {200 << 20, 16 << 20, 16 << 20, 13}, {1 << 40, 0, 1049 << 20, 1000},
	} {
		p, err := h.Presign(t.Context(), prefix, &storage.PresignOptions{Size: c.size, PartSize: c.wish})
		require.NoError(t, err)
		assert.Equal(t, c.part, p.Parts[0].Size, c)
		assert.Len(t, p.Parts, c.n, c)
	}
}

func TestRefusals(t *testing.T) {
	now := time.Now()
	store := memory(t)
	opts := &presign.Options{Clock: func() time.Time { return now }}
	h := newHandler(t, store, opts)
	part := begin(t, h, 5)
	status := func(want int, body string, headers ...string) {
		t.Helper()
		assert.Equal(t, want, put(t, h, part, body, headers...).Code)
	}
	status(400, "four")
	status(400, "sixsix")
	status(400, "")
	status(400, "right", "Content-Type", "video/webm")
	status(400, "right", "Content-Type", "")
	status(400, "right", "Content-Encoding", "gzip")
	for _, url := range []string{"/direct/", "/direct", "/direct/v1.", "/direct/v1.x.y", "/direct/../" + path.Base(part.URL), "/direct/" + strings.Repeat("x", 1<<16)} {
		changed := part
		changed.URL = url
		want := http.StatusForbidden
		if strings.Contains(url, "..") {
			want = http.StatusBadRequest // it is the token that counts, and the body is too short
		}
		assert.Equal(t, want, put(t, h, changed, "four").Code, url[:min(len(url), 40)])
	}
	// The token says all of this, and none of it can be changed.
	text := strings.TrimPrefix(path.Base(part.URL), "v1.")
	encoded, mac, _ := strings.Cut(text, ".")
	claims, err := base64.RawURLEncoding.DecodeString(encoded)
	require.NoError(t, err)
	for _, change := range [][2]string{{"PUT", "GET"}, {"\n5\n", "\n4\n"}, {"film", "firm"}, {"film", "../film"}, {"true", "false"}, {"mp4", "mp3"}, {"\n1", "\n2"}} {
		changed := part
		other := strings.Replace(string(claims), change[0], change[1], 1)
		require.NotEqual(t, string(claims), other)
		changed.URL = "/direct/v1." + base64.RawURLEncoding.EncodeToString([]byte(other)) + "." + mac
		assert.Equal(t, http.StatusForbidden, put(t, h, changed, "right").Code, change)
	}
	// A secret of ours does not sign what Presign would not.
	for _, claims := range []string{"PUT\n99999999999\n5\nfalse\n\n../x", "GET\n99999999999\n5\nfalse\n\nx", "PUT\n99999999999\n-5\nfalse\n\nx", "PUT\n99999999999\n5\nfalse\n\nx\ny", "PUT"} {
		changed := part
		changed.URL = "/direct/" + presign.Signed(secretA, "v1."+base64.RawURLEncoding.EncodeToString([]byte(claims)))
		assert.Equal(t, http.StatusForbidden, put(t, h, changed, "right").Code, claims)
	}
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PATCH"} {
		other := part
		other.Method = method
		w := put(t, h, other, "right")
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, "PUT, OPTIONS", w.Header().Get("Allow"))
	}
	now = now.Add(time.Minute)
	status(403, "right")
	now = now.Add(-2 * time.Second)
	assert.Empty(t, keys(t, store))
	status(200, "right")

	// What does not say how long it is.
	r := httptest.NewRequestWithContext(t.Context(), "PUT", part.URL, io.MultiReader(strings.NewReader("right")))
	r.Header, r.ContentLength = part.Header.Clone(), -1
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, http.StatusLengthRequired, w.Code)
}

func keys(t testing.TB, s storage.Store) (keys []string) {
	t.Helper()
	for info, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		keys = append(keys, info.Key)
	}
	return keys
}

// Secrets change without a URL that stops working.
func TestSecretsChange(t *testing.T) {
	store := memory(t)
	before, both, after := newHandler(t, store, nil), newHandler(t, store, nil, secretB, secretA), newHandler(t, store, nil, secretB)
	old, young := begin(t, before, 5), begin(t, both, 5)
	assert.Equal(t, http.StatusForbidden, put(t, after, old, "right").Code)
	assert.Equal(t, http.StatusForbidden, put(t, before, young, "right").Code)
	assert.Equal(t, http.StatusOK, put(t, both, old, "right").Code)
	assert.Equal(t, http.StatusOK, put(t, after, young, "right").Code)
}

// A part that is there stays as it is, whoever sends it again.
func TestReplay(t *testing.T) {
	for name, store := range map[string]storage.Store{"memory": memory(t), "folder": folder(t)} {
		t.Run(name, func(t *testing.T) {
			h := newHandler(t, store, nil)
			part := begin(t, h, 5)
			w := put(t, h, part, "right")
			require.Equal(t, http.StatusOK, w.Code)
			is, err := store.Stat(t.Context(), prefix+"0000000000000000")
			require.NoError(t, err)
			assert.Equal(t, `"`+is.ETag+`"`, w.Header().Get("ETag"))

			again := put(t, h, part, "right")
			assert.Equal(t, http.StatusOK, again.Code)
			assert.Equal(t, w.Header().Get("ETag"), again.Header().Get("ETag"))
			assert.Equal(t, http.StatusConflict, put(t, h, part, "wrong").Code)
			now, err := store.Stat(t.Context(), is.Key)
			require.NoError(t, err)
			assert.Equal(t, is, now)
		})
	}
}

// The same part twice at once is stored once.
func TestRace(t *testing.T) {
	store := folder(t)
	h := newHandler(t, store, nil)
	part := begin(t, h, 1<<20)
	body := strings.Repeat("x", 1<<20)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				switch w := put(t, h, part, body); w.Code {
				case http.StatusOK:
					return
				default:
					assert.Equal(t, http.StatusServiceUnavailable, w.Code)
					assert.NotEmpty(t, w.Header().Get("Retry-After"))
				}
			}
			t.Error("never stored")
		})
	}
	all.Wait()
	assert.Len(t, keys(t, store), 1)
}

func TestCORS(t *testing.T) {
	h := newHandler(t, memory(t), &presign.Options{AllowOrigin: "https://example.com"})
	part := begin(t, h, 5)
	preflight := part
	preflight.Method = http.MethodOptions
	w := put(t, h, preflight, "")
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Equal(t, "PUT, OPTIONS", w.Header().Get("Access-Control-Allow-Methods"))
	assert.Equal(t, "Content-Type", w.Header().Get("Access-Control-Allow-Headers"))
	for _, body := range []string{"wrong size", "right"} {
		w := put(t, h, part, body)
		assert.Equal(t, "https://example.com", w.Header().Get("Access-Control-Allow-Origin"), w.Code)
		assert.Contains(t, w.Header().Get("Access-Control-Expose-Headers"), "ETag")
	}
	w = put(t, newHandler(t, memory(t), nil), preflight, "")
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Methods"))
}

// brokenStore has no room, or does not answer.
type brokenStore struct {
	storage.Store
	err error
}

func (s *brokenStore) Put(context.Context, string, io.Reader, *storage.PutOptions) (storage.Info, error) {
	return storage.Info{}, s.err
}

func TestStoreFails(t *testing.T) {
	for want, err := range map[int]error{507: storage.ErrNoSpace, 503: errors.New("down")} {
		h := newHandler(t, &brokenStore{memory(t), fmt.Errorf("put: %w", err)}, nil)
		assert.Equal(t, want, put(t, h, begin(t, h, 5), "right").Code)
	}
}

// A connection that breaks, or stands still, in the middle of a part leaves nothing.
func TestBodyEndsEarly(t *testing.T) {
	for name, want := range map[string]string{"cut": "400", "idle": "408"} {
		t.Run(name, func(t *testing.T) {
			store := folder(t)
			h := newHandler(t, store, &presign.Options{Idle: 100 * time.Millisecond})
			srv := httptest.NewServer(h)
			defer srv.Close()
			part := begin(t, h, 5)
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\nContent-Length: 5\r\n\r\nrig", part.URL)
			require.NoError(t, err)
			if name == "cut" {
				require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			require.NoError(t, err)
			assert.Contains(t, line, want)
			assert.Empty(t, keys(t, store))
			assert.Equal(t, http.StatusOK, put(t, h, part, "right").Code)
		})
	}
}

// FuzzURL feeds URLs that nobody has signed, and what else a request can say.
func FuzzURL(f *testing.F) {
	store := memory(f)
	h, err := presign.New(store, "/direct", [][]byte{secretA, secretB}, nil)
	require.NoError(f, err)
	good := begin(f, h, 5)
	goodKey, _, err := presign.Open([][]byte{secretA, secretB}, path.Base(good.URL), time.Now())
	require.NoError(f, err)
	f.Add(path.Base(good.URL), "right", "video/mp4", false)
	f.Add(path.Base(good.URL)+"=", "right", "video/mp4", false)
	f.Add("v1.UFVUCjk5OTk5OTk5OTk5CjUKZmFsc2UKCi4uL3g", "right", "", true)
	f.Add("v1.UFVU", "\x00", "a/b", true)
	f.Fuzz(func(t *testing.T, token, body, kind string, sign bool) {
		if sign { // who has the secret
			token = presign.Signed(secretB, token)
		}
		key, size, err := presign.Open([][]byte{secretA, secretB}, token, time.Now())
		if err == nil && (storage.CheckKey(key) != nil || size <= 0) {
			t.Fatalf("%q is for %d bytes under %q", token, size, key)
		}
		// Each process that takes part in the fuzzing has a good token of its own second.
		if text := token[:max(0, strings.LastIndexByte(token, '.'))]; err == nil && !sign &&
			(key != goodKey || size != 5 || token != presign.Signed(secretA, text)) {
			t.Fatalf("%q is taken, and nobody signed it", token)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/direct/x", strings.NewReader(body))
		r.URL.Path = "/direct/" + token
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		stored := keys(t, store)
		switch {
		case w.Code == http.StatusOK:
			token = token[strings.LastIndexByte(token, '/')+1:]
			if key, size, err = presign.Open([][]byte{secretA, secretB}, token, time.Now()); err != nil || int64(len(body)) != size || len(stored) != 1 || stored[0] != key {
				t.Fatalf("%d bytes under %q by %q (%v)", len(body), stored, token, err)
			}
			if err := store.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		case w.Code != 400 && w.Code != 403:
			t.Fatalf("%d %s", w.Code, w.Body)
		case len(stored) > 0:
			t.Fatalf("refused with %d, and %q is there", w.Code, stored)
		}
	})
}

func ExampleNew() {
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer store.Close()
	secret := []byte("0123456789abcdef0123456789abcdef") // openssl rand, from your configuration
	direct, err := presign.New(store, "/direct", [][]byte{secret}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/direct/", direct)

	ctx := context.Background()
	signed, err := direct.Presign(ctx, "sources/42/", &storage.PresignOptions{Size: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, part := range signed.Parts { // what a browser does
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(part.Method, part.URL, strings.NewReader("video")))
		fmt.Println(w.Code)
	}
	objects, err := direct.Complete(ctx, "sources/42/", signed.State)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(objects[0].Key, objects[0].Size)
	// Output:
	// 200
	// sources/42/0000000000000000 5
}
