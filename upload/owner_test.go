package upload_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// Of many that start at once one wins, over an empty Store and over what a process left
// that was shut down or died.
func TestStoreCatalogStartRace(t *testing.T) {
	folder := func(t *testing.T) func() storage.Store {
		dir := t.TempDir()
		return func() storage.Store { // each process has a Store of its own
			s, err := blobstore.OpenFile(dir, nil)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			return s
		}
	}
	memory := func(t *testing.T) func() storage.Store {
		s := newStore(t)
		return func() storage.Store { return s }
	}
	for name, stores := range map[string]func(t *testing.T) func() storage.Store{"memory": memory, "folder": folder} {
		t.Run(name, func(t *testing.T) {
			open := stores(t)
			var handles []storage.Store
			for range 8 {
				handles = append(handles, open())
			}
			dying := &failingStore{Store: open()}
			synctest.Test(t, func(t *testing.T) {
				for round := range 12 {
					before := upload.NewStoreCatalog(dying, nil)
					switch round % 3 {
					case 1:
						require.NoError(t, before.Start(t.Context()))
						require.NoError(t, before.Close(t.Context()))
					case 2:
						require.NoError(t, before.Start(t.Context()))
						dying.set(func(string, string) error { return errBroken })
					}
					race(t, handles, fmt.Sprint("x", round))
					dying.set(nil)
					require.NoError(t, before.Close(t.Context()))
				}
			})
		})
	}
}

// race starts a catalog over each store, wants one to win and ends it.
func race(t *testing.T, stores []storage.Store, id string) {
	t.Helper()
	catalogs := make([]*upload.StoreCatalog, len(stores))
	errs := make([]error, len(stores))
	var wg sync.WaitGroup
	for i, s := range stores {
		catalogs[i] = upload.NewStoreCatalog(s, nil)
		wg.Go(func() { errs[i] = catalogs[i].Start(t.Context()) })
	}
	wg.Wait()
	won := -1
	for i, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, upload.ErrOwned)
			continue
		}
		require.Equal(t, -1, won, "two have won")
		won = i
	}
	require.NotEqual(t, -1, won, "one has to win")
	for i, c := range catalogs {
		if _, err := c.Put(t.Context(), record(id), ""); i == won {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, upload.ErrClosed)
		}
	}
	require.NoError(t, catalogs[won].Close(t.Context()))
	assert.Len(t, keysOf(t, stores[0], "catalog/owner/"), 1, "what was there before is removed")
}

// An owner that was frozen looks before it writes, without waiting for its heartbeat.
func TestStoreCatalogFrozenOwner(t *testing.T) {
	s := newStore(t)
	frozen := &failingStore{Store: s}
	synctest.Test(t, func(t *testing.T) {
		first := upload.NewStoreCatalog(frozen, nil)
		require.NoError(t, first.Start(t.Context()))
		rev, err := first.Put(t.Context(), record("x"), "")
		require.NoError(t, err)
		frozen.set(func(string, string) error { return errBroken })
		second := upload.NewStoreCatalog(s, nil)
		require.NoError(t, second.Start(t.Context()))
		taken := record("x")
		taken.Name = "of the second"
		_, err = second.Put(t.Context(), taken, rev)
		require.NoError(t, err)
		keys := keysOf(t, s, "catalog/assets/")

		frozen.set(nil)
		_, err = first.Put(t.Context(), record("y"), "")
		require.ErrorIs(t, err, upload.ErrOwned)
		require.ErrorIs(t, first.Delete(t.Context(), "x", rev), upload.ErrOwned)
		_, _, err = first.Claim(t.Context(), "first", time.Hour)
		require.ErrorIs(t, err, upload.ErrOwned)
		assert.Equal(t, keys, keysOf(t, s, "catalog/assets/"))
		got, _, err := first.Get(t.Context(), "x")
		require.NoError(t, err)
		assert.Equal(t, "of the second", got.Name, "it can still read")
		require.NoError(t, first.Close(t.Context()))
		require.NoError(t, second.Close(t.Context()))
	})
}

// slowStore holds Puts up before it reads.
type slowStore struct {
	storage.Store
	hold func(key string)
}

func (s *slowStore) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	s.hold(key)
	return s.Store.Put(ctx, key, r, o)
}

// A write that the Store has begun when the owner is succeeded is not finished.
func TestStoreCatalogFrozenWithinPut(t *testing.T) {
	s := newStore(t)
	frozen := &failingStore{Store: s}
	synctest.Test(t, func(t *testing.T) {
		inside, goOn := make(chan struct{}), make(chan struct{})
		first := upload.NewStoreCatalog(&slowStore{frozen, func(key string) {
			if strings.HasPrefix(key, "catalog/assets/") {
				close(inside)
				<-goOn
			}
		}}, nil)
		require.NoError(t, first.Start(t.Context()))
		written := make(chan error, 1)
		go func() {
			_, err := first.Put(t.Context(), record("x"), "")
			written <- err
		}()
		<-inside
		frozen.set(func(string, string) error { return errBroken })
		second := upload.NewStoreCatalog(s, nil)
		require.NoError(t, second.Start(t.Context()))
		frozen.set(nil)
		close(goOn)
		require.ErrorIs(t, <-written, upload.ErrOwned)
		assert.Equal(t, []string{"catalog/assets/x/0000000002.gone"}, keysOf(t, s, "catalog/assets/"), "whatever comes still")
		require.NoError(t, first.Close(t.Context()))
		require.NoError(t, second.Close(t.Context()))
	})
}

// An owner whose Store does not answer for long goes on when it does, if nobody came.
func TestStoreCatalogCutOff(t *testing.T) {
	s := &failingStore{Store: newStore(t)}
	synctest.Test(t, func(t *testing.T) {
		c := upload.NewStoreCatalog(s, nil)
		require.NoError(t, c.Start(t.Context()))
		s.set(func(op, key string) error {
			if strings.HasPrefix(key, "catalog/owner/") {
				return errBroken
			}
			return nil
		})
		_, err := c.Put(t.Context(), record("x"), "")
		require.NoError(t, err, "it trusts itself for a while")
		time.Sleep(time.Minute)
		_, err = c.Put(t.Context(), record("y"), "")
		require.ErrorIs(t, err, errBroken, "it cannot know whether it has been succeeded")
		assert.Equal(t, []string{"catalog/assets/x/0000000001.json"}, keysOf(t, s, "catalog/assets/"))
		s.set(nil)
		_, err = c.Put(t.Context(), record("y"), "")
		require.NoError(t, err)

		for _, key := range keysOf(t, s, "catalog/owner/") { // somebody tidied too much
			require.NoError(t, s.Delete(t.Context(), key))
		}
		time.Sleep(time.Minute)
		_, err = c.Put(t.Context(), record("z"), "")
		require.NoError(t, err)
		require.ErrorIs(t, upload.NewStoreCatalog(s, nil).Start(t.Context()), upload.ErrOwned)
		require.NoError(t, c.Close(t.Context()))
	})
}
