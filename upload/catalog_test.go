package upload_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/catalogtest"
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

// kept is a StoreCatalog with the Store that it is over.
type kept struct {
	*upload.StoreCatalog
	store storage.Store
}

// TestStoreCatalog holds StoreCatalog to the contract of Catalog, in memory and in a
// folder.
func TestStoreCatalog(t *testing.T) {
	restart := catalogtest.Reopen(func(t *testing.T, old upload.Catalog) upload.Catalog {
		k := old.(kept)
		require.NoError(t, k.Close(t.Context()))
		return startedCatalog(t, k.store)
	})
	for name, open := range map[string]func(t *testing.T) storage.Store{
		"memory": func(t *testing.T) storage.Store { return newStore(t) },
		"folder": func(t *testing.T) storage.Store {
			s, err := blobstore.OpenFile(t.TempDir(), nil)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			return s
		},
	} {
		opts := []catalogtest.Option{restart, catalogtest.Records(1000)}
		if name == "folder" && runtime.GOOS != "linux" {
			opts = append(opts, catalogtest.FoldsCase())
		}
		t.Run(name, func(t *testing.T) {
			catalogtest.Run(t, func(t *testing.T) upload.Catalog {
				s := open(t)
				return kept{startedCatalog(t, s), s}
			}, opts...)
		})
	}
}

// Ids that cannot be a part of a key name no asset.
func TestStoreCatalogRefusesBadIDs(t *testing.T) {
	c := startedCatalog(t, newStore(t))
	for _, id := range []string{"", "..", "a/b", "../x"} {
		_, err := c.Put(t.Context(), record(id), "")
		require.ErrorIs(t, err, upload.ErrInvalid, id)
		_, _, err = c.Get(t.Context(), id)
		require.ErrorIs(t, err, upload.ErrNotFound, id)
	}
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
	assert.NotContains(t, opened, "catalog/assets/x1/0000000001.json", "finished assets cost a start nothing")
	assert.Contains(t, opened, "catalog/assets/x3/0000000001.json")
	assert.Equal(t, []string{"catalog/due/x3/0000000001.due", "catalog/due/x4/0000000001.due"}, keysOf(t, s, "catalog/due/"))
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
	require.NoError(t, fs.Store.Delete(t.Context(), "catalog/due/new.due"))
	other := upload.NewStoreCatalog(fs, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, other.Start(ctx), "the ownership was given back")
	require.NoError(t, other.Close(ctx))
}
