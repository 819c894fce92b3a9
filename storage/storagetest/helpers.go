package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// data is n bytes that seed determines.
func data(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = io.ReadFull(stream(seed), b)
	return b
}

// stream yields the bytes of data without end.
func stream(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

func put(t *testing.T, s storage.Store, key string, b []byte, opts *storage.PutOptions) storage.Info {
	t.Helper()
	info, err := s.Put(t.Context(), key, bytes.NewReader(b), opts)
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return info
}

// get reads an object, whole or in part, and closes it.
func get(ctx context.Context, s storage.Store, key string, opts *storage.OpenOptions) (storage.Info, []byte, error) {
	obj, err := s.Open(ctx, key, opts)
	if err != nil {
		return storage.Info{}, nil, err
	}
	b, err := io.ReadAll(obj)
	if closeErr := obj.Close(); err == nil {
		err = closeErr
	}
	return obj.Info, b, err
}

// wantBytes checks that the key holds b.
func wantBytes(t *testing.T, s storage.Store, key string, b []byte) {
	t.Helper()
	info, got, err := get(t.Context(), s, key, nil)
	switch {
	case err != nil:
		t.Errorf("read %q: %v", key, err)
	case !bytes.Equal(got, b):
		t.Errorf("%q holds %s, want %s", key, describe(got), describe(b))
	case info.Size != int64(len(b)):
		t.Errorf("Open(%q) says %d bytes, want %d", key, info.Size, len(b))
	}
}

func describe(b []byte) string {
	const shown = 16
	if len(b) <= shown {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%d bytes that start with %x", len(b), b[:shown])
}

// wantErr checks that err matches target.
func wantErr(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: the error is %q, want one that matches %q", what, errText(err), target)
	}
}

func errText(err error) string {
	if err == nil {
		return "nil"
	}
	return err.Error()
}

// wantMissing checks that neither Stat nor Open nor List know the key.
func wantMissing(t *testing.T, s storage.Store, key string) {
	t.Helper()
	_, err := s.Stat(t.Context(), key)
	wantErr(t, "Stat("+key+")", err, storage.ErrNotExist)
	_, _, err = get(t.Context(), s, key, nil)
	wantErr(t, "Open("+key+")", err, storage.ErrNotExist)
	for _, k := range list(t, s, "") {
		if k == key {
			t.Errorf("List shows %q", key)
		}
	}
}

// list is the keys that List yields.
func list(t *testing.T, s storage.Store, prefix string) []string {
	t.Helper()
	keys := []string{}
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// sameInfo compares what two methods say of one object; the precision of times differs
// between them by as much as a second.
func sameInfo(t *testing.T, what string, got, want storage.Info) {
	t.Helper()
	if got.Key != want.Key || got.Size != want.Size {
		t.Errorf("%s says key %q, %d bytes; want %q, %d bytes", what, got.Key, got.Size, want.Key, want.Size)
	}
	if got.ETag != want.ETag {
		t.Errorf("%s says ETag %q, want %q", what, got.ETag, want.ETag)
	}
	if got.ContentType != want.ContentType {
		t.Errorf("%s says content type %q, want %q", what, got.ContentType, want.ContentType)
	}
	if d := got.ModTime.Sub(want.ModTime).Abs(); d > time.Second {
		t.Errorf("%s says %v, %v away from %v", what, got.ModTime, d, want.ModTime)
	}
}
