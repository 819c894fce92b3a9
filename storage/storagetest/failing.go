package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// hooked reads from r, and calls hook once after n bytes. An error of hook's is
// returned.
type hooked struct {
	r    io.Reader
	n    int64
	hook func() error
}

func (h *hooked) Read(p []byte) (int, error) {
	if h.n == 0 && h.hook != nil {
		hook := h.hook
		h.hook = nil
		if err := hook(); err != nil {
			return 0, err
		}
	}
	if h.n > 0 && int64(len(p)) > h.n {
		p = p[:h.n]
	}
	n, err := h.r.Read(p)
	if h.n > 0 {
		h.n -= int64(n)
	}
	return n, err
}

// failures are the points, in bytes, where a Put is broken off: before the first byte,
// within one buffer and after several, and within the second part of a service that
// takes parts of 8 MiB.
var failures = []int64{0, 1, 1000, 3 << 20, 9 << 20}

func testOddReaders(t *testing.T, s storage.Store, _ config) {
	b := data(5, 100_000)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte":       iotest.OneByteReader,
		"half":           iotest.HalfReader,
		"data with EOF":  iotest.DataErrReader,
		"empty reads":    func(r io.Reader) io.Reader { return &stuttering{r: r} },
		"no WriterTo":    func(r io.Reader) io.Reader { return struct{ io.Reader }{r} },
		"limited reader": func(r io.Reader) io.Reader { return io.LimitReader(r, 1<<40) },
	} {
		for _, size := range []int64{0, int64(len(b))} {
			info, err := s.Put(t.Context(), "odd", wrap(bytes.NewReader(b)), &storage.PutOptions{Size: size})
			if err != nil || info.Size != int64(len(b)) {
				t.Errorf("%s: Put says %d bytes, %v", name, info.Size, err)
			}
			wantBytes(t, s, "odd", b)
		}
	}
}

// stuttering reads nothing every other time.
type stuttering struct {
	r     io.Reader
	empty bool
}

func (s *stuttering) Read(p []byte) (int, error) {
	s.empty = !s.empty
	if s.empty {
		return 0, nil
	}
	return s.r.Read(p)
}

func testFailingReader(t *testing.T, s storage.Store, _ config) {
	old := data(1, 5000)
	put(t, s, "dir/old", old, nil)
	cut := errors.New("the connection was cut")
	for _, at := range failures {
		for _, cause := range []error{cut, io.ErrUnexpectedEOF, fmt.Errorf("wrapped: %w", io.EOF)} {
			for _, key := range []string{"dir/old", "dir/new", "other/new"} {
				r := &hooked{r: stream(2), n: at, hook: func() error { return cause }}
				_, err := s.Put(t.Context(), key, r, nil)
				wantErr(t, fmt.Sprintf("Put of a reader that fails after %d bytes", at), err, cause)
			}
		}
		wantOnly(t, s, "dir/old", old)
	}
}

// wantOnly checks that the store holds this object and no other.
func wantOnly(t *testing.T, s storage.Store, key string, b []byte) {
	t.Helper()
	wantBytes(t, s, key, b)
	if keys := list(t, s, ""); len(keys) != 1 || keys[0] != key {
		t.Errorf("List shows %q, want only %q", keys, key)
	}
}

func testWrongSize(t *testing.T, s storage.Store, _ config) {
	old := data(1, 5000)
	put(t, s, "old", old, nil)
	for _, n := range []int{0, 1, 999, 1001, 2 << 20} {
		for _, key := range []string{"old", "new"} {
			_, err := s.Put(t.Context(), key, bytes.NewReader(data(2, n)), &storage.PutOptions{Size: 1000})
			wantErr(t, fmt.Sprintf("Put of %d bytes announced as 1000", n), err, io.ErrUnexpectedEOF)
		}
	}
	_, err := s.Put(t.Context(), "old", bytes.NewReader(data(2, 2<<20)), &storage.PutOptions{Size: 3 << 20})
	wantErr(t, "Put of 2 MiB announced as 3", err, io.ErrUnexpectedEOF)
	wantOnly(t, s, "old", old)
}

// testUnfinishedPut looks at the store while a Put is under way.
func testUnfinishedPut(t *testing.T, s storage.Store, _ config) {
	old := data(1, 5000)
	put(t, s, "dir/old", old, nil)
	for _, at := range failures {
		for _, key := range []string{"dir/new", "dir/old"} {
			looked := false
			r := &hooked{r: stream(2), n: at, hook: func() error {
				looked = true
				wantOnly(t, s, "dir/old", old)
				return errors.New("enough")
			}}
			if _, err := s.Put(t.Context(), key, r, nil); err == nil {
				t.Errorf("Put: no error after %d bytes", at)
			}
			if !looked {
				t.Errorf("Put failed before it had read %d bytes", at)
			}
		}
	}
}

func testCancelledBefore(t *testing.T, s storage.Store, _ config) {
	old := data(1, 5000)
	put(t, s, "old", old, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, key := range []string{"old", "new"} {
		_, err := s.Put(ctx, key, bytes.NewReader(data(2, 10)), nil)
		wantErr(t, "Put", err, context.Canceled)
		_, err = s.Stat(ctx, key)
		wantErr(t, "Stat", err, context.Canceled)
		_, err = s.Open(ctx, key, nil)
		wantErr(t, "Open", err, context.Canceled)
		wantErr(t, "Delete", s.Delete(ctx, key), context.Canceled)
	}
	pairs := 0
	for _, err := range s.List(ctx, "") {
		wantErr(t, "List", err, context.Canceled)
		pairs++
	}
	if pairs != 1 {
		t.Errorf("List yields %d pairs, want the error alone", pairs)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := s.Put(late, "new", bytes.NewReader(data(2, 10)), nil)
	wantErr(t, "Put after the deadline", err, context.DeadlineExceeded)
	wantOnly(t, s, "old", old)
}

func testCancelledPut(t *testing.T, s storage.Store, _ config) {
	old := data(1, 5000)
	put(t, s, "dir/old", old, nil)
	for _, at := range failures {
		for _, key := range []string{"dir/old", "dir/new", "other/new"} {
			ctx, cancel := context.WithCancel(t.Context())
			// Without an end: a Put that does not look at ctx would not return.
			r := &hooked{r: stream(2), n: at, hook: func() error { cancel(); return nil }}
			_, err := s.Put(ctx, key, io.LimitReader(r, 1<<30), nil)
			wantErr(t, fmt.Sprintf("Put that is cancelled after %d bytes", at), err, context.Canceled)
			cancel()
		}
		wantOnly(t, s, "dir/old", old)
	}
	// At the very end: all bytes are there, and ctx ends before io.EOF.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := data(3, 10)
	r := io.MultiReader(bytes.NewReader(b), &hooked{r: bytes.NewReader(nil), hook: func() error { cancel(); return nil }})
	_, err := s.Put(ctx, "dir/old", r, nil)
	wantErr(t, "Put that is cancelled before the end", err, context.Canceled)
	wantOnly(t, s, "dir/old", old)
}

func testCancelledRead(t *testing.T, s storage.Store, _ config) {
	put(t, s, "clip.mp4", data(1, 9<<20), nil)
	for _, opts := range []*storage.OpenOptions{nil, {Offset: 1 << 20, Length: 8 << 20}} {
		ctx, cancel := context.WithCancel(t.Context())
		obj, err := s.Open(ctx, "clip.mp4", opts)
		if err != nil {
			cancel()
			t.Fatalf("Open: %v", err)
		}
		if _, err := io.ReadFull(obj, make([]byte, 1000)); err != nil {
			t.Errorf("Read: %v", err)
		}
		cancel()
		_, err = io.Copy(io.Discard, obj.Body)
		wantErr(t, "Read after the context has ended", err, context.Canceled)
		_ = obj.Close()
	}
}
