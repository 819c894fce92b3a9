package storage_test

import (
	"bytes"
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

func TestCacheMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow(1000)
		asked := 0
		open := s.onOpen
		s.onOpen = func(ctx context.Context, key string, o storage.OpenOptions) error { asked++; return open(ctx, key, o) }
		c := newCache(t, s, nil)
		crowd := func(key string) {
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					_, err := c.Open(t.Context(), key, nil)
					assert.ErrorIs(t, err, storage.ErrNotExist)
					assert.ErrorContains(t, err, key)
				})
			}
			wg.Wait()
		}
		crowd("x.m4s")
		crowd("x.m4s")
		_, err := c.Stat(t.Context(), "x.m4s")
		require.ErrorIs(t, err, storage.ErrNotExist)
		assert.Equal(t, 1, asked)
		assert.Zero(t, s.asked("x.m4s"))
		assert.EqualValues(t, 101, c.Stats().MissesKept)
		s.set("x.m4s", []byte("there"))
		crowd("x.m4s")
		time.Sleep(900 * time.Millisecond)
		requireRead(t, c, "x.m4s", []byte("there"))
		assert.Equal(t, 2, asked)

		crowd(playlist) // a mutable key: one request for the crowd, but each time
		crowd(playlist)
		assert.Equal(t, 4, asked)

		_, err = c.Stat(t.Context(), "y.m4s") // Stat remembers them, too
		require.ErrorIs(t, err, storage.ErrNotExist)
		crowd("y.m4s")
		assert.Equal(t, 4, asked)
		put(t, c, "y.m4s", "there")
		requireRead(t, c, "y.m4s", []byte("there"))

		s.onOpen, s.onStat = nil, nil
		for i := range 3000 {
			_, err := c.Stat(t.Context(), fmt.Sprint("guess/", i))
			require.ErrorIs(t, err, storage.ErrNotExist)
		}
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
		c.Forget("guess")
		s.set("guess/2999", []byte("there"))
		requireRead(t, c, "guess/2999", []byte("there"))
	})
}

// What others delete goes away after MaxAge. Viewers don't wait for the answer as long as
// somebody comes often enough.
func TestCacheMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow(1000)
		b := content(1, 1000)
		s.set("x.m4s", b)
		c := newCache(t, s, nil)
		requireRead(t, c, "x.m4s", b)
		for range 20 {
			time.Sleep(10 * time.Second)
			start := time.Now()
			requireRead(t, c, "x.m4s", b)
			assert.Equal(t, start, time.Now(), "nobody waits")
		}
		assert.Len(t, s.opened("x.m4s"), 1)
		assert.InDelta(t, 3, s.asked("x.m4s"), 1)

		require.NoError(t, s.Delete(t.Context(), "x.m4s"))
		start := time.Now()
		for {
			if _, err := read(t.Context(), c, "x.m4s", nil); err != nil {
				require.ErrorIs(t, err, storage.ErrNotExist)
				break
			}
			time.Sleep(time.Second)
		}
		assert.Less(t, time.Since(start), 62*time.Second)

		// Who comes after a long time waits.
		s.set("y.m4s", b)
		requireRead(t, c, "y.m4s", b)
		require.NoError(t, s.Delete(t.Context(), "y.m4s"))
		time.Sleep(2 * time.Minute)
		_, err := c.Open(t.Context(), "y.m4s", nil)
		require.ErrorIs(t, err, storage.ErrNotExist)
	})
}

func TestCacheForget(t *testing.T) {
	s := newOrigin()
	c := newCache(t, s, nil)
	for _, key := range []string{"media/1/a", "media/1/b", "media/10/a"} {
		s.set(key, []byte("x"))
		requireRead(t, c, key, []byte("x"))
		require.NoError(t, s.Delete(t.Context(), key))
	}
	obj, err := c.Open(t.Context(), "media/1/a", nil)
	require.NoError(t, err)
	c.Forget("media/1/")
	_, err = c.Open(t.Context(), "media/1/a", nil)
	require.ErrorIs(t, err, storage.ErrNotExist)
	_, err = c.Stat(t.Context(), "media/1/b")
	require.ErrorIs(t, err, storage.ErrNotExist)
	requireRead(t, c, "media/10/a", []byte("x"))
	var b bytes.Buffer
	_, err = b.ReadFrom(obj)
	require.NoError(t, err)
	assert.Equal(t, "x", b.String())
	require.NoError(t, obj.Close())
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

// What is put while the origin is being asked is not answered with what was before.
func TestCachePutDuringStat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		s.set("x.m4s", []byte("old"))
		c := newCache(t, s, nil)
		ask := make(chan struct{})
		var first atomic.Bool
		s.onStat = func(context.Context, string) error {
			if !first.Swap(true) {
				<-ask
				return fmt.Errorf("a moment ago: %w", storage.ErrNotExist)
			}
			return nil
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.Stat(t.Context(), "x.m4s")
			assert.ErrorIs(t, err, storage.ErrNotExist)
		})
		synctest.Wait()
		put(t, c, "x.m4s", "newer")
		info, err := c.Stat(t.Context(), "x.m4s")
		require.NoError(t, err)
		assert.EqualValues(t, 5, info.Size)
		close(ask)
		wg.Wait()
		requireRead(t, c, "x.m4s", []byte("newer"))
	})
}

// A load that found nothing, and a Stat that did, say nothing of what was put or loaded
// meanwhile.
func TestCacheLateAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		c := newCache(t, s, nil)
		late := func(ctx context.Context) error {
			return errors.Join(pause(ctx, 500*time.Millisecond), fmt.Errorf("then: %w", storage.ErrNotExist))
		}
		var wg sync.WaitGroup
		s.onOpen = func(ctx context.Context, _ string, _ storage.OpenOptions) error { return late(ctx) }
		wg.Go(func() {
			_, err := c.Open(t.Context(), "x.m4s", nil)
			assert.ErrorIs(t, err, storage.ErrNotExist)
		})
		synctest.Wait()
		s.onOpen = nil
		put(t, c, "x.m4s", "there")
		wg.Wait()
		requireRead(t, c, "x.m4s", []byte("there"))

		s.onStat = func(ctx context.Context, _ string) error { return late(ctx) }
		for _, key := range []string{"y.m4s", "y.m3u8"} {
			wg.Go(func() {
				_, err := c.Stat(t.Context(), key)
				assert.ErrorIs(t, err, storage.ErrNotExist)
			})
			time.Sleep(400 * time.Millisecond)
			s.set(key, []byte("there"))
			requireRead(t, c, key, []byte("there"))
			wg.Wait()
			assertHit(t, c, key, true)
			assert.Len(t, s.opened(key), 1)
			c.Forget("y") // as if it were evicted
			requireRead(t, c, key, []byte("there"))
		}
		s.onOpen = func(ctx context.Context, _ string, _ storage.OpenOptions) error { return pause(ctx, time.Second) }
		wg.Go(func() { // it ends while the load has not begun to answer
			_, err := c.Stat(t.Context(), "z.m3u8")
			assert.ErrorIs(t, err, storage.ErrNotExist)
		})
		synctest.Wait()
		s.onStat = nil
		s.set("z.m3u8", []byte("there"))
		for range 3 {
			wg.Go(func() { requireRead(t, c, "z.m3u8", []byte("there")) })
			time.Sleep(300 * time.Millisecond)
		}
		wg.Wait()
		assert.Len(t, s.opened("z.m3u8"), 1)
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
