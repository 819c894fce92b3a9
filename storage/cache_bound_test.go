package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
)

// All ranges of an object, while it is loaded, when it is there, and when it passes by.
func TestCacheRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 40
		b := content(1, size)
		for name, opts := range map[string]*storage.CacheOptions{"kept": nil, "past": {MaxObject: 1}, "full": {MaxBytes: 1}} {
			s := newOrigin()
			s.onRead = func(context.Context, string, int64) (int, error) { return 7, nil }
			s.set("x", b)
			c := newCache(t, s, opts)
			for offset := int64(-1); offset < size+2; offset++ {
				for length := int64(-1); length < size+2; length++ {
					if (offset+length)%5 == 0 {
						c.Forget("")
					}
					got, err := read(t.Context(), c, "x", &storage.OpenOptions{Offset: offset, Length: length})
					if offset < 0 || length < 0 || offset >= size {
						require.ErrorIs(t, err, storage.ErrRange, "%s: %d+%d", name, offset, length)
						continue
					}
					end := int64(size)
					if length > 0 {
						end = min(end, offset+length)
					}
					require.NoError(t, err)
					require.True(t, bytes.Equal(b[offset:end], got), "%s: %d+%d", name, offset, length)
				}
			}
			_, err := c.Open(t.Context(), "x", &storage.OpenOptions{Offset: 1<<63 - 1, Length: 1<<63 - 1})
			require.ErrorIs(t, err, storage.ErrRange)
			got, err := read(t.Context(), c, "x", &storage.OpenOptions{Offset: 1, Length: 1<<63 - 1})
			require.NoError(t, err)
			assert.Equal(t, b[1:], got)
		}
	})
}

// The least recently used makes room.
func TestCacheEvicts(t *testing.T) {
	s := newOrigin()
	b := content(1, 10_000)
	for i := range 10 {
		s.set(fmt.Sprint(i), b)
	}
	var evicted []string
	c := newCache(t, s, &storage.CacheOptions{MaxBytes: 50_000, MaxObject: 20_000, OnEvent: func(e storage.CacheEvent) {
		if e.Kind == storage.CacheEvicted {
			evicted = append(evicted, e.Key)
			assert.EqualValues(t, len(b), e.Bytes)
		}
	}})
	settled := func() {
		require.Eventually(t, func() bool { return c.Stats().Loading == 0 }, time.Minute, time.Millisecond)
		require.NoError(t, c.CheckAccounts(nil))
	}
	for _, key := range []string{"0", "1", "2", "3", "0", "1", "4", "0", "5", "6"} {
		requireRead(t, c, key, b)
		settled()
	}
	assert.Equal(t, []string{"2", "3", "1"}, evicted)
	assert.EqualValues(t, 3, c.Stats().Evictions)
	assertHit(t, c, "0", true)
	assertHit(t, c, "2", false)
	settled()
}

// Objects that are too large pass by, ranges of them too, and all but the first look at
// their size costs nothing.
func TestCacheLargeObjects(t *testing.T) {
	s := newOrigin()
	b := content(1, 1<<20)
	s.set("film.mp4", b)
	c := newCache(t, s, &storage.CacheOptions{MaxBytes: 1 << 20})
	for i := range 5 {
		o := storage.OpenOptions{Offset: int64(i) * 1000, Length: 100}
		got, err := read(t.Context(), c, "film.mp4", &o)
		require.NoError(t, err)
		assert.Equal(t, b[o.Offset:o.Offset+100], got)
		assert.Equal(t, o, s.opened("film.mp4")[i+1])
	}
	requireRead(t, c, "film.mp4", b)
	assertHit(t, c, "film.mp4", false)
	info, err := c.Stat(t.Context(), "film.mp4")
	require.NoError(t, err)
	assert.EqualValues(t, len(b), info.Size)
	assert.Zero(t, s.asked("film.mp4"))
	assert.EqualValues(t, 7, c.Stats().PassedLarge)
	assert.Less(t, c.Stats().Bytes, int64(2000))
	_, err = c.Open(t.Context(), "film.mp4", &storage.OpenOptions{Offset: 1 << 20})
	require.ErrorIs(t, err, storage.ErrRange)
	put(t, c, "film.mp4", "short")
	requireRead(t, c, "film.mp4", []byte("short"))
	assertHit(t, c, "film.mp4", true)
}

// What slow viewers read stays counted after it was replaced, and what has no room
// beside it passes by until they are done.
func TestCacheFullOfReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOrigin()
		b := content(1, 10_000)
		c := newCache(t, s, &storage.CacheOptions{MaxBytes: 36_000, MaxObject: 20_000})
		var slow []*storage.Object
		for i := range 3 {
			s.set("x", b)
			c.Forget("x")
			obj, err := c.Open(t.Context(), "x", nil)
			require.NoError(t, err)
			slow = append(slow, obj)
			synctest.Wait()
			require.NoError(t, c.CheckAccounts(slow), i)
		}
		s.set("y", b)
		for range 2 {
			requireRead(t, c, "y", b)
			synctest.Wait()
			require.NoError(t, c.CheckAccounts(slow))
		}
		assert.EqualValues(t, 2, c.Stats().PassedNoRoom)
		assert.Zero(t, c.Stats().Evictions)
		assertHit(t, c, "x", true)
		for _, obj := range slow {
			got, err := io.ReadAll(obj)
			require.NoError(t, err)
			assert.Equal(t, b, got)
			require.NoError(t, obj.Close())
		}
		requireRead(t, c, "y", b)
		assertHit(t, c, "y", true)
		synctest.Wait()
		require.NoError(t, c.CheckAccounts(nil))
	})
}

// Whatever happens in whatever order, each Object yields one version whole, and the
// accounts are right after each step.
func TestCacheRandomLoad(t *testing.T) {
	var evictions, past, hits int64
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stats := randomLoad(t, rand.New(rand.NewPCG(seed, 1)))
				evictions += stats.Evictions
				past += min(stats.PassedNoRoom, stats.PassedLarge)
				hits += stats.Hits
			})
		})
	}
	assert.Positive(t, evictions)
	assert.Positive(t, past)
	assert.Positive(t, hits)
}

func randomLoad(t *testing.T, random *rand.Rand) storage.CacheStats {
	s := newOrigin()
	s.onRead = func(context.Context, string, int64) (int, error) {
		if random.IntN(30) == 0 {
			return 0, errCut
		}
		return 1 + random.IntN(5000), nil
	}
	versions := map[string]map[string][]byte{} // by key and ETag
	write := func(key string) {
		b := content(byte(random.IntN(256)), random.IntN(15_000))
		if versions[key] == nil {
			versions[key] = map[string][]byte{}
		}
		versions[key][s.set(key, b).ETag] = b
	}
	c := newCache(t, s, &storage.CacheOptions{MaxBytes: 60_000, MaxObject: 12_000})
	type reading struct {
		obj *storage.Object
		got []byte
	}
	var readings []*reading
	finish := func(i int) {
		require.NoError(t, readings[i].obj.Close())
		readings = append(readings[:i], readings[i+1:]...)
	}
	read := func(r *reading, n int) (more bool) {
		p := make([]byte, n)
		n, err := io.ReadFull(r.obj, p)
		r.got = append(r.got, p[:n]...)
		want := versions[r.obj.Key][r.obj.ETag]
		require.True(t, bytes.HasPrefix(want, r.got), "%q has other bytes", r.obj.Key)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			require.Len(t, r.got, len(want))
			return false
		}
		return err == nil // what passes by fails where it was replaced
	}
	for range 400 {
		key := fmt.Sprintf("%d%s", random.IntN(12), []string{".m4s", ".m3u8"}[random.IntN(2)])
		switch n := random.IntN(20); {
		case n == 0:
			require.NoError(t, c.Delete(t.Context(), key))
		case n == 1:
			c.Forget(key[:1])
		case n == 2:
			time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
		case n < 6:
			write(key)
		case n < 12:
			if obj, err := c.Open(t.Context(), key, nil); err == nil {
				readings = append(readings, &reading{obj: obj})
			} else {
				require.ErrorIs(t, err, storage.ErrNotExist)
			}
		case len(readings) > 0:
			i := random.IntN(len(readings))
			if n == 12 || !read(readings[i], random.IntN(10_000)) {
				finish(i)
			}
		}
		time.Sleep(time.Second) // loads end
		synctest.Wait()
		open := make([]*storage.Object, len(readings))
		for i, r := range readings {
			open[i] = r.obj
		}
		require.NoError(t, c.CheckAccounts(open))
	}
	for len(readings) > 0 {
		finish(0)
	}
	require.NoError(t, c.CheckAccounts(nil))
	c.Forget("")
	assert.Zero(t, c.Stats().Bytes)
	return c.Stats()
}

// The bound holds at every moment, whoever comes, reads slowly, leaves, puts and deletes.
func TestCacheBoundUnderConcurrency(t *testing.T) {
	const bound = 100_000
	s := newOrigin()
	s.onRead = func(context.Context, string, int64) (int, error) { return 3000, nil }
	keys := make([]string, 30)
	for i := range keys {
		keys[i] = fmt.Sprintf("%d.m4s", i)
		s.set(keys[i], content(byte(i), 1000*i))
	}
	c := newCache(t, s, &storage.CacheOptions{MaxBytes: bound, MaxObject: 25_000, MaxAge: time.Millisecond, Backoff: time.Microsecond})
	var wg sync.WaitGroup
	for w := range uint64(16) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(w, 0))
			for range 150 {
				i := random.IntN(len(keys))
				switch random.IntN(20) {
				case 0:
					c.Forget(keys[i])
				case 1:
					_, err := c.Put(t.Context(), keys[i], bytes.NewReader(content(byte(i), 1000*i)), nil)
					assert.NoError(t, err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				obj, err := c.Open(ctx, keys[i], nil)
				if assert.NoError(t, err) {
					if random.IntN(3) == 0 {
						cancel()
					}
					got, err := io.ReadAll(obj)
					if ctx.Err() == nil && assert.NoError(t, err) {
						assert.True(t, bytes.Equal(content(byte(i), 1000*i), got))
					}
					assert.LessOrEqual(t, c.Stats().Bytes, int64(bound))
					assert.NoError(t, obj.Close())
				}
				cancel()
			}
		})
	}
	wg.Wait()
	require.Eventually(t, func() bool { return c.Stats().Loading == 0 }, time.Minute, time.Millisecond)
	require.NoError(t, c.CheckAccounts(nil))
}
