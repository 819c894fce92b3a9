package upload_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// waiting is a Prober that takes until it is cancelled, so that what a fuzz target
// uploads stays as it is until it is deleted.
type waiting struct{}

func (waiting) Probe(ctx context.Context, _ encoder.Source) (encoder.Media, error) {
	<-ctx.Done()
	return encoder.Media{}, ctx.Err()
}

func (waiting) Encode(ctx context.Context, _ encoder.Job, _ func(encoder.Update) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// newFuzzed returns a handler whose pipeline remembers nothing of assets that are gone.
func newFuzzed(f *testing.F) (*upload.Pipeline, http.Handler) {
	f.Helper()
	p, err := upload.New(newStore(f), waiting{}, waiting{}, &upload.Options{
		Backlog: 1 << 30, CheckOff: true, Fetch: &upload.FetchOptions{AllowHosts: []string{"192.0.2.1"}}, // which is never called
	})
	require.NoError(f, err)
	require.NoError(f, p.Start(f.Context()))
	f.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.Shutdown(ctx)
	})
	return p, upload.NewHandler(p, nil)
}

// checkAnswer holds a response to the documentation: a status of the table, JSON, and
// an asset that is as was asked for. It deletes what was made.
func checkAnswer(t *testing.T, p *upload.Pipeline, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	switch w.Code {
	case 200, 202, 204, 400, 404, 405, 409, 412, 413, 415, 422, 501:
	default:
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var a answer
	if w.Code != 204 {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
	}
	if w.Code >= 400 && (a.Error == nil || a.Error.Code == "" || !strings.HasSuffix(a.Error.Message, ".")) {
		t.Fatalf("%d without a code and a sentence: %s", w.Code, w.Body)
	}
	if w.Code != 202 || r.Method != http.MethodPost || a.Retried != nil {
		return
	}
	if upload.ValidID(a.ID) != nil || strings.ContainsAny(a.Name, "/\\\x00\r\n") || len(a.Name) > 255 {
		t.Fatalf("id %q, name %q", a.ID, a.Name)
	}
	if location := w.Header().Get("Location"); path.Base(location) != a.ID || strings.ContainsAny(location, "\r\n\x00") {
		t.Fatalf("the asset %q is at %q", a.ID, location)
	}
	if err := p.Delete(context.Background(), a.ID); err != nil {
		t.Fatal(err)
	}
}

// FuzzForm feeds the names and values of a form.
func FuzzForm(f *testing.F) {
	p, h := newFuzzed(f)
	f.Add("clip.mp4", "x", "id", "abc")
	f.Add(`..\..\a"b`, "", "meta.", "\xff")
	f.Add("a\r\nX: y", "--B", "file", "v")
	f.Add("a%22b.mp4", "x", "priority", "-9223372036854775808")
	f.Add("x", "\r\n--B--", `a"; filename="b`, "../../x")
	f.Fuzz(func(t *testing.T, filename, content, field, value string) {
		body := "--B\r\nContent-Disposition: form-data; name=\"" + field + "\"\r\n\r\n" + value +
			"\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename + "\"\r\n\r\n" + content + "\r\n--B--\r\n"
		r := httptest.NewRequest("POST", "/assets", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=B")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		checkAnswer(t, p, r, w)
	})
}

// FuzzImport feeds the JSON of an import. Nothing in it may lead anywhere.
func FuzzImport(f *testing.F) {
	p, h := newFuzzed(f)
	for _, body := range []string{
		`{"url": "http://192.0.2.1/a.mp4"}`, `{"url": "http://3221225985/a.mp4", "id": "x"}`, `{"url": "http://[::ffff:c000:201]/"}`,
		`{"url": "http://u@192.0.2.1:80/", "metadata": {"a": null}}`, `{"url": "\u0000", "priority": 1e99}`, `[]`, `{"URL": ""}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/assets/import", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		checkAnswer(t, p, r, w)
		if w.Code != 400 && w.Code != 422 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}

// FuzzRequest feeds whole requests as net/http hands them over.
func FuzzRequest(f *testing.F) {
	p, h := newFuzzed(f)
	for _, head := range []string{
		"GET /assets?limit=2&status=ready&after=x HTTP/1.1", "GET /assets?limit=-1 HTTP/1.1", "GET /assets?%zz HTTP/1.1", "HEAD /assets/x HTTP/1.1",
		"POST /assets?id=a%2fb HTTP/1.1", "POST /assets?id=abc&meta.x=y&name=%00&priority=9 HTTP/1.1\nContent-Length: 1\nContent-Type: video/mp4",
		"POST /assets HTTP/1.1\nContent-Length: 1\nContent-Disposition: attachment; filename*=UTF-8''%e2%82%ac\nX-File-Name: a%2Fb\nContent-Type: text/html",
		"POST /assets HTTP/1.1\nTransfer-Encoding: chunked\nContent-Type: multipart/form-data; boundary=B",
		"DELETE /assets/.. HTTP/1.1", "POST /assets/x/retry HTTP/1.1", "POST //x/../assets//cancel HTTP/1.0", "OPTIONS * HTTP/1.1", "CONNECT assets:1 HTTP/1.1",
		"GET http://evil/assets/x/events HTTP/1.1", "POST /assets/x/complete HTTP/1.1", "GET /assets/x/upload HTTP/1.1",
		"POST /assets/presign HTTP/1.1\nContent-Type: application/json\nContent-Length: 1",
		"POST /assets/import HTTP/1.1\nContent-Type: application/json\nContent-Length: 1",
		"GET /assets?name=%C3%84&profile=x&meta.k=v&created_after=2026-01-02T03:04:05Z&created_before=x HTTP/1.1",
		"PATCH /assets/x HTTP/1.1\nContent-Type: application/merge-patch+json\nIf-Match: \"x\", W/\"y\"\nContent-Length: 1",
		"PUT /assets/x/source?name=%2e HTTP/1.1\nContent-Length: 1", "POST /assets/x/retry HTTP/1.1\nContent-Type: application/json\nContent-Length: 1",
	} {
		f.Add([]byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\nHost: x\r\n\r\nx"))
	}
	f.Add([]byte("POST /assets/retry HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 63\r\n\r\n" +
		`{"status":"ERROR","metadata":{"k":"v"},"after":"x","limit":300}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		checkAnswer(t, p, r, w)
		require.Empty(t, left(t, p), "what was not accepted left a record")
	})
}

func left(t *testing.T, p *upload.Pipeline) (ids []string) {
	t.Helper()
	assets, err := p.List(t.Context(), upload.Query{})
	require.NoError(t, err)
	for _, a := range assets {
		ids = append(ids, a.ID)
	}
	return ids
}

// FuzzOwnKey feeds anyone's keys and multivariant playlists to what decides whether
// the sweeper may remove them.
func FuzzOwnKey(f *testing.F) {
	id := ids.New(time.UnixMilli(1_700_000_000_000))
	f.Add("sources/x/"+id, []byte(masterOf(id)))
	f.Add("media/x/"+id+"-2/v360/init-0123456789abcdef.mp4", []byte(masterOf(id+"-2")))
	f.Add("media/x/master.m3u8", []byte(masterOf("../../"+id)))
	f.Add("media/../"+id+"/v360/0-0123456789abcdef.m4s\n", []byte("#EXT-X-MEDIA:URI=\""+id+"/a/index.m3u8\",X=\",URI=\"\nhttp://x/"+id+"/a/index.m3u8"))
	f.Fuzz(func(t *testing.T, key string, text []byte) {
		if k, ok := upload.OwnKeyOf(key); ok {
			place := "media/"
			if k.Source {
				place = "sources/"
			}
			if upload.ValidID(k.ID) != nil || storage.CheckKey(key) != nil || !strings.HasPrefix(key, place+k.ID+"/"+k.Attempt) {
				t.Fatalf("%q is taken for %+v", key, k)
			}
			if strings.Count(key, "/") > 4 || k.Attempt != "" && (upload.ValidID(k.Attempt) != nil || strings.Contains(k.Attempt, ".")) {
				t.Fatalf("%q is taken for %+v", key, k)
			}
		}
		attempts, ours := upload.MasterRefers(text)
		for a := range attempts {
			if !bytes.Contains(text, []byte(a+"/")) {
				t.Fatalf("%q does not refer to %q", text, a)
			}
		}
		for line := range strings.Lines(string(text)) { // every URI of one that is ours names an attempt
			line = strings.TrimSpace(line)
			if first, _, _ := strings.Cut(line, "/"); ours && line != "" && line[0] != '#' && !attempts[first] {
				t.Fatalf("%q is ours, with %q", text, line)
			}
		}
	})
}
