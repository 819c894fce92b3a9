package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vodkit/vodkit/storage/blobstore"
)

// openBucket opens what -bucket names: a URL, a folder, or "" for the default. It
// returns a name for people as well.
func openBucket(ctx context.Context, bucket string) (*blobstore.Store, string, error) {
	if bucket == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, "", fmt.Errorf("there is no cache folder to keep videos in, say where with -bucket: %w", err)
		}
		bucket = filepath.Join(cache, "vodkit-demo")
	}
	if !strings.Contains(bucket, "://") {
		store, err := blobstore.OpenFile(bucket, nil)
		return store, bucket, err
	}
	store, err := blobstore.Open(ctx, bucket, nil)
	if err != nil {
		scheme, _, _ := strings.Cut(bucket, "://")
		switch scheme {
		case "gs", "azblob":
			err = fmt.Errorf("%w\nThis program may have been built without that driver: build it with -tags gcs,azure", err)
		}
		return nil, "", err
	}
	name, _, _ := strings.Cut(bucket, "?") // the rest may hold credentials
	return store, name, nil
}
