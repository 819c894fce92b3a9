package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/storage"
)

// slow is an origin that takes 200 ms to answer and then sends chunk bytes every 10 ms.
func slow(chunk int) *origin {
	s := newOrigin()
	s.onOpen = func(ctx context.Context, _ string, _ storage.OpenOptions) error {
		return pause(ctx, 200*time.Millisecond)
	}
	s.onStat = func(ctx context.Context, _ string) error { return pause(ctx, 200*time.Millisecond) }
	s.onRead = func(ctx context.Context, _ string, _ int64) (int, error) {
		return chunk, pause(ctx, 10*time.Millisecond)
	}
	return s
}

func TestCacheCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const viewers = 1000
		s := slow(10_000)
		b := content(1, 100_000)
		s.set("seg.m4s", b)
		c := newCache(t, s, nil)
		var hits atomic.Int64
		var wg sync.WaitGroup
		for v := range viewers {
			wg.Go(func() {
				o := storage.OpenOptions{Offset: int64(v%7) * 1000}
				obj, err := c.Open(t.Context(), "seg.m4s", &o)
				if !assert.NoError(t, err) {
					return
				}
				defer obj.Close()
				if hit, _ := storage.CacheHit(obj); hit {
					hits.Add(1)
				}
				got, err := io.ReadAll(obj)
				assert.NoError(t, err)
				assert.True(t, bytes.Equal(b[o.Offset:], got))
			})
		}
		wg.Wait()
		assert.Len(t, s.opened("seg.m4s"), 1)
		assert.Zero(t, s.asked("seg.m4s"))
		assert.EqualValues(t, viewers-1, hits.Load())
		stats := c.Stats()
		assert.EqualValues(t, viewers-1, stats.Hits)
		assert.EqualValues(t, 1, stats.Misses)
		assert.EqualValues(t, 1, stats.Loads)
		assert.EqualValues(t, len(b), stats.LoadedBytes)
		assert.EqualValues(t, 1, stats.Entries)
		assert.Equal(t, stats.Bytes, stats.IdleBytes)
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
	})
}

// A viewer gets the first bytes while the origin is still sending.
func TestCacheSendsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow(1000)
		b := content(1, 10_000)
		s.set("x", b)
		c := newCache(t, s, nil)
		start := time.Now()
		obj, err := c.Open(t.Context(), "x", nil)
		require.NoError(t, err)
		defer obj.Close()
		assert.EqualValues(t, len(b), obj.Size)
		got := make([]byte, len(b))
		n, err := obj.Read(got)
		require.NoError(t, err)
		assert.Equal(t, 1000, n)
		assert.Equal(t, 210*time.Millisecond, time.Since(start))

		// One who comes later has that at once, and the rest as it arrives.
		later, err := c.Open(t.Context(), "x", &storage.OpenOptions{Offset: 500, Length: 1500})
		require.NoError(t, err)
		defer later.Close()
		n, err = later.Read(got)
		require.NoError(t, err)
		assert.Equal(t, 500, n)
		assert.Equal(t, 210*time.Millisecond, time.Since(start))
		rest, err := io.ReadAll(later)
		require.NoError(t, err)
		assert.Equal(t, b[1000:2000], rest)
		assert.Equal(t, 220*time.Millisecond, time.Since(start))
		var all bytes.Buffer
		_, err = io.Copy(&all, obj.Body)
		require.NoError(t, err)
		assert.Equal(t, b[1000:], all.Bytes())
	})
}

// Whoever leaves, and whenever, the others get it all with one request.
func TestCacheViewersLeave(t *testing.T) {
	for _, after := range []time.Duration{0, 100 * time.Millisecond, 215 * time.Millisecond, 255 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := slow(1000)
				b := content(1, 10_000)
				s.set("x", b)
				c := newCache(t, s, nil)
				first, leave := context.WithCancel(t.Context())
				defer leave()
				var wg sync.WaitGroup
				wg.Go(func() { // it starts the load
					_, err := read(first, c, "x", nil)
					assert.ErrorIs(t, err, context.Canceled)
				})
				synctest.Wait()
				for v := range 20 {
					wg.Go(func() {
						if v%2 == 1 {
							ctx, cancel := context.WithTimeout(t.Context(), after+time.Duration(v)*time.Millisecond)
							defer cancel()
							_, err := read(ctx, c, "x", nil)
							assert.ErrorIs(t, err, context.DeadlineExceeded)
							return
						}
						got, err := read(t.Context(), c, "x", nil)
						assert.NoError(t, err)
						assert.True(t, bytes.Equal(b, got))
					})
				}
				time.Sleep(after)
				leave()
				wg.Wait()
				assert.Len(t, s.opened("x"), 1)
				synctest.Wait()
				require.NoError(t, c.CheckAccounts(nil))
			})
		})
	}
}

// What was loaded for a viewer who left is there for the next one.
func TestCacheLoadOutlivesViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow(1000)
		b := content(1, 10_000)
		s.set("x", b)
		c := newCache(t, s, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := c.Open(ctx, "x", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Second)
		start := time.Now()
		assertHit(t, c, "x", true)
		requireRead(t, c, "x", b)
		assert.Equal(t, start, time.Now())
		assert.Len(t, s.opened("x"), 1)
	})
}

func TestCacheClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow(1000)
		c := storage.NewCache(s, nil)
		b := content(1, 10_000)
		for i := range 5 {
			s.set(fmt.Sprint(i), b)
		}
		requireRead(t, c, "0", b)
		whole, err := c.Open(t.Context(), "0", nil)
		require.NoError(t, err)
		partial, err := c.Open(t.Context(), "1", nil)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := 2; i < 5; i++ {
			wg.Go(func() {
				_, err := c.Open(t.Context(), fmt.Sprint(i), nil)
				assert.ErrorIs(t, err, fs.ErrClosed)
			})
		}
		wg.Go(func() {
			_, err := c.Stat(t.Context(), "5")
			assert.ErrorIs(t, err, fs.ErrClosed)
		})
		synctest.Wait()
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
		wg.Wait()
		got, err := io.ReadAll(whole)
		require.NoError(t, err)
		assert.Equal(t, b, got)
		_, err = io.ReadAll(partial)
		require.ErrorIs(t, err, fs.ErrClosed)
		require.NoError(t, whole.Close())
		require.NoError(t, partial.Close())
		assert.Zero(t, c.Stats().Bytes)
		assert.Zero(t, c.Stats().Loading)

		_, err = c.Open(t.Context(), "0", nil)
		require.ErrorIs(t, err, fs.ErrClosed)
		_, err = c.Stat(t.Context(), "0")
		require.ErrorIs(t, err, fs.ErrClosed)
		require.ErrorIs(t, c.Delete(t.Context(), "0"), fs.ErrClosed)
		for _, err := range c.List(t.Context(), "") {
			require.NoError(t, err, "List is the origin's")
		}
	})
}

// What is in memory can be taken as it lies there (package internal/deliver does).
func TestCacheUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow(1000)
		b := content(1, 3000)
		s.set("x", b)
		c := newCache(t, s, nil)
		ctx, cancel := context.WithCancel(t.Context())
		obj, err := c.Open(ctx, "x", &storage.OpenOptions{Offset: 100, Length: 1500})
		require.NoError(t, err)
		body, ok := obj.Body.(deliver.Bytes)
		require.True(t, ok)
		assert.Nil(t, body.Unread())
		_, err = io.ReadFull(obj, make([]byte, 200))
		require.NoError(t, err)
		time.Sleep(15 * time.Millisecond)
		assert.True(t, bytes.Equal(b[300:1600], body.Unread()))
		cancel()
		assert.Nil(t, body.Unread())
		require.NoError(t, obj.Close())
		assert.Nil(t, body.Unread())
	})
}

// A viewer's own end has nothing to do with Close, and an Object is closed once.
func TestCacheObjectClosed(t *testing.T) {
	s := newOrigin()
	s.set("x", content(1, 1000))
	c := newCache(t, s, nil)
	obj, err := c.Open(t.Context(), "x", nil)
	require.NoError(t, err)
	require.NoError(t, obj.Close())
	require.NoError(t, obj.Close())
	_, err = obj.Read(make([]byte, 1))
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = io.Copy(io.Discard, obj.Body)
	require.ErrorIs(t, err, fs.ErrClosed)
	require.Eventually(t, func() bool { return c.Stats().Loading == 0 }, time.Minute, time.Millisecond)
	require.NoError(t, c.CheckAccounts(nil))
	failing := errors.New("the socket is gone")
	obj, err = c.Open(t.Context(), "x", nil)
	require.NoError(t, err)
	defer obj.Close()
	_, err = io.Copy(writeFunc(func(p []byte) (int, error) { return 10, failing }), obj.Body)
	require.ErrorIs(t, err, failing)
}

type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// A slow origin that fails in one of twenty requests and reads is a slow origin.
func TestCacheHidesFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		failed := 0
		// What happens to a key does not depend on what happens to others meanwhile.
		random := map[string]*rand.Rand{}
		fail := func(op, key string) error {
			mu.Lock()
			defer mu.Unlock()
			r := random[op+key]
			if r == nil {
				r = rand.New(rand.NewChaCha8(sha256.Sum256([]byte(op + key))))
				random[op+key] = r
			}
			if r.IntN(20) > 0 {
				return nil
			}
			failed++
			return errors.New("503 slow down")
		}
		s := newOrigin()
		s.onOpen = func(ctx context.Context, key string, _ storage.OpenOptions) error {
			return errors.Join(pause(ctx, 200*time.Millisecond), fail("open", key))
		}
		s.onRead = func(_ context.Context, key string, _ int64) (int, error) { return 10_000, fail("read", key) }
		s.onStat = func(_ context.Context, key string) error { return fail("stat", key) }
		c := newCache(t, s, nil)
		var wg sync.WaitGroup
		for i := range 50 {
			key := fmt.Sprintf("media/%d.m4s", i)
			b := content(byte(i), 100_000)
			s.set(key, b)
			for range 10 {
				wg.Go(func() {
					got, err := read(t.Context(), c, key, nil)
					assert.NoError(t, err)
					assert.True(t, bytes.Equal(b, got))
					info, err := c.Stat(t.Context(), key)
					assert.NoError(t, err)
					assert.EqualValues(t, len(b), info.Size)
				})
			}
		}
		wg.Wait()
		assert.Greater(t, failed, 20)
		assert.EqualValues(t, failed, c.Stats().Retries)
		assert.Zero(t, c.Stats().LoadErrors)
		// Objects that pass by are retried, too.
		big := newCache(t, s, &storage.CacheOptions{MaxObject: 1000})
		for i := range 20 {
			requireRead(t, big, fmt.Sprintf("media/%d.m4s", i), content(byte(i), 100_000))
		}
		assert.Positive(t, big.Stats().Retries)
	})
}
