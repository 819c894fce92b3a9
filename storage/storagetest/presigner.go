package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// PresignerTest is what RunPresigner tests.
type PresignerTest struct {
	// Presigner makes URLs for objects in Store.
	Presigner storage.Presigner
	// Another is one over the same bucket as another process has it. Defaults to Presigner.
	Another storage.Presigner
	Store   storage.Store
	// Handler answers the URLs. Defaults to nil: they are asked for over the network.
	Handler http.Handler
	// Client asks for the URLs over the network. Defaults to http.DefaultClient.
	Client *http.Client
	// PartSize is the part size that the tests wish for, in bytes. Defaults to 5 MiB, the
	// least that S3 takes.
	PartSize int64
	// OnePart says that uploads are never in several parts. Defaults to false.
	OnePart bool
	// Unbound says that URLs take other numbers of bytes than they were made for, which only
	// Complete sees. Defaults to false.
	Unbound bool
}

// RunPresigner tests the Presigners that open makes, over an empty Store for each call.
func RunPresigner(t *testing.T, open func(t *testing.T) PresignerTest) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, p *PresignerTest)
	}{
		{"OnePart", func(t *testing.T, p *PresignerTest) { testPresignWhole(t, p, 10) }},
		{"Parts", func(t *testing.T, p *PresignerTest) { testPresignWhole(t, p, 2*p.PartSize+7) }},
		{"GoingOn", testPresignGoingOn},
		{"WrongSize", testPresignWrongSize},
		{"OtherRequests", testPresignOtherRequests},
		{"Abort", testPresignAbort},
		{"AbortComplete", testPresignAbortComplete},
		{"BadOptions", testPresignBadOptions},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := open(t)
			if p.Another == nil {
				p.Another = p.Presigner
			}
			if p.Client == nil {
				p.Client = http.DefaultClient
			}
			if p.PartSize == 0 {
				p.PartSize = 5 << 20
			}
			test.run(t, &p)
		})
	}
}

const presignPrefix = "sources/film/token-"

func (p *PresignerTest) begin(t *testing.T, size int64) storage.Presigned {
	t.Helper()
	signed, err := p.Presigner.Presign(t.Context(), presignPrefix, &storage.PresignOptions{
		Size: size, PartSize: p.PartSize, ContentType: "video/mp4", Expiry: time.Minute,
	})
	if err != nil {
		t.Fatalf("Presign: %v", err)
	}
	if signed.State == "" {
		t.Error("Presign returns no State")
	}
	if left := time.Until(signed.Expires); left <= 0 || left > time.Minute {
		t.Errorf("the URLs end in %v, want up to a minute", left)
	}
	var end int64
	for i, part := range signed.Parts {
		if part.Method != http.MethodPut || part.Offset != end || part.Size <= 0 || !part.Stored.IsZero() {
			t.Errorf("part %d is %+v", i, part)
		}
		end += part.Size
	}
	if end != size {
		t.Fatalf("the parts have %d bytes, want %d", end, size)
	}
	if one := size <= p.PartSize || p.OnePart; one != (len(signed.Parts) == 1) {
		t.Errorf("%d bytes are in %d parts", size, len(signed.Parts))
	}
	return signed
}

// request makes a request as a part asks for it and returns the status.
func (p *PresignerTest) request(t *testing.T, part storage.PresignedPart, method, target string, body []byte) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range part.Header {
		r.Header[name] = values
	}
	if p.Handler != nil {
		r.RequestURI = r.URL.RequestURI()
		w := httptest.NewRecorder()
		p.Handler.ServeHTTP(w, r)
		return w.Code
	}
	resp, err := p.Client.Do(r)
	if err != nil {
		t.Errorf("%s %s: %v", method, target, err)
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

func (p *PresignerTest) send(t *testing.T, part storage.PresignedPart, content []byte) {
	t.Helper()
	status := p.request(t, part, part.Method, part.URL, content[part.Offset:part.Offset+part.Size])
	if status < 200 || status > 299 {
		t.Errorf("a part was answered with %d", status)
	}
}

// complete expects content.
func (p *PresignerTest) complete(t *testing.T, by storage.Presigner, state string, content []byte) []storage.Info {
	t.Helper()
	objects, err := by.Complete(t.Context(), presignPrefix, state)
	if err != nil {
		t.Fatalf("Complete: %v", err)
	}
	var got []byte
	for _, o := range objects {
		if want := storage.PartKey(presignPrefix, int64(len(got))); o.Key != want {
			t.Errorf("an object has the key %q, want %q", o.Key, want)
		}
		info, b, err := get(t.Context(), p.Store, o.Key, nil)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size != o.Size || o.ETag != "" && info.ETag != o.ETag {
			t.Errorf("Complete says %+v, and there is %+v", o, info)
		}
		got = append(got, b...)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("the objects hold %s, want %s", describe(got), describe(content))
	}
	return objects
}

func (p *PresignerTest) keys(t *testing.T) (keys []string) {
	t.Helper()
	for info, err := range p.Store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

func testPresignWhole(t *testing.T, p *PresignerTest, size int64) {
	content := data(1, int(size))
	signed := p.begin(t, size)
	var all sync.WaitGroup
	for _, part := range slices.Backward(signed.Parts) {
		all.Go(func() { p.send(t, part, content) })
	}
	all.Wait()
	first := p.complete(t, p.Presigner, signed.State, content)
	for _, by := range []storage.Presigner{p.Presigner, p.Another} {
		again := p.complete(t, by, signed.State, content)
		if len(again) != len(first) {
			t.Errorf("Complete returns %d objects when it is repeated, before it was %d", len(again), len(first))
		}
	}
	renewed, err := p.Another.Renew(t.Context(), presignPrefix, signed.State, time.Minute)
	if err != nil {
		t.Fatalf("Renew of what is complete: %v", err)
	}
	for i, part := range renewed.Parts {
		if part.Stored.IsZero() {
			t.Errorf("part %d has not come, and the upload is complete", i)
		}
	}
}

func testPresignGoingOn(t *testing.T, p *PresignerTest) {
	size := 2*p.PartSize + 7
	content := data(2, int(size))
	signed := p.begin(t, size)
	n := len(signed.Parts)
	wantParts(t, p.Presigner, signed.State, n, signed.Parts, func(int) bool { return true })
	if n > 1 {
		p.send(t, signed.Parts[1], content)
		wantParts(t, p.Another, signed.State, n, signed.Parts, func(i int) bool { return i != 1 })
	}
	renewed, err := p.Another.Renew(t.Context(), presignPrefix, signed.State, time.Minute)
	if err != nil {
		t.Fatalf("Renew: %v", err)
	}
	if len(renewed.Parts) != n || renewed.State != signed.State {
		t.Fatalf("Renew returns %d parts with the state %q, want %d with %q", len(renewed.Parts), renewed.State, n, signed.State)
	}
	for i, part := range renewed.Parts {
		if came := n > 1 && i == 1; part.Stored.IsZero() == came {
			t.Errorf("part %d came at %v", i, part.Stored)
		}
		if part.Offset != signed.Parts[i].Offset || part.Size != signed.Parts[i].Size {
			t.Errorf("part %d is another one once renewed: %+v", i, part)
		}
		p.send(t, part, content) // also what has come
	}
	p.complete(t, p.Another, signed.State, content)
}

func wantParts(t *testing.T, by storage.Presigner, state string, total int, parts []storage.PresignedPart, missing func(i int) bool) {
	t.Helper()
	var want []int
	for i := range parts {
		if missing(i) {
			want = append(want, i+1)
		}
	}
	_, err := by.Complete(context.Background(), presignPrefix, state)
	var got *storage.MissingPartsError
	if !errors.As(err, &got) {
		t.Fatalf("Complete of an upload that is not whole: the error is %q, want a MissingPartsError", errText(err))
	}
	if got.Total != total || !slices.Equal(got.Numbers, want) {
		t.Errorf("missing are %v of %d, want %v of %d", got.Numbers, got.Total, want, total)
	}
}

func testPresignWrongSize(t *testing.T, p *PresignerTest) {
	for _, size := range []int64{10, 2*p.PartSize + 7} {
		content := data(3, int(size))
		signed := p.begin(t, size)
		last := signed.Parts[len(signed.Parts)-1]
		for _, part := range signed.Parts[:len(signed.Parts)-1] {
			p.send(t, part, content)
		}
		for _, n := range []int64{last.Size - 1, last.Size + 1} {
			status := p.request(t, last, last.Method, last.URL, data(4, int(n)))
			if ok := status >= 200 && status < 300; ok && !p.Unbound {
				t.Errorf("%d bytes where %d were announced: status %d", n, last.Size, status)
			}
			wantParts(t, p.Presigner, signed.State, len(signed.Parts), signed.Parts, func(i int) bool { return i == len(signed.Parts)-1 })
		}
		p.send(t, last, content)
		p.complete(t, p.Presigner, signed.State, content)
		if err := p.Presigner.Abort(t.Context(), presignPrefix, signed.State); err != nil {
			t.Fatal(err)
		}
	}
}

func testPresignOtherRequests(t *testing.T, p *PresignerTest) {
	content := data(5, 10)
	part := p.begin(t, 10).Parts[0]
	refused := func(what string, part storage.PresignedPart, method, target string) {
		t.Helper()
		if status := p.request(t, part, method, target, content); status >= 200 && status < 300 {
			t.Errorf("%s: status %d", what, status)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		refused(method, part, method, part.URL)
	}
	target, err := url.Parse(part.URL)
	if err != nil {
		t.Fatal(err)
	}
	other := *target
	if other.Path = strings.Replace(target.Path, "film", "other", 1); other.Path != target.Path {
		refused("another key", part, part.Method, other.String())
	}
	cut := part.URL[:len(part.URL)-1]
	refused("a changed signature", part, part.Method, cut+map[bool]string{true: "0", false: "1"}[strings.HasSuffix(part.URL, "1")])
	refused("a cut signature", part, part.Method, cut)
	if part.Header.Get("Content-Type") != "" && !p.Unbound {
		typed := part
		typed.Header = part.Header.Clone()
		typed.Header.Set("Content-Type", "text/html")
		refused("another content type", typed, part.Method, part.URL)
	}
	if keys := p.keys(t); len(keys) > 0 {
		t.Errorf("refused requests have stored %q", keys)
	}
}

func testPresignAbort(t *testing.T, p *PresignerTest) {
	for _, known := range []bool{true, false} {
		size := 2*p.PartSize + 7
		content := data(6, int(size))
		signed := p.begin(t, size)
		p.send(t, signed.Parts[0], content)
		state := signed.State
		if !known {
			state = ""
		}
		for range 2 {
			if err := p.Another.Abort(t.Context(), presignPrefix, state); err != nil {
				t.Fatalf("Abort: %v", err)
			}
		}
		if _, err := p.Presigner.Complete(t.Context(), presignPrefix, signed.State); err == nil {
			t.Error("Complete after Abort: no error")
		}
		if keys := p.keys(t); len(keys) > 0 {
			t.Errorf("Abort has left %q", keys)
		}
	}
}

func testPresignAbortComplete(t *testing.T, p *PresignerTest) {
	for _, size := range []int64{10, 2*p.PartSize + 7} {
		content := data(7, int(size))
		signed := p.begin(t, size)
		for _, part := range signed.Parts {
			p.send(t, part, content)
		}
		p.complete(t, p.Presigner, signed.State, content)
		if err := p.Another.Abort(t.Context(), presignPrefix, signed.State); err != nil {
			t.Fatalf("Abort: %v", err)
		}
		if keys := p.keys(t); len(keys) > 0 {
			t.Errorf("Abort has left %q", keys)
		}
		if _, err := p.Presigner.Complete(t.Context(), presignPrefix, signed.State); err == nil {
			t.Error("Complete after Abort: no error")
		}
	}
}

func testPresignBadOptions(t *testing.T, p *PresignerTest) {
	for _, o := range []*storage.PresignOptions{nil, {}, {Size: -1}, {Size: 1, ContentType: "video/mp4\r\nX: y"}} {
		if _, err := p.Presigner.Presign(t.Context(), presignPrefix, o); err == nil {
			t.Errorf("Presign with %+v: no error", o)
		}
	}
	for _, state := range []string{"", "{}", "[", `{"size":-1}`} {
		if _, err := p.Presigner.Complete(t.Context(), presignPrefix, state); err == nil {
			t.Errorf("Complete with the state %q: no error", state)
		}
		if _, err := p.Presigner.Renew(t.Context(), presignPrefix, state, 0); err == nil {
			t.Errorf("Renew with the state %q: no error", state)
		}
	}
}
