package catalogtest

import (
	"testing"
	"time"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func testLeaseEnds(t *testing.T, c upload.Catalog, cfg config) { succeed(t, c, c, cfg) }

// succeed lets an owner in old fall silent; the next one in c is given its asset.
func succeed(t *testing.T, old, c upload.Catalog, cfg config) {
	t.Helper()
	put(t, old, asset("x"), "")
	a, rev := claim(t, old, "silent", 2*cfg.quiet, "x", cfg)
	a.Status = progress.Running
	rev = put(t, old, a, rev)
	next, nextRev := claim(t, c, "next", long, "x", cfg)
	if now := time.Now(); now.Before(a.Lease.Add(-cfg.precision)) {
		t.Errorf("the asset was given to the next at %v, though the lease holds until %v", now, a.Lease)
	}
	if next.Status != progress.Running {
		t.Errorf("the next was given the asset with status %s, want what the owner before put, %s", next.Status, progress.Running)
	}
	a.Name = "of the owner before"
	_, err := old.Put(t.Context(), a, rev)
	wantErr(t, "Put of the owner before", err, upload.ErrConflict, "x")
	wantErr(t, "Delete of the owner before", old.Delete(t.Context(), "x", rev), upload.ErrConflict, "x")
	wantRecord(t, c, next, nextRev, cfg)
	wantNone(t, old, cfg)
	wantNone(t, c, cfg)
}

func testLeaseRenewed(t *testing.T, c upload.Catalog, cfg config) { renew(t, c, c, cfg) }

// renew prolongs a lease in c, which holds in other too.
func renew(t *testing.T, c, other upload.Catalog, cfg config) {
	t.Helper()
	put(t, c, asset("x"), "")
	a, rev := claim(t, c, "me", cfg.quiet, "x", cfg)
	for range 3 {
		a.Lease = time.Now().Add(cfg.quiet).UTC()
		rev = put(t, c, a, rev)
		time.Sleep(cfg.quiet / 4)
	}
	a.Lease = time.Now().Add(long).UTC()
	rev = put(t, c, a, rev)
	time.Sleep(cfg.quiet) // longer than the lease that Claim gave
	wantNone(t, other, cfg)
	wantNone(t, c, cfg)
	wantRecord(t, other, a, rev, cfg)
}

// testLeaseReleased ends a lease by emptying Owner, and by the end of the work.
func testLeaseReleased(t *testing.T, c upload.Catalog, cfg config) {
	put(t, c, asset("x"), "")
	a, rev := claim(t, c, "one", long, "x", cfg)
	a.Owner = "" // Lease stays
	put(t, c, a, rev)
	a, rev = claim(t, c, "two", long, "x", cfg)
	a.Owner, a.Due = "", time.Now().Add(2*cfg.quiet).UTC() // a retry, after a pause
	put(t, c, a, rev)
	due := a.Due
	a, rev = claim(t, c, "three", long, "x", cfg)
	if now := time.Now(); now.Before(due.Add(-cfg.precision)) {
		t.Errorf("Claim gave an asset at %v that is due at %v", now, due)
	}
	a.Status, a.Owner = progress.Complete, ""
	rev = put(t, c, a, rev)
	wantNone(t, c, cfg)
	a.Status, a.Attempts = progress.Ready, a.Attempts+1 // someone retries
	put(t, c, a, rev)
	a, rev = claim(t, c, "four", long, "x", cfg)
	if err := c.Delete(t.Context(), a.ID, rev); err != nil {
		t.Errorf("Delete by the owner: %v", err)
	}
	wantNone(t, c, cfg)
}
