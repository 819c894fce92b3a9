package catalogtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// long is a lease that does not end within a test.
const long = time.Hour

// epoch is when the assets of the tests were created.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// asset returns a small record, READY.
func asset(id string) upload.Asset {
	return upload.Asset{Version: upload.AssetVersion, ID: id, Status: progress.Ready, Stage: progress.StageQueued,
		Attempt: "a1", Attempts: 1, Created: epoch, Updated: epoch}
}

func finished(id string) upload.Asset {
	a := asset(id)
	a.Status, a.Stage = progress.Complete, ""
	return a
}

func put(t *testing.T, c upload.Catalog, a upload.Asset, rev upload.Revision) upload.Revision {
	t.Helper()
	next, err := c.Put(t.Context(), a, rev)
	if err != nil {
		t.Fatalf("Put %q: %v", a.ID, err)
	}
	if next == "" || next == rev {
		t.Errorf("Put %q under revision %q returned revision %q, want a new one", a.ID, rev, next)
	}
	return next
}

func get(t *testing.T, c upload.Catalog, id string) (upload.Asset, upload.Revision) {
	t.Helper()
	a, rev, err := c.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("Get %q: %v", id, err)
	}
	return a, rev
}

// wantRecord compares what is kept with want and its revision.
func wantRecord(t *testing.T, c upload.Catalog, want upload.Asset, rev upload.Revision, cfg config) {
	t.Helper()
	got, r := get(t, c, want.ID)
	same(t, "Get "+want.ID, want, got, cfg)
	if r != rev {
		t.Errorf("Get %q: revision %q, want %q, which Put or Claim returned", want.ID, r, rev)
	}
}

// wantErr asks for an error that matches target and names the asset.
func wantErr(t *testing.T, what string, err, target error, id string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: %v, want an error that matches %q", what, err, target)
	} else if !strings.Contains(err.Error(), id) {
		t.Errorf("%s: the error %q does not name the asset %q", what, err, id)
	}
}

// tryClaim calls Claim, and does not wait for ever where that ignores ctx.
func tryClaim(ctx context.Context, t *testing.T, cfg config, c upload.Catalog, owner string, lease time.Duration) (upload.Asset, upload.Revision, error) {
	t.Helper()
	type claimed struct {
		asset upload.Asset
		rev   upload.Revision
		err   error
	}
	done := make(chan claimed, 1)
	go func() {
		a, rev, err := c.Claim(ctx, owner, lease)
		done <- claimed{a, rev, err}
	}()
	select {
	case r := <-done:
		return r.asset, r.rev, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.asset, r.rev, r.err
	case <-time.After(cfg.limit / 3):
		t.Error("Claim goes on though its ctx has ended")
		return upload.Asset{}, "", context.Cause(ctx)
	}
}

// claim wants to be given the asset id.
func claim(t *testing.T, c upload.Catalog, owner string, lease time.Duration, id string, cfg config) (upload.Asset, upload.Revision) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cfg.limit)
	defer cancel()
	a, rev, err := tryClaim(ctx, t, cfg, c, owner, lease)
	if err != nil {
		t.Fatalf("Claim: %v, want %q", err, id)
	}
	if a.ID != id {
		t.Fatalf("Claim gave %q, want %q", a.ID, id)
	}
	if a.Owner != owner {
		t.Errorf("Claim gave %q with owner %q, want %q", id, a.Owner, owner)
	}
	return a, rev
}

// wantNone wants that nothing is due.
func wantNone(t *testing.T, c upload.Catalog, cfg config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cfg.quiet)
	defer cancel()
	a, _, err := tryClaim(ctx, t, cfg, c, "nobody", long)
	if err == nil {
		t.Errorf("Claim gave %q (owner %q, lease %v, due %v), which nobody may have now", a.ID, a.Owner, a.Lease, a.Due)
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Claim: %v, want the error of its ctx, %v", err, context.DeadlineExceeded)
	}
}

// list returns the ids that q matches, and wants at most one error, at the end.
func list(ctx context.Context, t *testing.T, c upload.Catalog, q upload.Query) ([]string, error) {
	t.Helper()
	var ids []string
	var failed error
	for a, err := range c.List(ctx, q) {
		if failed != nil {
			t.Errorf("List %+v goes on behind its error %v with %q, %v", q, failed, a.ID, err)
			break
		}
		if failed = err; err == nil {
			ids = append(ids, a.ID)
		}
	}
	return ids, failed
}

// wantList wants the ids in this order.
func wantList(t *testing.T, c upload.Catalog, q upload.Query, want ...string) {
	t.Helper()
	got, err := list(t.Context(), t, c, q)
	if err != nil {
		t.Errorf("List %+v: %v", q, err)
	} else if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("List %+v:\n got %v\nwant %v", q, got, want)
	}
}

// parallel runs f in n goroutines and waits for them.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// tally counts what goroutines saw.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) add(key string) (distinct int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[key]++
	return len(c.n)
}
