package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func testClaimOrder(t *testing.T, c upload.Catalog, cfg config) {
	now := time.Now().UTC()
	add := func(id string, change func(*upload.Asset)) {
		a := asset(id)
		change(&a)
		put(t, c, a, "")
	}
	add("b-young", func(a *upload.Asset) { a.Created = epoch.Add(time.Second) })
	add("c2-old", func(*upload.Asset) {})
	add("c1-old", func(*upload.Asset) {})
	add("C3-old", func(*upload.Asset) {})
	add("d-high", func(a *upload.Asset) { a.Created, a.Priority = epoch.Add(time.Minute), 9 })
	add("e-higher", func(a *upload.Asset) { a.Created, a.Priority = epoch.Add(time.Minute), 10 })
	add("f-low", func(a *upload.Asset) { a.Created, a.Priority = epoch.Add(-time.Minute), -1 })
	add("g-lower", func(a *upload.Asset) { a.Created, a.Priority = epoch.Add(-time.Minute), -10 })
	add("h-delete", func(a *upload.Asset) {
		a.Status, a.Intent, a.Created, a.Priority = progress.Complete, upload.IntentDelete, epoch.Add(time.Hour), -20
	})
	add("i-cancel", func(a *upload.Asset) { a.Status, a.Intent, a.Priority = progress.Running, upload.IntentCancel, 1 })
	add("j-lapsed", func(a *upload.Asset) {
		a.Status, a.Owner, a.Lease, a.Priority = progress.Running, "somebody", now.Add(-time.Second), -30
	})
	add("k-lease-without-owner", func(a *upload.Asset) { a.Lease, a.Priority = now.Add(long), -40 })
	add("l-waited", func(a *upload.Asset) { a.Due, a.Priority = now.Add(-time.Millisecond), -50 })
	// Nobody may have these.
	add("m-complete", func(a *upload.Asset) { a.Status, a.Priority = progress.Complete, 20 })
	add("n-error", func(a *upload.Asset) { a.Status, a.Priority = progress.Error, 20 })
	add("o-later", func(a *upload.Asset) { a.Due, a.Priority = now.Add(long), 20 })
	add("p-owned", func(a *upload.Asset) { a.Owner, a.Lease, a.Priority = "somebody", now.Add(long), 20 })
	add("q-wish-owned", func(a *upload.Asset) {
		a.Owner, a.Lease, a.Intent = "somebody", now.Add(long), upload.IntentCancel
	})
	add("r-wish-later", func(a *upload.Asset) { a.Due, a.Intent = now.Add(long), upload.IntentDelete })
	add("s-lapsed-later", func(a *upload.Asset) {
		a.Owner, a.Lease, a.Due = "somebody", now.Add(-time.Second), now.Add(long)
	})
	if cfg.foldsCase {
		t.Log("the order of ids that differ by case is not tried")
	}
	for _, want := range []string{"i-cancel", "h-delete", "e-higher", "d-high", "C3-old", "c1-old", "c2-old", "b-young", "f-low", "g-lower",
		"j-lapsed", "k-lease-without-owner", "l-waited"} {
		claim(t, c, "me", long, want, cfg)
	}
	wantNone(t, c, cfg)
}

// testClaimOrderOfTimes orders what is not in order as text: fractions of seconds and
// other zones.
func testClaimOrderOfTimes(t *testing.T, c upload.Catalog, cfg config) {
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	for id, at := range map[string]time.Time{
		"7": epoch, "6": epoch.Add(500 * time.Millisecond), "5": epoch.Add(999 * time.Millisecond).In(east), "4": epoch.Add(time.Second).In(west),
		"3": epoch.Add(1100 * time.Millisecond), "2": epoch.AddDate(1, 0, 0), "8": epoch.AddDate(-50, 0, 0), "9": {},
	} {
		a := asset(id)
		a.Created = at
		put(t, c, a, "")
	}
	later, over := asset("later"), asset("over")
	later.Due, over.Due = time.Now().Add(long).In(west), time.Now().Add(-time.Minute).In(east)
	over.Created = epoch.AddDate(2, 0, 0)
	put(t, c, later, "")
	put(t, c, over, "")
	for _, want := range []string{"9", "8", "7", "6", "5", "4", "3", "2", "over"} {
		claim(t, c, "me", long, want, cfg)
	}
	wantNone(t, c, cfg)
}

// testClaimWrites looks at what Claim changes, and that its revision is the record's.
func testClaimWrites(t *testing.T, c upload.Catalog, cfg config) {
	a := full(t, "x", 0)
	a.Lease = time.Now().Add(-time.Minute).UTC() // of an owner before
	old := put(t, c, a, "")
	before := time.Now()
	got, rev := claim(t, c, "me", 2*long, "x", cfg)
	after := time.Now()
	if rev == old || rev == "" {
		t.Errorf("Claim returned revision %q, want a new one after %q", rev, old)
	}
	const skew = 2 * time.Second
	if got.Lease.Before(before.Add(2*long-skew)) || got.Lease.After(after.Add(2*long+skew)) {
		t.Errorf("Claim at %v for %v gave a lease until %v", before, 2*long, got.Lease)
	}
	a.Owner, a.Lease = "me", got.Lease
	same(t, "Claim", a, got, cfg)
	wantRecord(t, c, got, rev, cfg)
	_, err := c.Put(t.Context(), a, old)
	wantErr(t, "Put with the revision before Claim", err, upload.ErrConflict, "x")
	got.Name = "changed by the owner"
	wantRecord(t, c, got, put(t, c, got, rev), cfg)
	wantNone(t, c, cfg)
}

// testClaimWaits ends the ctx of Claims that have nothing to give.
func testClaimWaits(t *testing.T, c upload.Catalog, cfg config) {
	wantNone(t, c, cfg)
	put(t, c, finished("done"), "")
	wantNone(t, c, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	stop := time.AfterFunc(cfg.quiet/4, cancel)
	defer stop.Stop()
	parallel(racers, func(int) {
		if a, _, err := tryClaim(ctx, t, cfg, c, "me", long); !errors.Is(err, context.Canceled) {
			t.Errorf("Claim whose ctx was cancelled: %q, %v, want %v", a.ID, err, context.Canceled)
		}
	})
}

// testClaimWakes makes something due for a Claim that waits, in each way that there is.
func testClaimWakes(t *testing.T, c upload.Catalog, cfg config) { wakes(t, c, c, cfg) }

// wakes puts into by what the waiting Claim of c is to get.
func wakes(t *testing.T, c, by upload.Catalog, cfg config) {
	t.Helper()
	fresh := func() upload.Asset { return asset("x") }
	mine := asset("x")
	mine.Owner, mine.Lease = "somebody", time.Now().Add(long).UTC()
	later := asset("x")
	later.Due = time.Now().Add(long).UTC()
	for what, test := range map[string]struct {
		before upload.Asset
		after  func() upload.Asset
	}{
		"Put of a new asset":         {after: fresh},
		"Put that ends a lease":      {before: mine, after: fresh},
		"Put that makes it due":      {before: later, after: fresh},
		"Put that retries":           {before: finished("x"), after: fresh},
		"Put with an open intent":    {before: finished("x"), after: func() upload.Asset { a := finished("x"); a.Intent = upload.IntentDelete; return a }},
		"Put of what is due soon":    {after: func() upload.Asset { a := asset("x"); a.Due = time.Now().Add(cfg.quiet).UTC(); return a }},
		"Put of a lease to end soon": {before: mine, after: func() upload.Asset { a := mine; a.Lease = time.Now().Add(cfg.quiet).UTC(); return a }},
	} {
		var rev upload.Revision
		if test.before.ID != "" {
			rev = put(t, by, test.before, "")
		}
		ctx, cancel := context.WithTimeout(t.Context(), cfg.limit)
		woken := make(chan error, 1)
		go func() {
			a, rev, err := tryClaim(ctx, t, cfg, c, "me", long)
			if err == nil {
				err = c.Delete(ctx, a.ID, rev)
			}
			woken <- err
		}()
		time.Sleep(cfg.quiet / 4) // let it wait
		put(t, by, test.after(), rev)
		if err := <-woken; err != nil {
			t.Errorf("a waiting Claim behind a %s: %v, want the asset", what, err)
			if _, rev, err := by.Get(t.Context(), "x"); err == nil {
				_ = by.Delete(t.Context(), "x", rev)
			}
		}
		cancel()
	}
}

// testClaimDue waits until assets are due, and not longer for one than for the other.
func testClaimDue(t *testing.T, c upload.Catalog, cfg config) {
	start := time.Now().UTC()
	due := map[string]time.Time{}
	for i, id := range []string{"first", "second", "third"} {
		a := asset(id)
		a.Priority = i // due decides, not this
		a.Due = start.Add(time.Duration(1+2*i) * cfg.quiet)
		due[id] = a.Due
		put(t, c, a, "")
	}
	never := asset("never")
	never.Due, never.Priority = start.Add(long), 9
	put(t, c, never, "")
	ctx, cancel := context.WithTimeout(t.Context(), cfg.limit)
	defer cancel()
	for len(due) > 0 {
		a, _, err := tryClaim(ctx, t, cfg, c, "me", long)
		if err != nil {
			t.Fatalf("Claim: %v, want what becomes due of %v", err, due)
		}
		at, ok := due[a.ID]
		if now := time.Now(); !ok || now.Before(at.Add(-cfg.precision)) {
			t.Errorf("Claim gave %q at %v, which is due at %v", a.ID, now, at)
		}
		delete(due, a.ID)
	}
}

func testClaimsExclude(t *testing.T, c upload.Catalog, cfg config) {
	exclude(t, []upload.Catalog{c}, cfg)
}

// exclude lets many claim from handles what is put meanwhile, and wants everything to be
// claimed once.
func exclude(t *testing.T, handles []upload.Catalog, cfg config) {
	t.Helper()
	n := 2 * racers * rounds() / 4
	var claimed tally
	ctx, cancel := context.WithTimeout(t.Context(), cfg.limit)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		parallel(racers, func(i int) {
			c, owner := handles[i%len(handles)], fmt.Sprint("owner ", i)
			for {
				a, rev, err := tryClaim(ctx, t, cfg, c, owner, long)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("Claim: %v", err)
					}
					return
				}
				distinct := claimed.add(a.ID)
				if a.Owner != owner {
					t.Errorf("Claim for %q gave %q, which %q owns", owner, a.ID, a.Owner)
				}
				if i < racers/2 { // the others stay claimed
					a.Status, a.Owner = progress.Complete, ""
					if _, err := c.Put(ctx, a, rev); err != nil {
						t.Errorf("Put under the revision that Claim gave: %v", err)
					}
				}
				if distinct == n {
					time.AfterFunc(cfg.quiet, cancel) // a second claim of anything would come now
				}
			}
		})
	}()
	half := n / 2
	parallel(2, func(part int) {
		for i := range half {
			put(t, handles[part%len(handles)], asset(fmt.Sprint("x", part*half+i)), "")
		}
	})
	<-done
	for id, times := range claimed.n {
		if times != 1 {
			t.Errorf("%q was claimed %d times while its lease held", id, times)
		}
	}
	if len(claimed.n) != n {
		t.Errorf("%d of %d assets were claimed", len(claimed.n), n)
	}
}

// testCancelledClaims cancels Claims in the moment in which something comes: it may be
// lost to them until the lease ends, but not longer.
func testCancelledClaims(t *testing.T, c upload.Catalog, cfg config) {
	want := map[string]bool{}
	for i := range rounds() {
		id := fmt.Sprint("x", i)
		want[id] = true
		ctx, cancel := context.WithCancel(t.Context())
		parallel(3, func(who int) {
			switch who {
			case 0:
				put(t, c, asset(id), "")
			case 1:
				time.Sleep(time.Duration(i) * 100 * time.Microsecond)
				cancel()
			default:
				if a, rev, err := tryClaim(ctx, t, cfg, c, "cancelled", cfg.quiet); err == nil {
					a.Owner = ""
					put(t, c, a, rev)
				} else if !errors.Is(err, context.Canceled) {
					t.Errorf("Claim: %v, want %v", err, context.Canceled)
				}
			}
		})
		cancel()
	}
	ctx, cancel := context.WithTimeout(t.Context(), cfg.limit)
	defer cancel()
	for len(want) > 0 {
		a, _, err := tryClaim(ctx, t, cfg, c, "me", long)
		if err != nil {
			t.Fatalf("Claim behind cancelled ones: %v; %v are lost", err, want)
		}
		if !want[a.ID] {
			t.Fatalf("Claim gave %q twice", a.ID)
		}
		delete(want, a.ID)
	}
}
