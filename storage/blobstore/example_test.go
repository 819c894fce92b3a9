package blobstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func ExampleOpenFile() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "vod")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	store, err := blobstore.OpenFile(dir, &blobstore.Options{Sync: true})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Sweep(ctx, time.Hour); err != nil { // what a killed process left
		log.Fatal(err)
	}

	info, err := store.Put(ctx, "media/42/master.m3u8", strings.NewReader("#EXTM3U\n"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Size, info.ContentType)
	// Output: 8 application/vnd.apple.mpegurl
}

func ExampleNew() {
	ctx := context.Background()
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer store.Close()

	if _, err := store.Put(ctx, "clip.mp4", strings.NewReader("0123456789"), nil); err != nil {
		log.Fatal(err)
	}
	obj, err := store.Open(ctx, "clip.mp4", &storage.OpenOptions{Offset: 3, Length: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer obj.Close()
	part, err := io.ReadAll(obj)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s of %d bytes\n", part, obj.Size)

	_, err = store.Stat(ctx, "other.mp4")
	fmt.Println(errors.Is(err, storage.ErrNotExist))
	// Output:
	// 3456 of 10 bytes
	// true
}

func ExampleOpen() {
	ctx := context.Background()
	store, err := blobstore.Open(ctx, "mem://", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	for _, key := range []string{"media/2/a.m4s", "media/10/a.m4s"} {
		if _, err := store.Put(ctx, key, strings.NewReader("x"), nil); err != nil {
			log.Fatal(err)
		}
	}
	for info, err := range store.List(ctx, "media/") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Key)
	}
	// Output:
	// media/10/a.m4s
	// media/2/a.m4s
}
