package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

var errCut = errors.New("the connection was cut")

// cutting is an origin whose first bodies break off at these offsets; replaced is called
// when one does.
func cutting(replaced func(s *origin), offsets ...int64) *origin {
	s := newOrigin()
	s.onRead = func(_ context.Context, _ string, at int64) (int, error) {
		switch {
		case len(offsets) == 0:
			return 1 << 20, nil
		case at == offsets[0]:
			offsets = offsets[1:]
			if replaced != nil {
				replaced(s)
			}
			return 0, errCut
		}
		return int(offsets[0] - at), nil
	}
	return s
}

func TestCacheResumes(t *testing.T) {
	for _, opts := range []*storage.CacheOptions{nil, {MaxObject: 1}} {
		synctest.Test(t, func(t *testing.T) {
			first := int64(0)
			if opts == nil {
				first = 100 // else the look at the size is cut instead
			}
			s := cutting(nil, first, 400, 400, 999)
			b := content(1, 1000)
			info := s.set("x", b)
			c := newCache(t, s, opts)
			requireRead(t, c, "x", b)
			opens := s.opened("x")
			if opts != nil {
				opens = opens[1:]
			}
			assert.Equal(t, []storage.OpenOptions{
				{}, {Offset: first, IfMatch: info.ETag}, {Offset: 400, IfMatch: info.ETag}, {Offset: 400, IfMatch: info.ETag}, {Offset: 999, IfMatch: info.ETag},
			}, opens)
			assert.EqualValues(t, 4, c.Stats().Retries)
		})
	}
}

// A range that passes by is resumed within the range.
func TestCacheResumesRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cutting(nil, 300, 450)
		b := content(1, 1000)
		info := s.set("x", b)
		c := newCache(t, s, &storage.CacheOptions{MaxObject: 1})
		got, err := read(t.Context(), c, "x", &storage.OpenOptions{Offset: 200, Length: 300})
		require.NoError(t, err)
		assert.Equal(t, b[200:500], got)
		assert.Equal(t, []storage.OpenOptions{
			{}, {Offset: 200, Length: 300}, {Offset: 300, Length: 200, IfMatch: info.ETag}, {Offset: 450, Length: 50, IfMatch: info.ETag},
		}, s.opened("x"))
	})
}

// An object that is replaced before its first byte is loaded anew; after that the load
// fails rather than mix two versions.
func TestCacheReplacedDuringLoad(t *testing.T) {
	newer := content(2, 1500)
	replace := func(s *origin) { s.set("x", newer) }
	synctest.Test(t, func(t *testing.T) {
		s := cutting(replace, 0)
		s.set("x", content(1, 1000))
		c := newCache(t, s, nil)
		requireRead(t, c, "x", newer)
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
	})
	synctest.Test(t, func(t *testing.T) {
		s := cutting(replace, 700)
		s.set("x", content(1, 1000))
		c := newCache(t, s, nil)
		got, err := read(t.Context(), c, "x", nil)
		require.ErrorIs(t, err, storage.ErrPrecondition)
		require.ErrorContains(t, err, `read "x"`)
		assert.Equal(t, content(1, 700), got)
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
		requireRead(t, c, "x", newer)
	})
	synctest.Test(t, func(t *testing.T) { // deleted
		s := cutting(func(s *origin) { assert.NoError(t, s.Delete(t.Context(), "x")) }, 700)
		s.set("x", content(1, 1000))
		c := newCache(t, s, nil)
		_, err := read(t.Context(), c, "x", nil)
		require.ErrorIs(t, err, storage.ErrNotExist)
	})
}

// shortStore gives fewer bytes than its Infos say, or none.
type shortStore struct{ *origin }

func (s shortStore) Open(ctx context.Context, key string, o *storage.OpenOptions) (*storage.Object, error) {
	obj, err := s.origin.Open(ctx, key, o)
	if err == nil {
		obj.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(obj.Body, 10), obj.Body}
	}
	return obj, err
}

func TestCacheOfShortBodies(t *testing.T) {
	s := shortStore{newOrigin()}
	b := content(1, 95)
	s.set("x", b)
	c := newCache(t, s, &storage.CacheOptions{Backoff: -1})
	requireRead(t, c, "x", b)
	assert.Len(t, s.opened("x"), 10)
}

func TestCacheGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		s.set("x", content(1, 1000))
		calls := 0
		s.onOpen = func(context.Context, string, storage.OpenOptions) error { calls++; return errCut }
		s.onStat = func(context.Context, string) error { calls++; return errCut }
		var events []storage.CacheEvent
		c := newCache(t, s, &storage.CacheOptions{Retries: 2, OnEvent: func(e storage.CacheEvent) { events = append(events, e) }})
		start := time.Now()
		_, err := c.Open(t.Context(), "x", nil)
		require.ErrorIs(t, err, errCut)
		assert.Equal(t, 3, calls)
		assert.GreaterOrEqual(t, time.Since(start), 150*time.Millisecond)
		assert.LessOrEqual(t, time.Since(start), 300*time.Millisecond)
		require.Len(t, events, 3)
		assert.Equal(t, storage.CacheRetried, events[0].Kind)
		assert.Equal(t, storage.CacheLoaded, events[2].Kind)
		require.ErrorIs(t, events[2].Err, errCut)
		_, err = c.Stat(t.Context(), "x")
		require.ErrorIs(t, err, errCut)
		assert.Equal(t, 6, calls)

		s.onOpen = nil // a failure is not remembered
		requireRead(t, c, "x", content(1, 1000))
	})
}

func TestCacheDoesNotRetryVerdicts(t *testing.T) {
	for _, verdict := range []error{storage.ErrNotExist, fs.ErrPermission, storage.ErrPrecondition, fs.ErrClosed, errors.ErrUnsupported} {
		s := newOrigin()
		calls := 0
		s.onOpen = func(context.Context, string, storage.OpenOptions) error {
			calls++
			return fmt.Errorf("no: %w", verdict)
		}
		c := newCache(t, s, nil)
		_, err := c.Open(t.Context(), "x", nil)
		require.ErrorIs(t, err, verdict)
		assert.Equal(t, 1, calls)
	}
}

// A request that brings nothing is ended and made again, and does not look as if the
// viewer had left.
func TestCacheStalls(t *testing.T) {
	for _, where := range []string{"open", "read", "stat"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := content(1, 1000)
				s := newOrigin()
				s.set("x", b)
				var stalls, limit atomic.Int64
				limit.Store(1)
				stall := func(ctx context.Context, here string) error {
					if here == where && stalls.Add(1) <= limit.Load() {
						<-ctx.Done()
						return fmt.Errorf("http: %w", ctx.Err())
					}
					return nil
				}
				s.onOpen = func(ctx context.Context, _ string, _ storage.OpenOptions) error { return stall(ctx, "open") }
				s.onRead = func(ctx context.Context, _ string, at int64) (int, error) {
					if at == 0 {
						return 500, nil
					}
					return 500, stall(ctx, "read")
				}
				s.onStat = func(ctx context.Context, _ string) error { return stall(ctx, "stat") }
				c := newCache(t, s, nil)
				start := time.Now()
				_, err := c.Stat(t.Context(), "x")
				require.NoError(t, err)
				requireRead(t, c, "x", b)
				assert.InDelta(t, 10, time.Since(start).Seconds(), 0.2)

				c.Forget("")
				limit.Store(1000)
				_, err = c.Stat(t.Context(), "x")
				if err == nil {
					_, err = read(t.Context(), c, "x", nil)
				}
				require.ErrorContains(t, err, "StallTimeout")
				assert.NotErrorIs(t, err, context.Canceled)
			})
		})
	}
}

// A viewer of an object that passes by may take his time: only the origin is timed.
func TestCacheSlowViewerDoesNotStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		b := content(1, 1000)
		s.set("x", b)
		s.onRead = func(context.Context, string, int64) (int, error) { return 200, nil }
		c := newCache(t, s, &storage.CacheOptions{MaxObject: 1})
		obj, err := c.Open(t.Context(), "x", nil)
		require.NoError(t, err)
		defer obj.Close()
		var got []byte
		for range 5 {
			time.Sleep(time.Hour)
			p := make([]byte, 200)
			n, err := obj.Read(p)
			require.NoError(t, err)
			got = append(got, p[:n]...)
		}
		assert.Equal(t, b, got)
		assert.Zero(t, c.Stats().Retries)
	})
}

// A load that would take for ever is ended.
func TestCacheLoadTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		s.set("x", content(1, 1000))
		s.onRead = func(ctx context.Context, _ string, _ int64) (int, error) { return 1, pause(ctx, time.Second) }
		c := newCache(t, s, &storage.CacheOptions{LoadTimeout: time.Minute})
		got, err := read(t.Context(), c, "x", nil)
		require.ErrorContains(t, err, "LoadTimeout")
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, context.Canceled)
		assert.InDelta(t, 60, len(got), 1)
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
	})
}

// Put and Delete during a load: who comes later does not get what was loaded, who reads
// it reads on, and what nobody reads is not loaded to its end.
func TestCacheDeleteDuringLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow(1000)
		b := content(1, 10_000)
		s.set("x", b)
		c := newCache(t, s, nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := read(t.Context(), c, "x", nil)
			assert.NoError(t, err)
			assert.Equal(t, b, got)
		})
		time.Sleep(255 * time.Millisecond)
		require.NoError(t, c.Delete(t.Context(), "x"))
		_, err := c.Stat(t.Context(), "x")
		require.ErrorIs(t, err, storage.ErrNotExist)
		_, err = c.Open(t.Context(), "x", nil)
		require.ErrorIs(t, err, storage.ErrNotExist)
		wg.Wait()
		_, err = c.Open(t.Context(), "x", nil)
		require.ErrorIs(t, err, storage.ErrNotExist)

		newer := content(2, 20_000)
		put(t, c, "x", string(newer))
		requireRead(t, c, "x", newer)
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
	})
	synctest.Test(t, func(t *testing.T) {
		s := slow(1)
		s.set("x", content(1, 10_000))
		c := newCache(t, s, nil)
		obj, err := c.Open(t.Context(), "x", nil)
		require.NoError(t, err)
		require.NoError(t, c.Delete(t.Context(), "x"))
		assert.EqualValues(t, 1, c.Stats().Loading)
		require.NoError(t, obj.Close())
		synctest.Wait()
		assert.Zero(t, c.Stats().Loading)
		assert.Zero(t, c.Stats().Bytes)
	})
	synctest.Test(t, func(t *testing.T) { // before the origin has answered
		s := slow(1000)
		s.set("x", content(1, 1000))
		c := newCache(t, s, nil)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = read(t.Context(), c, "x", nil) })
		time.Sleep(100 * time.Millisecond)
		newer := content(2, 1000)
		put(t, c, "x", string(newer))
		requireRead(t, c, "x", newer)
		wg.Wait()
		requireRead(t, c, "x", newer)
	})
}
