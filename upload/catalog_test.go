package upload_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// record returns a small asset, READY.
func record(id string) upload.Asset {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return upload.Asset{Version: upload.AssetVersion, ID: id, Status: progress.Ready, Stage: progress.StageQueued,
		Attempt: "a1", Attempts: 1, Created: at, Updated: at}
}

func startedCatalog(t *testing.T, s storage.Store) *upload.StoreCatalog {
	t.Helper()
	c := upload.NewStoreCatalog(s, &upload.StoreCatalogOptions{Logger: testLog(t)})
	require.NoError(t, c.Start(context.Background()))
	t.Cleanup(func() { assert.NoError(t, c.Close(context.Background())) })
	return c
}

// TestStoreCatalog holds StoreCatalog to the contract of Catalog. The cases know
// nothing of it but how to make one.
func TestStoreCatalog(t *testing.T) {
	for name, test := range catalogContract {
		t.Run(name, func(t *testing.T) { test(t, startedCatalog(t, newStore(t))) })
	}
}

var catalogContract = map[string]func(t *testing.T, c upload.Catalog){
	"put and get": func(t *testing.T, c upload.Catalog) {
		ctx := t.Context()
		_, _, err := c.Get(ctx, "x")
		require.ErrorIs(t, err, upload.ErrNotFound)
		a := record("x")
		a.Metadata = map[string]string{"k": "v"}
		rev, err := c.Put(ctx, a, "")
		require.NoError(t, err)
		a.Metadata["k"] = "changed by the caller"
		got, rev2, err := c.Get(ctx, "x")
		require.NoError(t, err)
		assert.Equal(t, rev, rev2)
		assert.Equal(t, "v", got.Metadata["k"])

		_, err = c.Put(ctx, a, "")
		require.ErrorIs(t, err, upload.ErrExist)
		got.Name = "second"
		rev3, err := c.Put(ctx, got, rev)
		require.NoError(t, err)
		_, err = c.Put(ctx, got, rev)
		require.ErrorIs(t, err, upload.ErrConflict)
		_, err = c.Put(ctx, record("gone"), rev)
		require.ErrorIs(t, err, upload.ErrConflict)

		require.ErrorIs(t, c.Delete(ctx, "x", rev), upload.ErrConflict)
		require.NoError(t, c.Delete(ctx, "x", rev3))
		require.NoError(t, c.Delete(ctx, "x", rev3), "again")
		_, err = c.Put(ctx, got, rev3)
		require.ErrorIs(t, err, upload.ErrConflict, "it is gone")
		rev4, err := c.Put(ctx, got, "")
		require.NoError(t, err)
		assert.NotEqual(t, rev, rev4, "a revision is never used again")
	},
	"bad ids": func(t *testing.T, c upload.Catalog) {
		for _, id := range []string{"", "..", "a/b", "../x"} {
			_, err := c.Put(t.Context(), record(id), "")
			require.Error(t, err, id)
			_, _, err = c.Get(t.Context(), id)
			require.ErrorIs(t, err, upload.ErrNotFound, id)
		}
	},
	"one of concurrent puts wins": func(t *testing.T, c upload.Catalog) {
		rev, err := c.Put(t.Context(), record("x"), "")
		require.NoError(t, err)
		var wg sync.WaitGroup
		errs := make([]error, 16)
		for i := range errs {
			wg.Go(func() { _, errs[i] = c.Put(t.Context(), record("x"), rev) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				assert.ErrorIs(t, err, upload.ErrConflict)
			}
		}
		assert.Equal(t, 1, won)
	},
	"claims in order": func(t *testing.T, c upload.Catalog) {
		at := time.Now().UTC()
		put := func(id string, change func(*upload.Asset)) {
			a := record(id)
			a.Created = at
			change(&a)
			_, err := c.Put(t.Context(), a, "")
			require.NoError(t, err)
		}
		put("b-young", func(a *upload.Asset) { a.Created = at.Add(time.Second) })
		put("c-old", func(a *upload.Asset) {})
		put("d-high", func(a *upload.Asset) { a.Created, a.Priority = at.Add(time.Minute), 1 })
		put("e-wish", func(a *upload.Asset) {
			a.Status, a.Intent, a.Created = progress.Complete, upload.IntentDelete, at.Add(time.Hour)
		})
		put("f-done", func(a *upload.Asset) { a.Status = progress.Complete })
		put("g-error", func(a *upload.Asset) { a.Status = progress.Error })
		put("h-later", func(a *upload.Asset) { a.Due, a.Priority = at.Add(time.Hour), 9 })
		put("i-owned", func(a *upload.Asset) { a.Owner, a.Lease, a.Priority = "somebody", at.Add(time.Hour), 9 })
		put("j-lapsed", func(a *upload.Asset) {
			a.Status, a.Owner, a.Lease, a.Priority = progress.Running, "somebody", at.Add(-time.Second), -1
		})
		for _, want := range []string{"e-wish", "d-high", "c-old", "b-young", "j-lapsed"} {
			a, rev, err := c.Claim(t.Context(), "me", time.Hour)
			require.NoError(t, err)
			assert.Equal(t, want, a.ID)
			assert.Equal(t, "me", a.Owner)
			assert.WithinDuration(t, time.Now().Add(time.Hour), a.Lease, time.Minute)
			got, rev2, err := c.Get(t.Context(), a.ID)
			require.NoError(t, err)
			assert.Equal(t, a, got)
			assert.Equal(t, rev, rev2)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, _, err := c.Claim(ctx, "me", time.Hour)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	},
	"claims are exclusive and wake up": func(t *testing.T, c upload.Catalog) {
		const n = 40
		var mu sync.Mutex
		got := map[string]int{}
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 4 {
			wg.Go(func() {
				for {
					a, rev, err := c.Claim(ctx, "me", time.Hour)
					if err != nil {
						assert.ErrorIs(t, err, context.Canceled)
						return
					}
					a.Status, a.Owner = progress.Complete, ""
					_, err = c.Put(ctx, a, rev)
					assert.NoError(t, err)
					mu.Lock()
					got[a.ID]++
					done := len(got) == n
					mu.Unlock()
					if done {
						cancel()
					}
				}
			})
		}
		for i := range n {
			_, err := c.Put(t.Context(), record(fmt.Sprint("x", i)), "")
			require.NoError(t, err)
		}
		wg.Wait()
		for id, times := range got {
			assert.Equal(t, 1, times, id)
		}
		assert.Len(t, got, n)
	},
	"a lease that ends": func(t *testing.T, c upload.Catalog) {
		_, err := c.Put(t.Context(), record("x"), "")
		require.NoError(t, err)
		_, _, err = c.Claim(t.Context(), "one", 30*time.Millisecond)
		require.NoError(t, err)
		a, _, err := c.Claim(t.Context(), "two", time.Hour)
		require.NoError(t, err)
		assert.Equal(t, "two", a.Owner)
	},
	"lists": func(t *testing.T, c upload.Catalog) {
		for i := range 10 {
			a := record(fmt.Sprint("x", i))
			if i%2 == 0 {
				a.Status, a.Tenant = progress.Complete, "even"
			}
			_, err := c.Put(t.Context(), a, "")
			require.NoError(t, err)
		}
		list := func(q upload.Query) string {
			var got []string
			for a, err := range c.List(t.Context(), q) {
				require.NoError(t, err)
				got = append(got, strings.TrimPrefix(a.ID, "x"))
			}
			return strings.Join(got, "")
		}
		assert.Equal(t, "9876543210", list(upload.Query{}))
		assert.Equal(t, "987", list(upload.Query{Limit: 3}))
		assert.Equal(t, "654", list(upload.Query{Limit: 3, After: "x7"}))
		assert.Equal(t, "", list(upload.Query{After: "x0"}))
		assert.Equal(t, "86420", list(upload.Query{Tenant: "even"}))
		assert.Equal(t, "97531", list(upload.Query{Status: progress.Ready}))
		assert.Equal(t, "31", list(upload.Query{Status: progress.Ready, After: "x4"}))
		assert.Equal(t, "8", list(upload.Query{Status: progress.Complete, Limit: 1}))
		assert.Equal(t, "", list(upload.Query{Status: progress.Ready, Tenant: "even"}))
		_, rev, err := c.Get(t.Context(), "x5")
		require.NoError(t, err)
		require.NoError(t, c.Delete(t.Context(), "x5", rev))
		_, err = c.Put(t.Context(), record("x55"), "")
		require.NoError(t, err)
		assert.Equal(t, "9876"+"55"+"43210", list(upload.Query{}))
		for range c.List(t.Context(), upload.Query{}) {
			break // a caller may stop early
		}
	},
}

func TestStoreCatalogAfterARestart(t *testing.T) {
	s := newStore(t)
	c := startedCatalog(t, s)
	for i := range 5 {
		a := record(fmt.Sprint("x", i))
		if i < 3 {
			a.Status = progress.Complete
		}
		_, err := c.Put(t.Context(), a, "")
		require.NoError(t, err)
	}
	_, _, err := c.Claim(t.Context(), "dead", time.Hour)
	require.NoError(t, err)
	require.NoError(t, c.Close(t.Context()))
	_, err = c.Put(t.Context(), record("late"), "")
	require.ErrorIs(t, err, upload.ErrClosed)
	_, _, err = c.Claim(t.Context(), "late", time.Hour)
	require.ErrorIs(t, err, upload.ErrClosed)
	_, _, err = c.Get(t.Context(), "x1")
	require.NoError(t, err, "it can still be read")

	// What a process leaves that dies between two writes.
	_, err = s.Put(t.Context(), "catalog/due/nobody.due", strings.NewReader("nobody\n"), nil)
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "catalog/due/x0.due", strings.NewReader("x0\n"), nil)
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "catalog/assets/broken.json", strings.NewReader("{"), nil)
	require.NoError(t, err)

	reads := &failingStore{Store: s}
	opened := map[string]bool{}
	reads.set(func(op, key string) error {
		if op == "open" {
			opened[key] = true
		}
		return nil
	})
	c = startedCatalog(t, reads)
	assert.NotContains(t, opened, "catalog/assets/x1.json", "finished assets cost a start nothing")
	assert.Equal(t, []string{"catalog/due/x3.due", "catalog/due/x4.due"}, keysOf(t, s, "catalog/due/"))
	reads.set(nil)
	claimed := map[string]bool{}
	for range 2 {
		a, _, err := c.Claim(t.Context(), "next", time.Hour)
		require.NoError(t, err)
		claimed[a.ID] = true
	}
	assert.Equal(t, map[string]bool{"x3": true, "x4": true}, claimed, "also what the dead process had a lease of")
	n := 0
	for _, err := range c.List(t.Context(), upload.Query{}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 5, n, "a broken record is left out")
}

func TestStoreCatalogRefusesASecondOwner(t *testing.T) {
	s := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		first := upload.NewStoreCatalog(s, nil)
		require.NoError(t, first.Start(t.Context()))
		second := upload.NewStoreCatalog(s, nil)
		err := second.Start(t.Context())
		require.ErrorIs(t, err, upload.ErrOwned)
		assert.Contains(t, err.Error(), "run one process for each Store")
		_, err = second.Put(t.Context(), record("x"), "")
		require.ErrorIs(t, err, upload.ErrClosed)
		require.ErrorIs(t, first.Start(t.Context()), upload.ErrOwned)
		require.NoError(t, first.Close(t.Context()))
		require.NoError(t, second.Start(t.Context()), "it has been given up")
		require.NoError(t, second.Close(t.Context()))
	})
}

func TestStoreCatalogSucceedsADeadOwner(t *testing.T) {
	s := newStore(t)
	dying := &failingStore{Store: s}
	synctest.Test(t, func(t *testing.T) {
		first := upload.NewStoreCatalog(dying, nil)
		require.NoError(t, first.Start(t.Context()))
		claim := make(chan error, 1)
		go func() {
			_, _, err := first.Claim(t.Context(), "first", time.Hour)
			claim <- err
		}()
		dying.set(func(string, string) error { return errBroken }) // as good as dead
		begun := time.Now()
		second := upload.NewStoreCatalog(s, nil)
		require.NoError(t, second.Start(t.Context()))
		assert.GreaterOrEqual(t, time.Since(begun), 15*time.Second)

		dying.set(nil) // it was only asleep
		err := <-claim
		require.ErrorIs(t, err, upload.ErrOwned)
		_, err = first.Put(t.Context(), record("x"), "")
		require.ErrorIs(t, err, upload.ErrOwned)
		require.NoError(t, first.Close(t.Context()))
		_, err = second.Put(t.Context(), record("x"), "")
		require.NoError(t, err, "the successor's record is not taken by the loser's Close")
		_, err = s.Stat(t.Context(), "catalog/owner.json")
		require.NoError(t, err)
		require.NoError(t, second.Close(t.Context()))
	})
}

func TestStoreCatalogStartFails(t *testing.T) {
	fs := &failingStore{Store: newStore(t)}
	fs.set(func(op, key string) error { return errBroken })
	c := upload.NewStoreCatalog(fs, nil)
	require.ErrorIs(t, c.Start(t.Context()), errBroken)
	fs.set(nil)
	require.NoError(t, c.Start(t.Context()), "it may be tried again")
	require.NoError(t, c.Close(t.Context()))

	_, err := fs.Put(t.Context(), "catalog/assets/new.json", strings.NewReader(`{"version": 99, "id": "new"}`), nil)
	require.NoError(t, err)
	_, err = fs.Put(t.Context(), "catalog/due/new.due", strings.NewReader("new"), nil)
	require.NoError(t, err)
	err = c.Start(t.Context())
	require.ErrorIs(t, err, upload.ErrVersion)
	assert.Contains(t, err.Error(), "run a newer vodkit")
	assert.True(t, errors.Is(err, upload.ErrVersion))
	_, err = fs.Stat(t.Context(), "catalog/owner.json")
	require.ErrorIs(t, err, storage.ErrNotExist, "the ownership was given back")
}

// A process that is killed is succeeded at once on the same machine, where the
// operating system tells.
func TestStoreCatalogSucceedsAKilledProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells surely that a process has died")
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOwnAndWait$")
	cmd.Env = append(os.Environ(), "VODKIT_TEST_OWN="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "owned\n", line)

	s, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	defer s.Close()
	c := upload.NewStoreCatalog(s, &upload.StoreCatalogOptions{Heartbeat: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Start(ctx), context.DeadlineExceeded, "it lives, as far as one can tell")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.NoError(t, c.Start(t.Context()))
	require.NoError(t, c.Close(t.Context()))
}

// TestOwnAndWait is the other process of TestStoreCatalogSucceedsAKilledProcess.
func TestOwnAndWait(t *testing.T) {
	dir := os.Getenv("VODKIT_TEST_OWN")
	if dir == "" {
		t.Skip("runs as a child of another test")
	}
	s, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	require.NoError(t, upload.NewStoreCatalog(s, &upload.StoreCatalogOptions{Heartbeat: time.Hour}).Start(t.Context()))
	fmt.Println("owned")
	time.Sleep(time.Minute) // until killed
}
