package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func testMissing(t *testing.T, c upload.Catalog, _ config) {
	other := put(t, c, asset("other"), "")
	_, _, err := c.Get(t.Context(), "missing")
	wantErr(t, "Get of what is not there", err, upload.ErrNotFound, "missing")
	_, err = c.Put(t.Context(), asset("missing"), other)
	wantErr(t, "Put with a revision of what is not there", err, upload.ErrConflict, "missing")
	if err := c.Delete(t.Context(), "missing", other); err != nil {
		t.Errorf("Delete of what is not there: %v, want nil", err)
	}
	if err := c.Delete(t.Context(), "missing", ""); err != nil {
		t.Errorf("Delete of what is not there, without a revision: %v, want nil", err)
	}
	wantList(t, c, upload.Query{}, "other")
}

func testPut(t *testing.T, c upload.Catalog, cfg config) {
	a := asset("x")
	rev := put(t, c, a, "")
	wantRecord(t, c, a, rev, cfg)
	b := a
	b.Name = "another"
	_, err := c.Put(t.Context(), b, "")
	wantErr(t, "Put without a revision of what is there", err, upload.ErrExist, "x")
	_, err = c.Put(t.Context(), b, rev+"0")
	wantErr(t, "Put with an unknown revision", err, upload.ErrConflict, "x")
	wantRecord(t, c, a, rev, cfg)

	rev2 := put(t, c, b, rev)
	wantRecord(t, c, b, rev2, cfg)
	_, err = c.Put(t.Context(), a, rev)
	wantErr(t, "Put with the revision before", err, upload.ErrConflict, "x")
	_, err = c.Put(t.Context(), a, "")
	wantErr(t, "Put without a revision of what is there", err, upload.ErrExist, "x")
	wantRecord(t, c, b, rev2, cfg)

	rev3 := put(t, c, b, rev2) // the same again is another revision
	_, err = c.Put(t.Context(), b, rev2)
	wantErr(t, "Put with the revision before the same", err, upload.ErrConflict, "x")
	wantRecord(t, c, b, rev3, cfg)
}

func testDelete(t *testing.T, c upload.Catalog, cfg config) {
	a := asset("x")
	old := put(t, c, a, "")
	rev := put(t, c, a, old)
	wantErr(t, "Delete with the revision before", c.Delete(t.Context(), "x", old), upload.ErrConflict, "x")
	wantErr(t, "Delete without a revision", c.Delete(t.Context(), "x", ""), upload.ErrConflict, "x")
	wantRecord(t, c, a, rev, cfg)
	for range 2 {
		if err := c.Delete(t.Context(), "x", rev); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	_, _, err := c.Get(t.Context(), "x")
	wantErr(t, "Get of what was deleted", err, upload.ErrNotFound, "x")
	wantList(t, c, upload.Query{})
	wantNone(t, c, cfg)
	_, err = c.Put(t.Context(), a, rev)
	wantErr(t, "Put with the revision of what was deleted", err, upload.ErrConflict, "x")

	// Whoever holds a revision of the record before must not touch its namesake.
	seen := map[upload.Revision]bool{old: true, rev: true}
	for range 3 {
		next := put(t, c, a, "")
		if seen[next] {
			t.Errorf("a new record has the revision %q, which one had that was deleted", next)
		}
		for r := range seen {
			_, err = c.Put(t.Context(), a, r)
			wantErr(t, "Put with a revision of the record before", err, upload.ErrConflict, "x")
			wantErr(t, "Delete with a revision of the record before", c.Delete(t.Context(), "x", r), upload.ErrConflict, "x")
		}
		wantRecord(t, c, a, next, cfg)
		if err := c.Delete(t.Context(), "x", next); err != nil {
			t.Errorf("Delete: %v", err)
		}
		seen[next] = true
	}
}

// testEveryField finds the column that was forgotten, when a record is made, replaced,
// emptied, claimed or listed.
func testEveryField(t *testing.T, c upload.Catalog, cfg config) {
	bare := upload.Asset{Version: upload.AssetVersion, ID: "x", Status: progress.Complete}
	var rev upload.Revision
	for _, a := range []upload.Asset{full(t, "x", 0), full(t, "x", 1), bare, full(t, "x", 2), full(t, "x", 3)} {
		rev = put(t, c, a, rev)
		wantRecord(t, c, a, rev, cfg)
		n := 0
		for got, err := range c.List(t.Context(), upload.Query{}) {
			if err != nil {
				t.Fatalf("List: %v", err)
			}
			same(t, "List", a, got, cfg)
			n++
		}
		if n != 1 {
			t.Errorf("List yielded %d records, want 1", n)
		}
	}
	want := full(t, "x", 3)
	got, rev := claim(t, c, "me", long, "x", cfg)
	want.Owner, want.Lease = got.Owner, got.Lease
	same(t, "Claim", want, got, cfg)
	wantRecord(t, c, got, rev, cfg)
}

// testOddText puts what people and clients write into names and metadata.
func testOddText(t *testing.T, c upload.Catalog, cfg config) {
	for i, s := range []string{
		" ", `"`, `'; DROP TABLE assets; --`, `\`, `\u0041 %s $1 ? :a @b {{.}}`, "<b>&amp;</b>", "line\nline\r\n\ttab",
		"Größe 影片 🎬 \u202e", "e\u0301 \u00e9", "\u2028\ufeff\U0010ffff", "null", "NULL", "a\x00b", "\x7f\x01", strings.Repeat("ü", 127),
	} {
		a := finished(fmt.Sprint("x", i))
		a.Name, a.Tenant, a.ContentType = s, s, s
		a.Metadata = map[string]string{s: s, "k": s, s + "2": ""}
		a.Error = &progress.Failure{Code: "c", Message: s}
		wantRecord(t, c, a, put(t, c, a, ""), cfg)
		wantList(t, c, upload.Query{Tenant: s}, a.ID)
	}
}

// oddIDs are valid, and differ, in ascending order of their bytes. Some sort elsewhere
// as words of a language, as numbers or as paths.
var oddIDs = []string{
	"0", "00", "007", "1", "10", "1e3", "2", "A-1", "B", "CON", "NULL", "Z" + strings.Repeat("y", 127), "_", "__proto__",
	"a", "a-", "a-b", "a.b", "a.json", "a0", "aB", "a_b", "ab", "aux", "b", "con.txt", "id", "select", "z", strings.Repeat("z", 128),
}

func testOddIDs(t *testing.T, c upload.Catalog, cfg config) {
	var want []string
	for i, id := range oddIDs {
		if cfg.foldsCase && strings.ToLower(id) != id {
			continue
		}
		if err := upload.ValidID(id); err != nil {
			t.Fatal(err)
		}
		a := finished(id)
		a.Name = fmt.Sprint("name ", i)
		rev := put(t, c, a, "")
		defer func() { wantRecord(t, c, a, rev, cfg) }()
		want = append([]string{id}, want...)
	}
	wantList(t, c, upload.Query{}, want...)
	for i, id := range want {
		wantList(t, c, upload.Query{After: id}, want[i+1:]...)
		wantList(t, c, upload.Query{After: id + "_"}, want[index(want, id+"_"):]...)
	}
	if cfg.foldsCase {
		return
	}
	_, rev := get(t, c, "a")
	if err := c.Delete(t.Context(), "A", rev); err != nil { // is not there
		t.Errorf("Delete of an id that differs by case: %v", err)
	}
}

// index returns how many of the descending ids are not smaller than id.
func index(ids []string, id string) int {
	n := 0
	for n < len(ids) && ids[n] >= id {
		n++
	}
	return n
}

// testLargeRecord puts as much as an uploader may send, and a source and a probe of many
// parts.
func testLargeRecord(t *testing.T, c upload.Catalog, cfg config) {
	a := full(t, "x", 0)
	a.Status, a.Intent = progress.Complete, upload.IntentNone
	a.Metadata = map[string]string{}
	for i := range 64 {
		a.Metadata[fmt.Sprintf("%0128d", i)] = strings.Repeat(string(rune('a'+i%26)), 4096)
	}
	for len(a.Source.Parts) < 2000 {
		a.Source.Parts = append(a.Source.Parts, a.Source.Parts[0])
	}
	for len(a.Media.Streams) < 200 {
		a.Media.Streams = append(a.Media.Streams, a.Media.Streams[1])
	}
	wantRecord(t, c, a, put(t, c, a, ""), cfg)
}

// testMemory changes what was put and what was returned.
func testMemory(t *testing.T, c upload.Catalog, cfg config) {
	spoil := func(a upload.Asset) {
		for k := range a.Metadata {
			a.Metadata[k] = "changed"
		}
		a.Metadata["added"] = "by the caller"
		a.Source.Parts[0].Key = "changed"
		a.Replaced.Source.Parts[0].Key = "changed"
		a.Media.Streams[0].Codec, a.Media.Format = "changed", "changed"
		a.Error.Code = "changed"
	}
	given := full(t, "x", 0)
	rev := put(t, c, given, "")
	spoil(given)
	want := full(t, "x", 0)
	wantRecord(t, c, want, rev, cfg)
	got, _ := get(t, c, "x")
	spoil(got)
	wantRecord(t, c, want, rev, cfg)
	for got, err := range c.List(t.Context(), upload.Query{}) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		spoil(got)
	}
	wantRecord(t, c, want, rev, cfg)
	got, rev = claim(t, c, "me", long, "x", cfg)
	want.Owner, want.Lease = got.Owner, got.Lease
	spoil(got)
	wantRecord(t, c, want, rev, cfg)
}

// testCancelled calls everything with a ctx that has ended.
func testCancelled(t *testing.T, c upload.Catalog, cfg config) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := asset("x")
	rev := put(t, c, a, "")
	wantCtx := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a ctx that has ended: %v, want %v", what, err, context.Canceled)
		}
	}
	_, _, err := c.Get(ctx, "x")
	wantCtx("Get", err)
	_, err = c.Put(ctx, a, rev)
	wantCtx("Put", err)
	_, err = c.Put(ctx, asset("y"), "")
	wantCtx("Put of a new record", err)
	wantCtx("Delete", c.Delete(ctx, "x", rev))
	_, _, err = tryClaim(ctx, t, cfg, c, "me", long)
	wantCtx("Claim", err)
	ids, err := list(ctx, t, c, upload.Query{})
	wantCtx("List", err)
	if len(ids) > 0 {
		t.Errorf("List with a ctx that has ended yielded %v", ids)
	}
	wantRecord(t, c, a, rev, cfg)
	wantList(t, c, upload.Query{}, "x")
}
