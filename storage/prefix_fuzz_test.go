package storage_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/vodkit/vodkit/internal/memstore"
	"github.com/vodkit/vodkit/storage"
)

// FuzzPrefix uses anyone's keys under anyone's prefixes: what is outside is neither
// seen nor touched, and what was put is found under the same key.
func FuzzPrefix(f *testing.F) {
	f.Add("media/42", "master.m3u8", "")
	f.Add("media/42/", "a/b", "a")
	f.Add("media", "../outside", "../")
	f.Add("", "x", "out")
	f.Add("/", "/x", "")
	f.Add("a/..", "b", "")
	f.Add("out", "side", "s")
	f.Add("x.attrs", "y", "")
	f.Add(strings.Repeat("p/", 510), "xyz", "")
	f.Fuzz(func(t *testing.T, prefix, key, listed string) {
		ctx := context.Background()
		inside := memstore.New()
		inside.Set("outside", []byte("theirs"))
		s, full := storage.Prefix(checking{inside}, prefix), key
		if p := strings.TrimSuffix(prefix, "/"); p != "" {
			full = p + "/" + key
		}
		if _, err := s.Put(ctx, key, strings.NewReader("ours"), nil); err != nil {
			if !errors.Is(err, storage.ErrInvalidKey) || len(inside.Keys()) != 1 {
				t.Fatalf("%v, and there are %q", err, inside.Keys())
			}
			if root := strings.TrimSuffix(full, "/"+key); storage.CheckKey(key) == nil && storage.CheckKey(full) == nil && storage.CheckKey(root) == nil {
				t.Fatalf("%q under %q: %v", key, prefix, err)
			}
			return
		}
		if storage.CheckKey(full) != nil || string(inside.Get(full)) != "ours" {
			t.Fatalf("%q under %q is not at %q but in %q", key, prefix, full, inside.Keys())
		}
		if obj, err := s.Open(ctx, key, nil); err != nil || obj.Info.Key != key {
			t.Fatal(obj, err)
		} else if b, err := io.ReadAll(obj); err != nil || string(b) != "ours" {
			t.Fatal(b, err)
		}
		found := keys(t, s, listed)
		if slices.Contains(found, key) != strings.HasPrefix(key, listed) {
			t.Fatalf("%q among %q", key, found)
		}
		for _, k := range found {
			if k != key && (k != "outside" || full != key) {
				t.Fatalf("%q is seen under %q", k, prefix)
			}
		}
		if err := s.Delete(ctx, key); err != nil || len(inside.Keys()) != 1 && full != "outside" {
			t.Fatalf("%v, and there are %q", err, inside.Keys())
		}
	})
}

// checking refuses keys as every Store does.
type checking struct{ *memstore.Store }

func (c checking) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	if err := storage.CheckKey(key); err != nil {
		return storage.Info{}, err
	}
	return c.Store.Put(ctx, key, r, o)
}
