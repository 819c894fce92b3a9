package catalogtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func second(t *testing.T, first upload.Catalog, cfg config) upload.Catalog {
	t.Helper()
	if cfg.second == nil {
		t.Skip("needs the option Second")
	}
	return cfg.second(t, first)
}

// testSecondReads wants each handle to see at once what the other wrote.
func testSecondReads(t *testing.T, c upload.Catalog, cfg config) {
	d := second(t, c, cfg)
	rev := put(t, c, asset("x"), "")
	wantList(t, d, upload.Query{}, "x")
	for i := range 10 {
		from, to := c, d
		if i%2 == 1 {
			from, to = d, c
		}
		a := full(t, "x", i)
		a.Status, a.Intent = progress.Complete, upload.IntentNone
		rev = put(t, from, a, rev)
		wantRecord(t, to, a, rev, cfg)
		wantList(t, to, upload.Query{Tenant: a.Tenant, Status: progress.Complete}, "x")
	}
	if err := d.Delete(t.Context(), "x", rev); err != nil {
		t.Errorf("Delete: %v", err)
	}
	_, _, err := c.Get(t.Context(), "x")
	wantErr(t, "Get of what the other deleted", err, upload.ErrNotFound, "x")
	wantList(t, c, upload.Query{})
	rev2 := put(t, c, asset("x"), "")
	_, err = d.Put(t.Context(), asset("x"), rev)
	wantErr(t, "Put with a revision of the record before", err, upload.ErrConflict, "x")
	wantRecord(t, d, asset("x"), rev2, cfg)
}

func testSecondRace(t *testing.T, c upload.Catalog, cfg config) {
	handles := []upload.Catalog{c, second(t, c, cfg)}
	for i := range rounds() {
		id := fmt.Sprint("x", i)
		rev := race(t, handles, id, "", upload.ErrExist, cfg)
		race(t, handles, id, rev, upload.ErrConflict, cfg)
	}
	put(t, c, finished("x"), "")
	increments(t, handles)
}

func testSecondClaims(t *testing.T, c upload.Catalog, cfg config) {
	exclude(t, []upload.Catalog{c, second(t, c, cfg)}, cfg)
}

func testSecondWakes(t *testing.T, c upload.Catalog, cfg config) {
	wakes(t, second(t, c, cfg), c, cfg)
}

func testSecondSucceeds(t *testing.T, c upload.Catalog, cfg config) {
	d := second(t, c, cfg)
	succeed(t, c, d, cfg)
	_, rev := get(t, d, "x")
	if err := d.Delete(t.Context(), "x", rev); err != nil {
		t.Errorf("Delete: %v", err)
	}
	renew(t, c, d, cfg)
}

// testReopen leaves assets in all states and goes on with the next process's Catalog:
// every unfinished one is claimed once, at the latest when the dead owner's lease ends.
func testReopen(t *testing.T, c upload.Catalog, cfg config) {
	if cfg.reopen == nil {
		t.Skip("needs the option Reopen")
	}
	want := map[string]bool{}
	for i := range 6 {
		id := fmt.Sprint("unfinished", i)
		want[id] = true
		put(t, c, asset(id), "")
	}
	kept := full(t, "kept", 1)
	kept.Status, kept.Intent = progress.Complete, upload.IntentNone
	keptRev := put(t, c, kept, "")
	put(t, c, finished("done"), "")
	wish := finished("wish")
	wish.Intent = upload.IntentDelete
	want["wish"] = true
	put(t, c, wish, "")
	gone := put(t, c, asset("gone"), "")
	if err := c.Delete(t.Context(), "gone", gone); err != nil {
		t.Errorf("Delete: %v", err)
	}
	claim(t, c, "dead", 2*cfg.quiet, "wish", cfg)
	claim(t, c, "dead", 2*cfg.quiet, "unfinished0", cfg)
	ran, rev := claim(t, c, "dead", 2*cfg.quiet, "unfinished1", cfg)
	ran.Status = progress.Running
	put(t, c, ran, rev)
	ended, rev := claim(t, c, "dead", 2*cfg.quiet, "unfinished2", cfg)
	ended.Status, ended.Owner = progress.Error, ""
	put(t, c, ended, rev)
	delete(want, "unfinished2")

	next := cfg.reopen(t, c)
	wantRecord(t, next, kept, keptRev, cfg)
	wantList(t, next, upload.Query{}, "wish", "unfinished5", "unfinished4", "unfinished3", "unfinished2", "unfinished1", "unfinished0", "kept", "done")
	ctx, cancel := context.WithTimeout(t.Context(), cfg.limit)
	defer cancel()
	for len(want) > 0 {
		a, rev, err := tryClaim(ctx, t, cfg, next, "next", long)
		if err != nil {
			t.Fatalf("Claim after a restart: %v; nobody has %v", err, want)
		}
		if !want[a.ID] {
			t.Fatalf("Claim after a restart gave %q (%s, intent %q), want one of %v", a.ID, a.Status, a.Intent, want)
		}
		delete(want, a.ID)
		wantRecord(t, next, a, rev, cfg)
	}
	wantNone(t, next, cfg)
}

// testClose closes an upload.Lifecycle twice, also while a Claim waits.
func testClose(t *testing.T, c upload.Catalog, cfg config) {
	l, ok := c.(upload.Lifecycle)
	if !ok {
		t.Skip("is no upload.Lifecycle")
	}
	ctx, cancel := context.WithTimeout(t.Context(), cfg.limit)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _, _ = tryClaim(ctx, t, cfg, c, "me", long)
	}()
	time.Sleep(cfg.quiet / 4)
	for range 2 {
		if err := l.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	cancel()
	<-ended
}
