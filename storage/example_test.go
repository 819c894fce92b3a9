package storage_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func ExamplePrefix() {
	ctx := context.Background()
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer store.Close()

	tenant := storage.Prefix(store, "tenant/7")
	if _, err := tenant.Put(ctx, "clip.mp4", strings.NewReader("…"), nil); err != nil {
		log.Fatal(err)
	}
	for info, err := range store.List(ctx, "") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Key)
	}
	// Output: tenant/7/clip.mp4
}

func ExampleSignedURL() {
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer store.Close()

	_, err := storage.SignedURL(context.Background(), store, "clip.mp4", nil)
	if errors.Is(err, errors.ErrUnsupported) {
		fmt.Println("memory has no URLs: serve the object yourself")
	}
	// Output: memory has no URLs: serve the object yourself
}

func ExampleCheckKey() {
	fmt.Println(storage.CheckKey("media/42/master.m3u8"))
	fmt.Println(storage.CheckKey("../passwd"))
	// Output:
	// <nil>
	// invalid storage key "../passwd": an element is ".."
}
