package storage_test

import (
	"fmt"
	"testing"

	"github.com/vodkit/vodkit/storage"
)

// What the Cache itself takes of a request for what it has.
func BenchmarkCacheHit(b *testing.B) {
	s := newOrigin()
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("media/42/1/v720/%d-0f.m4s", i)
		s.set(keys[i], content(1, 10_000))
	}
	c := storage.NewCache(s, nil)
	defer c.Close()
	for _, key := range keys {
		if _, err := read(b.Context(), c, key, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			obj, err := c.Open(b.Context(), keys[i%len(keys)], nil)
			if err != nil {
				b.Error(err)
				return
			}
			_ = obj.Close()
		}
	})
	if n := c.Stats().Loads; n != int64(len(keys)) {
		b.Errorf("%d loads", n)
	}
}
