package storage_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// Viewers read through a Cache; the pipeline that writes uses the store itself.
func ExampleNewCache() {
	ctx := context.Background()
	remote := blobstore.New(memblob.OpenBucket(nil), nil)
	defer remote.Close()
	cache := storage.NewCache(remote, &storage.CacheOptions{MaxBytes: 1 << 30})
	defer cache.Close() // before the store that it reads from

	if _, err := remote.Put(ctx, "media/42/0-0f.m4s", strings.NewReader("a segment"), nil); err != nil {
		log.Fatal(err)
	}
	for range 3 { // http.Handle("/media/", … hls.NewHandler(cache, nil)) does this
		obj, err := cache.Open(ctx, "media/42/0-0f.m4s", nil)
		if err != nil {
			log.Fatal(err)
		}
		b, err := io.ReadAll(obj)
		if err != nil {
			log.Fatal(err)
		}
		hit, _ := storage.CacheHit(obj)
		fmt.Printf("%s, hit: %v\n", b, hit)
		_ = obj.Close()
	}
	stats := cache.Stats()
	fmt.Println("loads:", stats.Loads, "hits:", stats.Hits)
	// Output:
	// a segment, hit: false
	// a segment, hit: true
	// a segment, hit: true
	// loads: 1 hits: 2
}
