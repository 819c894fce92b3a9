package storagetest

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/vodkit/vodkit/storage"
)

func testRoundTrip(t *testing.T, s storage.Store, _ config) {
	for _, n := range []int{0, 1, 511, 512, 513, 1 << 16, 1<<20 - 1, 1 << 20, 1<<20 + 1} {
		b := data(byte(n), n)
		put(t, s, "dir/object.bin", b, nil)
		wantBytes(t, s, "dir/object.bin", b)
	}
}

func testMissing(t *testing.T, s storage.Store, _ config) {
	put(t, s, "there/object", data(1, 10), nil)
	for _, key := range []string{"missing", "missing/too", "there", "there/objec", "there/object2", "there/object/below"} {
		_, err := s.Stat(t.Context(), key)
		wantErr(t, "Stat("+key+")", err, storage.ErrNotExist)
		_, err = s.Open(t.Context(), key, nil)
		wantErr(t, "Open("+key+")", err, storage.ErrNotExist)
		_, err = s.Open(t.Context(), key, &storage.OpenOptions{Offset: 5, Length: 1})
		wantErr(t, "Open("+key+") of a range", err, storage.ErrNotExist)
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q): %v, want nil: what is not there is deleted", key, err)
		}
	}
	wantBytes(t, s, "there/object", data(1, 10))
}

func testOverwrite(t *testing.T, s storage.Store, _ config) {
	const key = "media/master.m3u8"
	tags := map[string]int{}
	for i, n := range []int{1000, 10, 100_000, 0, 1, 1, 1} { // shorter, longer, as long
		b := data(byte(i), n)
		info := put(t, s, key, b, nil)
		wantBytes(t, s, key, b)
		if before, seen := tags[info.ETag]; seen && info.ETag != "" {
			t.Errorf("writes %d and %d have the same ETag %q and other bytes", before, i, info.ETag)
		}
		tags[info.ETag] = i
	}
	if keys := list(t, s, ""); len(keys) != 1 {
		t.Errorf("List shows %q, want the one key", keys)
	}
}

func testDelete(t *testing.T, s storage.Store, c config) {
	put(t, s, "a/b/c", data(1, 10), nil)
	put(t, s, "a/b/d", data(2, 10), nil)
	for range 2 { // again and again
		if err := s.Delete(t.Context(), "a/b/c"); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		wantMissing(t, s, "a/b/c")
	}
	wantBytes(t, s, "a/b/d", data(2, 10))
	if err := s.Delete(t.Context(), "a/b/d"); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if c.folders {
		return
	}
	put(t, s, "a", data(3, 10), nil)
	wantBytes(t, s, "a", data(3, 10))
}

func testInfo(t *testing.T, s storage.Store, _ config) {
	start := time.Now()
	const key = "media/42/00001.m4s"
	b := data(7, 1234)
	written := put(t, s, key, b, nil)
	if written.Key != key || written.Size != int64(len(b)) || written.ContentType != "video/iso.segment" {
		t.Errorf("Put says %+v", written)
	}
	if d := written.ModTime.Sub(start); d < -time.Minute || d > time.Minute {
		t.Errorf("Put says that the object was written at %v; it is %v", written.ModTime, start)
	}
	stat, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat: %v", err)
	}
	sameInfo(t, "Stat (against Put)", stat, written)
	for _, opts := range []*storage.OpenOptions{nil, {}, {Offset: 1000}, {Offset: 3, Length: 4}} {
		info, _, err := get(t.Context(), s, key, opts)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		sameInfo(t, "Open (against Stat)", info, stat)
	}
	for listed, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		if listed.ETag == "" { // List may leave out these two
			listed.ETag = stat.ETag
		}
		if listed.ContentType == "" {
			listed.ContentType = stat.ContentType
		}
		sameInfo(t, "List (against Stat)", listed, stat)
	}
}

func testContentType(t *testing.T, s storage.Store, c config) {
	for _, test := range []struct{ key, asked, want string }{
		{"x/a.m3u8", "", "application/vnd.apple.mpegurl"},
		{"x/b.mp4", "", "video/mp4"},
		{"x/c", "", "application/octet-stream"},
		{"x/d", "text/vtt", "text/vtt"},
		{"x/e.mp4", "audio/mp4", "audio/mp4"},
	} {
		want := test.want
		if c.derivedTypes {
			want = storage.ContentType(test.key)
		}
		info := put(t, s, test.key, data(1, 600), &storage.PutOptions{ContentType: test.asked, CacheControl: "max-age=60"})
		if info.ContentType != want {
			t.Errorf("Put(%q, %q) says content type %q, want %q", test.key, test.asked, info.ContentType, want)
		}
		if info, err := s.Stat(t.Context(), test.key); err != nil || info.ContentType != want {
			t.Errorf("Stat(%q) says content type %q, %v, want %q", test.key, info.ContentType, err, want)
		}
	}
}

func testRange(t *testing.T, s storage.Store, _ config) {
	const size = 3000
	b := data(9, size)
	put(t, s, "clip.mp4", b, nil)
	for _, r := range []struct{ offset, length int64 }{
		{0, 0}, {0, 1}, {0, size}, {0, size + 1}, {0, 1 << 40}, {1, 0}, {1, 1}, {999, 1000},
		{size - 1, 0}, {size - 1, 1}, {size - 1, 100}, {size - 100, 100}, {size - 100, 101},
	} {
		end := int64(size)
		if r.length > 0 {
			end = min(end, r.offset+r.length)
		}
		info, got, err := get(t.Context(), s, "clip.mp4", &storage.OpenOptions{Offset: r.offset, Length: r.length})
		switch {
		case err != nil:
			t.Errorf("offset %d, length %d: %v", r.offset, r.length, err)
		case !bytes.Equal(got, b[r.offset:end]):
			t.Errorf("offset %d, length %d: got %s", r.offset, r.length, describe(got))
		case info.Size != size:
			t.Errorf("offset %d, length %d: the Info says %d bytes, want %d, the whole object's", r.offset, r.length, info.Size, size)
		}
		testCopy(t, s, r.offset, r.length, b[r.offset:end])
	}
}

// testCopy reads with io.Copy, which a Body may have its own way for.
func testCopy(t *testing.T, s storage.Store, offset, length int64, want []byte) {
	t.Helper()
	obj, err := s.Open(t.Context(), "clip.mp4", &storage.OpenOptions{Offset: offset, Length: length})
	if err != nil {
		t.Errorf("offset %d, length %d: %v", offset, length, err)
		return
	}
	var head [1]byte
	if _, err := io.ReadFull(obj, head[:]); err != nil {
		t.Errorf("offset %d, length %d: %v", offset, length, err)
	}
	rest := bytes.NewBuffer(head[:])
	if _, err := io.Copy(rest, obj.Body); err != nil || !bytes.Equal(rest.Bytes(), want) {
		t.Errorf("offset %d, length %d: io.Copy gave %s, %v", offset, length, describe(rest.Bytes()), err)
	}
	if err := obj.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func testRangeOutside(t *testing.T, s storage.Store, _ config) {
	put(t, s, "empty", nil, nil)
	put(t, s, "ten", data(1, 10), nil)
	wantBytes(t, s, "empty", nil)
	for _, test := range []struct {
		key            string
		offset, length int64
	}{
		{"ten", 10, 0}, {"ten", 10, 1}, {"ten", 11, 0}, {"ten", 1 << 40, 5}, {"ten", -1, 0}, {"ten", 0, -1},
		{"empty", 0, 1}, {"empty", 1, 0}, {"empty", 7, 7},
	} {
		_, err := s.Open(t.Context(), test.key, &storage.OpenOptions{Offset: test.offset, Length: test.length})
		wantErr(t, "Open("+test.key+")", err, storage.ErrRange)
	}
}

func testFile(t *testing.T, s storage.Store, _ config) {
	b := data(4, 5000)
	put(t, s, "source.mov", b, nil)
	obj, err := s.Open(t.Context(), "source.mov", &storage.OpenOptions{Offset: 100, Length: 7})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer obj.Close()
	f, ok := storage.File(obj)
	if !ok {
		t.Skip("this Store has no files")
	}
	got := make([]byte, len(b))
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, b) {
		t.Errorf("the file holds %s, %v; want the whole object", describe(got), err)
	}
	if n, err := f.ReadAt(got[:1], int64(len(b))); n != 0 || err != io.EOF {
		t.Errorf("the file goes on behind the object's end: %d, %v", n, err)
	}
	if err := obj.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := f.Stat(); err == nil {
		t.Error("the file is open although the object is closed")
	}
}
