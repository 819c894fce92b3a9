package storagetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vodkit/vodkit/storage"
)

func testSignedURL(t *testing.T, s storage.Store, _ config) {
	url, err := storage.SignedURL(t.Context(), s, "clip.mp4", nil)
	if url == "" && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SignedURL gives no URL, and the error is %q, want %q", errText(err), errors.ErrUnsupported)
	}
	_, err = storage.SignedURL(t.Context(), s, "../clip.mp4", nil)
	wantErr(t, "SignedURL of an invalid key", err, storage.ErrInvalidKey)
}

func testInvalidKeys(t *testing.T, s storage.Store, _ config) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", "./a", "a../b",
		"a\x00b", "a\nb", "a\x7fb", "a\u0085b", `a\b`, "a\xffb", "x.attrs", "x.18c2f0a1b2c3d4e5.tmp",
		strings.Repeat("x", 256), strings.Repeat("x/", 600) + "x",
	} {
		_, err := s.Put(t.Context(), key, bytes.NewReader(data(1, 10)), nil)
		wantErr(t, "Put("+key+")", err, storage.ErrInvalidKey)
		_, err = s.Open(t.Context(), key, nil)
		wantErr(t, "Open("+key+")", err, storage.ErrInvalidKey)
		_, err = s.Stat(t.Context(), key)
		wantErr(t, "Stat("+key+")", err, storage.ErrInvalidKey)
		err = s.Delete(t.Context(), key)
		wantErr(t, "Delete("+key+")", err, storage.ErrInvalidKey)
	}
	if keys := list(t, s, ""); len(keys) != 0 {
		t.Errorf("List shows %q", keys)
	}
}

// oddKeys are allowed, and awkward in a file system, a URL or an XML document.
var oddKeys = []string{
	"with space.mp4", " leading and trailing ", "two  spaces", "ünïcödé/こんにちは/видео.vtt", "emoji😀.mp4",
	"e\u0301-decomposed", "100%.mp4", "%2e%2e/%2F", "a+b&c=d", "question?mark", "hash#tag", "semi;colon,comma",
	"[brackets]{braces}(parentheses)", `"double" and 'single' quotes`, "<less> & more", "at@colon:pipe|star*",
	"~tilde$dollar!bang^caret`tick", "-dash", "..leading", "dots...", "trailing.", ".hidden/.file", "a..b/c",
	"__0x2f__/__0x41__", "__0x", "x.tmp", "x.123.tmp", "attrs", "nul", "aux.mp4/con",
	strings.Repeat("n", storage.MaxElement), strings.Repeat("ä", storage.MaxElement/2),
	strings.Repeat("deep/", 60) + "end",
}

// longKey is a key of n bytes.
func longKey(n int) string {
	key := strings.Repeat(strings.Repeat("k", 127)+"/", n/128+1)[:n]
	return key[:n-1] + "l" // no slash at the end
}

func testOddKeys(t *testing.T, s storage.Store, c config) {
	var want []string
	for i, key := range append([]string{longKey(c.longest)}, oddKeys...) {
		if i > 0 {
			key = "odd/" + key
		}
		want = append(want, key)
		info := put(t, s, key, data(byte(i), 100+i), nil)
		if info.Key != key {
			t.Errorf("Put(%q) says key %q", key, info.Key)
		}
	}
	for i, key := range want {
		wantBytes(t, s, key, data(byte(i), 100+i))
		if info, err := s.Stat(t.Context(), key); err != nil || info.Key != key || info.Size != int64(100+i) {
			t.Errorf("Stat(%q): %+v, %v", key, info, err)
		}
		if keys := list(t, s, key); !slices.Contains(keys, key) {
			t.Errorf("List(%q) shows %q", key, keys)
		}
		if dir := key[:strings.LastIndex(key, "/")+1]; !slices.Contains(list(t, s, dir), key) {
			t.Errorf("List(%q) does not show %q", dir, key)
		}
	}
	slices.Sort(want)
	if keys := list(t, s, ""); !slices.Equal(keys, want) {
		t.Errorf("List shows\n%q\nwant\n%q", keys, want)
	}
	for _, key := range want {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
	}
	if keys := list(t, s, ""); len(keys) != 0 {
		t.Errorf("after Delete, List shows %q", keys)
	}
}

func testNestedKeys(t *testing.T, s storage.Store, c config) {
	put(t, s, "a", data(1, 10), nil)
	put(t, s, "b/c", data(2, 10), nil)
	for _, key := range []string{"a/b", "b"} {
		_, err := s.Put(t.Context(), key, bytes.NewReader(data(3, 10)), nil)
		switch {
		case !c.folders && err != nil:
			t.Errorf("Put(%q): %v", key, err)
		case !c.folders:
			wantBytes(t, s, key, data(3, 10))
		case err == nil:
			t.Errorf("Put(%q) went well beside objects where a file system has no place for it; leave out FolderKeys", key)
		case errors.Is(err, storage.ErrExist):
			t.Errorf("Put(%q): %v matches ErrExist, which is for IfNotExist", key, err)
		}
		if c.folders {
			_, err := s.Stat(t.Context(), key)
			wantErr(t, "Stat("+key+")", err, storage.ErrNotExist)
		}
	}
	wantBytes(t, s, "a", data(1, 10))
	wantBytes(t, s, "b/c", data(2, 10))
}

func testListPrefix(t *testing.T, s storage.Store, _ config) {
	keys := []string{"pre-a", "prefix/1", "prefix/2", "prefix/sub/3", "prefix0", "q"}
	for i, key := range keys {
		put(t, s, key, data(byte(i), 5), nil)
	}
	for prefix, want := range map[string][]string{
		"":              keys,
		"p":             keys[:5],
		"pre":           keys[:5],
		"pre-":          keys[:1],
		"prefix":        keys[1:5],
		"prefix/":       keys[1:4],
		"prefix/s":      keys[3:4],
		"prefix/sub/":   keys[3:4],
		"prefix/sub/3":  keys[3:4],
		"prefix/sub/3/": {},
		"prefix/sub/34": {},
		"missing/":      {},
		"/":             {},
		"../":           {},
		"prefix/../":    {},
		"prefix//":      {},
		"\x00":          {},
		"Prefix/":       {},
	} {
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) shows %q, want %q", prefix, got, want)
		}
	}
}

func testListOrder(t *testing.T, s storage.Store, _ config) {
	keys := []string{ // as bytes: a folder's slash comes after "-" and ".", before "0"
		"A", "a b", "a-b-c/d", "a-b/c", "a.b/c", "a/b", "a/c/d", "a/d", "a0/b", "b", "ä", "ö/x", "日/本",
	}
	for i := range keys { // 7 and 13 have no common divisor
		put(t, s, keys[(i*7)%len(keys)], data(1, 5), nil)
	}
	if got := list(t, s, ""); !slices.Equal(got, keys) {
		t.Errorf("List shows %q, want %q", got, keys)
	}
}

func testListMany(t *testing.T, s storage.Store, _ config) {
	n := 1300 // more than a page of any service
	if testing.Short() {
		n = 130
	}
	var keys []string
	for i := range n { // the folder "m/a" comes first and half of its neighbours sort before it
		key := "m/a/" + number(i)
		if i%2 == 0 {
			key = "m/a-" + number(i)
		}
		keys = append(keys, key)
	}
	parallel(t, 8, func(worker int) error {
		for i := worker; i < len(keys); i += 8 {
			if _, err := s.Put(t.Context(), keys[i], strings.NewReader("x"), nil); err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(keys)
	got := list(t, s, "m/")
	if !slices.Equal(got, keys) {
		t.Errorf("List shows %d keys (in order: %v), want %d", len(got), slices.IsSorted(got), len(keys))
	}
}

func number(i int) string {
	return string([]byte{'0' + byte(i/1000%10), '0' + byte(i/100%10), '0' + byte(i/10%10), '0' + byte(i%10)})
}

func testListEarlyBreak(t *testing.T, s storage.Store, _ config) {
	for _, key := range []string{"a/1", "a/2", "b/1"} {
		put(t, s, key, data(1, 5), nil)
	}
	for stop := range 4 {
		seen := 0
		for _, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Fatalf("List: %v", err)
			}
			if seen == stop {
				break
			}
			seen++
		}
		if seen != min(stop, 3) {
			t.Errorf("saw %d objects, want %d", seen, min(stop, 3))
		}
	}
	seq := s.List(t.Context(), "") // one sequence can be used again
	for range 2 {
		n := 0
		for range seq {
			n++
		}
		if n != 3 {
			t.Errorf("saw %d objects, want 3", n)
		}
	}
}
