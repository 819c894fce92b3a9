package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
)

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
