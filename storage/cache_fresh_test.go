package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
)

const playlist = "media/42/master.m3u8"

// A playlist that others replace is seen within Revalidate, with at most one Stat in that
// time and one load for each version.
func TestCacheMutable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		c := newCache(t, s, nil)
		versions := 0
		for second := range 5 {
			versions++
			b := fmt.Appendf(nil, "#EXTM3U %d", second)
			s.set(playlist, b)
			time.Sleep(200 * time.Millisecond)
			start := time.Now()
			for time.Since(start) < 800*time.Millisecond {
				var wg sync.WaitGroup
				for range 100 {
					wg.Go(func() {
						got, err := read(t.Context(), c, playlist, nil)
						assert.NoError(t, err)
						assert.Equal(t, b, got)
						info, err := c.Stat(t.Context(), playlist)
						assert.NoError(t, err)
						assert.EqualValues(t, len(b), info.Size)
					})
				}
				wg.Wait()
				time.Sleep(10 * time.Millisecond)
			}
		}
		assert.Len(t, s.opened(playlist), versions)
		assert.LessOrEqual(t, s.asked(playlist), 25)
		assert.GreaterOrEqual(t, s.asked(playlist), 15)
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
	})
}

// An answer may be slower than Revalidate: who comes is held against an answer that is
// recent enough, and there is never more than one question under way.
func TestCacheMutableSlowOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		var asking atomic.Int64
		s.onStat = func(ctx context.Context, _ string) error {
			assert.EqualValues(t, 1, asking.Add(1))
			defer asking.Add(-1)
			return pause(ctx, time.Second)
		}
		s.set(playlist, []byte("old"))
		c := newCache(t, s, nil)
		requireRead(t, c, playlist, []byte("old"))
		time.Sleep(time.Second)
		var wg sync.WaitGroup
		wg.Go(func() { requireRead(t, c, playlist, []byte("new")) })
		time.Sleep(500 * time.Millisecond)
		s.set(playlist, []byte("new")) // the first question is answered with this
		time.Sleep(600 * time.Millisecond)
		for range 10 {
			wg.Go(func() { requireRead(t, c, playlist, []byte("new")) })
		}
		wg.Wait()
		assert.Equal(t, 1, s.asked(playlist))
		assert.Len(t, s.opened(playlist), 2)
	})
}

// Revalidate: -1 asks for every Open and Stat, and so never gives what was replaced
// before.
func TestCacheAlwaysAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		s.early = true
		s.onStat = func(ctx context.Context, _ string) error { return pause(ctx, time.Second) }
		c := newCache(t, s, &storage.CacheOptions{Revalidate: -1})
		for i := range 10 {
			b := fmt.Append(nil, i)
			s.set(playlist, b)
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() { requireRead(t, c, playlist, b) })
			}
			wg.Wait()
			info, err := c.Stat(t.Context(), playlist)
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprint("v", i+1), info.ETag)
		}
		assert.Len(t, s.opened(playlist), 10)
		assert.Greater(t, s.asked(playlist), 20)

		// A question that was asked before is not answer enough, and the next one is for
		// all who wait.
		before := s.asked(playlist)
		for i := range 3 {
			b := fmt.Append(nil, "next ", i)
			s.set(playlist, b)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					got, err := read(t.Context(), c, playlist, nil)
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, string(got), string(b), "a later one will do")
				})
			}
			time.Sleep(500 * time.Millisecond)
			defer wg.Wait()
		}
		time.Sleep(10 * time.Second)
		assert.Less(t, s.asked(playlist)-before, 10)
	})
}

// An origin that does not answer is hidden for MaxStale, one that says no is not.
func TestCacheStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		s.set(playlist, []byte("x"))
		var failure error
		s.onStat = func(context.Context, string) error { return failure }
		s.onOpen = func(context.Context, string, storage.OpenOptions) error { return failure }
		c := newCache(t, s, &storage.CacheOptions{MaxStale: time.Minute})
		requireRead(t, c, playlist, []byte("x"))
		failure = errCut
		start := time.Now()
		time.Sleep(time.Second)
		requireRead(t, c, playlist, []byte("x"))
		assert.Greater(t, time.Since(start), 2500*time.Millisecond, "one waits while it is asked again and again")
		for {
			before := time.Now()
			if _, err := read(t.Context(), c, playlist, nil); err != nil {
				require.ErrorIs(t, err, errCut)
				break
			}
			require.Equal(t, before, time.Now(), "the others don't")
			time.Sleep(time.Second)
		}
		assert.InDelta(t, 62, time.Since(start).Seconds(), 3)
		assert.InDelta(t, 58, c.Stats().StaleServed, 3)
		failure = nil
		requireRead(t, c, playlist, []byte("x"))
		time.Sleep(time.Second)
		failure = fmt.Errorf("not yours: %w", fs.ErrPermission)
		_, err := c.Open(t.Context(), playlist, nil)
		require.ErrorIs(t, err, fs.ErrPermission)
		assert.Zero(t, c.Stats().Entries)
	})
}

// A viewer who knows a newer version than the cache gets it.
func TestCacheIfMatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, key := range []string{"x.m4s", playlist} {
			s := newOrigin()
			old := s.set(key, []byte("old"))
			c := newCache(t, s, nil)
			_, err := c.Open(t.Context(), key, &storage.OpenOptions{IfMatch: "else"})
			require.ErrorIs(t, err, storage.ErrPrecondition)
			got, err := read(t.Context(), c, key, &storage.OpenOptions{IfMatch: old.ETag})
			require.NoError(t, err)
			assert.Equal(t, "old", string(got))
			assert.Zero(t, s.asked(key))
			newer := s.set(key, []byte("newer"))
			got, err = read(t.Context(), c, key, &storage.OpenOptions{IfMatch: newer.ETag})
			require.NoError(t, err)
			assert.Equal(t, "newer", string(got))
			_, err = c.Open(t.Context(), key, &storage.OpenOptions{IfMatch: old.ETag})
			require.ErrorIs(t, err, storage.ErrPrecondition)
			assert.Equal(t, 2, s.asked(key))
			synctest.Wait()
			require.NoError(t, c.CheckAccounts(nil))
		}
	})
}

// tagless is a store that has no ETags.
type tagless struct{ *origin }

func (s tagless) Stat(ctx context.Context, key string) (storage.Info, error) {
	info, err := s.origin.Stat(ctx, key)
	info.ETag = ""
	return info, err
}

func (s tagless) Open(ctx context.Context, key string, o *storage.OpenOptions) (*storage.Object, error) {
	if o != nil && o.IfMatch != "" {
		return nil, errors.New("unknown condition")
	}
	obj, err := s.origin.Open(ctx, key, o)
	if err == nil {
		obj.ETag = ""
	}
	return obj, err
}

func TestCacheWithoutETags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tagless{cutting(nil, 4)}
		s.set(playlist, []byte("an old one"))
		c := newCache(t, s, nil)
		requireRead(t, c, playlist, []byte("an old one"))
		_, err := c.Open(t.Context(), playlist, &storage.OpenOptions{IfMatch: "x"})
		require.ErrorContains(t, err, "unknown condition", "the store's matter")
		time.Sleep(time.Second)
		assertHit(t, c, playlist, true)
		s.set(playlist, []byte("a newer one"))
		time.Sleep(time.Second)
		requireRead(t, c, playlist, []byte("a newer one"))
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
	})
}

func TestCacheWithoutETagsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tagless{cutting(func(s *origin) { s.set("x", []byte("a newer one")) }, 4)}
		s.set("x", []byte("an old one"))
		c := newCache(t, s, nil)
		_, err := read(t.Context(), c, "x", nil)
		require.ErrorIs(t, err, storage.ErrPrecondition)
		requireRead(t, c, "x", []byte("a newer one"))
	})
}
