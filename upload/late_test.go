package upload_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// lateStore is the Store of a process that stands still in the last moment of its first
// write that matches, behind the last look at anything else, until goOn is closed.
type lateStore struct {
	storage.Store
	match        func(op, key string) bool
	once         sync.Once
	inside, goOn chan struct{}
}

func newLateStore(s storage.Store, match func(op, key string) bool) *lateStore {
	return &lateStore{Store: s, match: match, inside: make(chan struct{}), goOn: make(chan struct{})}
}

func (s *lateStore) pass(op, key string) {
	if s.match(op, key) {
		s.once.Do(func() {
			close(s.inside)
			<-s.goOn
		})
	}
}

func (s *lateStore) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return storage.Info{}, err
	}
	s.pass("put", key)
	return s.Store.Put(context.WithoutCancel(ctx), key, bytes.NewReader(body), o)
}

func (s *lateStore) Delete(ctx context.Context, key string) error {
	s.pass("delete", key)
	return s.Store.Delete(context.WithoutCancel(ctx), key)
}

// What an owner of the catalog that stood still writes in the end changes nothing.
func TestStoreCatalogLateWrites(t *testing.T) {
	done := record("x")
	done.Status = progress.Complete
	doomed := record("x")
	doomed.Intent = upload.IntentDelete
	for name, test := range map[string]struct {
		before upload.Asset // "" for none
		op, in string       // the write that is late
		write  func(ctx context.Context, c *upload.StoreCatalog, rev upload.Revision) error
		// The successor's, and what is there then.
		next func(ctx context.Context, c *upload.StoreCatalog) error
		want progress.Status
	}{
		"create": {op: "put", in: "catalog/assets/",
			write: func(ctx context.Context, c *upload.StoreCatalog, _ upload.Revision) error {
				_, err := c.Put(ctx, record("x"), "")
				return err
			}},
		"create again": {op: "put", in: "catalog/assets/",
			write: func(ctx context.Context, c *upload.StoreCatalog, _ upload.Revision) error {
				_, err := c.Put(ctx, record("x"), "")
				return err
			},
			next: func(ctx context.Context, c *upload.StoreCatalog) error {
				_, err := c.Put(ctx, done, "")
				return err
			}, want: progress.Complete},
		"mark": {op: "put", in: "catalog/due/",
			write: func(ctx context.Context, c *upload.StoreCatalog, _ upload.Revision) error {
				_, err := c.Put(ctx, record("x"), "")
				return err
			}},
		"retry": {before: done, op: "put", in: "catalog/assets/",
			write: func(ctx context.Context, c *upload.StoreCatalog, rev upload.Revision) error {
				_, err := c.Put(ctx, record("x"), rev)
				return err
			}, want: progress.Complete},
		"progress": {before: record("x"), op: "put", in: "catalog/assets/",
			write: func(ctx context.Context, c *upload.StoreCatalog, rev upload.Revision) error {
				_, err := c.Put(ctx, record("x"), rev)
				return err
			},
			next: func(ctx context.Context, c *upload.StoreCatalog) error {
				a, rev, err := c.Claim(ctx, "next", time.Hour)
				a.Status, a.Owner = progress.Complete, ""
				if err == nil {
					_, err = c.Put(ctx, a, rev)
				}
				return err
			}, want: progress.Complete},
		"unmark": {before: record("x"), op: "delete", in: "catalog/due/",
			write: func(ctx context.Context, c *upload.StoreCatalog, rev upload.Revision) error {
				_, err := c.Put(ctx, done, rev)
				return err
			},
			next: func(ctx context.Context, c *upload.StoreCatalog) error {
				_, rev, err := c.Get(ctx, "x")
				if err == nil {
					_, err = c.Put(ctx, record("x"), rev)
				}
				return err
			}, want: progress.Ready},
		"delete": {before: doomed, op: "delete", in: "catalog/assets/",
			write: func(ctx context.Context, c *upload.StoreCatalog, rev upload.Revision) error {
				return c.Delete(ctx, "x", rev)
			},
			next: func(ctx context.Context, c *upload.StoreCatalog) error {
				_, rev, err := c.Get(ctx, "x")
				if err == nil {
					err = c.Delete(ctx, "x", rev)
				}
				if err == nil {
					_, err = c.Put(ctx, done, "")
				}
				return err
			}, want: progress.Complete},
		"deleted by the successor": {before: doomed, op: "put", in: "catalog/assets/",
			write: func(ctx context.Context, c *upload.StoreCatalog, rev upload.Revision) error {
				_, err := c.Put(ctx, doomed, rev)
				return err
			},
			next: func(ctx context.Context, c *upload.StoreCatalog) error {
				_, rev, err := c.Get(ctx, "x")
				if err == nil {
					err = c.Delete(ctx, "x", rev)
				}
				return err
			}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			synctest.Test(t, func(t *testing.T) {
				var rev upload.Revision
				if test.before.ID != "" {
					c := startedCatalog(t, s)
					var err error
					rev, err = c.Put(t.Context(), test.before, "")
					require.NoError(t, err)
					require.NoError(t, c.Close(t.Context()))
				}
				late := newLateStore(s, func(op, key string) bool { return op == test.op && strings.HasPrefix(key, test.in) })
				off := &failingStore{Store: late} // no heartbeat comes through while the process stands still
				first := upload.NewStoreCatalog(off, nil)
				require.NoError(t, first.Start(t.Context()))
				written := make(chan error, 1)
				go func() { written <- test.write(t.Context(), first, rev) }()
				<-late.inside
				off.set(func(string, string) error { return errBroken })
				second := upload.NewStoreCatalog(s, nil)
				require.NoError(t, second.Start(t.Context()))
				if test.next != nil {
					require.NoError(t, test.next(t.Context(), second))
				}
				before := look(t, second)
				off.set(nil)
				close(late.goOn)
				require.ErrorIs(t, <-written, upload.ErrOwned)
				assert.Equal(t, before, look(t, second))
				require.NoError(t, first.Close(t.Context()))
				require.NoError(t, second.Close(t.Context()))

				third := upload.NewStoreCatalog(s, nil) // which knows nothing but what is in the Store
				require.NoError(t, third.Start(t.Context()))
				assert.Equal(t, before, look(t, third))
				a, _, err := third.Get(t.Context(), "x")
				if test.want == "" {
					require.ErrorIs(t, err, upload.ErrNotFound)
				} else {
					require.NoError(t, err)
					assert.Equal(t, test.want, a.Status)
				}
				if a.ID != "" && a.Unfinished() {
					_, _, err := third.Claim(t.Context(), "third", time.Hour)
					require.NoError(t, err, "somebody works on it")
				}
				require.NoError(t, third.Close(t.Context()))
			})
		})
	}
}

// look returns all that a catalog says of its assets.
func look(t *testing.T, c *upload.StoreCatalog) []upload.Asset {
	t.Helper()
	all := []upload.Asset{}
	for a, err := range c.List(t.Context(), upload.Query{}) {
		require.NoError(t, err)
		all = append(all, a)
		got, _, err := c.Get(t.Context(), a.ID)
		require.NoError(t, err)
		require.Equal(t, a, got)
	}
	if len(all) == 0 {
		_, _, err := c.Get(t.Context(), "x")
		require.ErrorIs(t, err, upload.ErrNotFound)
	}
	return all
}

// The sign of a deletion is there only where an earlier owner may stand still, and goes a
// day later without bringing anything back.
func TestStoreCatalogSignsOfDeletions(t *testing.T) {
	s := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		open := func(s storage.Store) *upload.StoreCatalog {
			c := upload.NewStoreCatalog(s, &upload.StoreCatalogOptions{Heartbeat: time.Minute, Logger: testLog(t)})
			require.NoError(t, c.Start(t.Context()))
			return c
		}
		put := func(c *upload.StoreCatalog, id string) upload.Revision {
			rev, err := c.Put(t.Context(), record(id), "")
			require.NoError(t, err)
			return rev
		}
		off := &failingStore{Store: s}
		first := open(off)
		revs := map[string]upload.Revision{}
		for _, id := range []string{"w", "x", "y", "z"} {
			revs[id] = put(first, id)
		}
		require.NoError(t, first.Delete(t.Context(), "w", revs["w"]))
		assert.Len(t, keysOf(t, s, "catalog/assets/"), 3, "nothing is left of it")
		off.set(func(string, string) error { return errBroken }) // it stands still

		c := open(s)
		require.NoError(t, c.Delete(t.Context(), "x", revs["x"]))
		require.NoError(t, c.Delete(t.Context(), "y", revs["y"]))
		require.NoError(t, c.Delete(t.Context(), "young", put(c, "young")))
		put(c, "y")
		assert.Equal(t, []string{"catalog/assets/x/0000000002.gone", "catalog/assets/y/0000000002.json", "catalog/assets/z/0000000002.json"},
			keysOf(t, s, "catalog/assets/"))
		late := "catalog/assets/x/0000000001.json"
		_, err := s.Put(t.Context(), late, strings.NewReader("came late"), nil)
		require.NoError(t, err)
		time.Sleep(25 * time.Hour)
		require.NoError(t, c.Delete(t.Context(), "z", revs["z"]))
		assert.Equal(t, []string{"catalog/assets/y/0000000002.json", "catalog/assets/z/0000000002.gone"}, keysOf(t, s, "catalog/assets/"))
		require.NoError(t, c.Close(t.Context()))
		off.set(nil)
		require.NoError(t, first.Close(t.Context()))

		late = strings.ReplaceAll(late, "x", "z")
		_, err = s.Put(t.Context(), late, strings.NewReader("came late"), nil)
		require.NoError(t, err)
		time.Sleep(25 * time.Hour)
		for _, want := range [][]string{
			{"catalog/assets/y/0000000002.json", "catalog/assets/z/0000000002.gone"},
			{"catalog/assets/y/0000000002.json"},
		} {
			c = open(s)
			assert.Len(t, look(t, c), 1)
			assert.Equal(t, want, keysOf(t, s, "catalog/assets/"))
			require.NoError(t, c.Close(t.Context()))
		}
	})
}

// Who reads finds a record also while it gets another key, by this process or by another
// that has succeeded it unnoticed.
func TestStoreCatalogReadWhileItMoves(t *testing.T) {
	s := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		moving := newLateStore(s, func(op, key string) bool { return op == "delete" && key == "catalog/assets/x/0000000001.json" })
		first := startedCatalog(t, s)
		rev, err := first.Put(t.Context(), record("x"), "")
		require.NoError(t, err)
		require.NoError(t, first.Close(t.Context()))
		off := &failingStore{Store: moving}
		second := upload.NewStoreCatalog(off, nil)
		require.NoError(t, second.Start(t.Context()))
		assert.Len(t, look(t, second), 1) // it knows all
		put := make(chan error, 1)
		go func() {
			rev, err = second.Put(t.Context(), record("x"), rev)
			put <- err
		}()
		<-moving.inside
		require.NoError(t, s.Delete(t.Context(), "catalog/assets/x/0000000001.json"))
		_, _, err = second.Get(t.Context(), "x")
		require.NoError(t, err)
		close(moving.goOn)
		require.NoError(t, <-put)

		off.set(func(string, string) error { return errBroken })
		third := startedCatalog(t, s)
		_, err = third.Put(t.Context(), record("y"), "")
		require.NoError(t, err)
		off.set(func(op, key string) error { // the heartbeat has not noticed
			if strings.HasPrefix(key, "catalog/owner/") {
				return errBroken
			}
			return nil
		})
		for _, id := range []string{"x", "y"} {
			_, _, err = second.Get(t.Context(), id)
			require.NoError(t, err, id)
		}
		assert.Len(t, look(t, second), 2)
		off.set(nil)
		require.NoError(t, second.Close(t.Context()))
	})
}

// A record that cannot be read any more keeps nobody else waiting, nor does a write that
// hangs keep those waiting who have a context.
func TestStoreCatalogOneBadRecord(t *testing.T) {
	s := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		hangs := newLateStore(s, func(op, key string) bool { return op == "put" && strings.Contains(key, "/hangs/") })
		c := upload.NewStoreCatalog(hangs, nil)
		require.NoError(t, c.Start(t.Context()))
		bad, good := record("bad"), record("good")
		bad.Priority = 1
		for _, a := range []upload.Asset{bad, good} {
			_, err := c.Put(t.Context(), a, "")
			require.NoError(t, err)
		}
		_, err := s.Put(t.Context(), "catalog/assets/bad/0000000001.json", strings.NewReader("{"), nil)
		require.NoError(t, err)
		_, _, err = c.Claim(t.Context(), "me", time.Hour)
		require.Error(t, err)
		a, _, err := c.Claim(t.Context(), "me", time.Hour)
		require.NoError(t, err)
		assert.Equal(t, "good", a.ID)

		put := make(chan error, 1)
		go func() {
			_, err := c.Put(t.Context(), record("hangs"), "")
			put <- err
		}()
		<-hangs.inside
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err = c.Put(ctx, record("hangs"), "")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begun))
		close(hangs.goOn)
		require.NoError(t, <-put)
		require.NoError(t, c.Close(t.Context()))
	})
}

// contents returns the objects under prefixes.
func contents(t *testing.T, s storage.Store, prefixes ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, prefix := range prefixes {
		for _, key := range keysOf(t, s, prefix) {
			obj, err := s.Open(t.Context(), key, nil)
			require.NoError(t, err)
			data, err := io.ReadAll(obj)
			require.NoError(t, errors.Join(err, obj.Close()))
			all[key] = string(data)
		}
	}
	return all
}
