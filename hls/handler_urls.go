package hls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// BaseURL returns a HandlerOptions.MediaURL for a CDN, or a bucket's website, that has the
// bucket's objects below base: an object's key is put behind it, and a slash between.
// base is absolute, such as "https://cdn.example.com/videos".
func BaseURL(base string) (func(ctx context.Context, key string, lifetime time.Duration) (string, error), error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("hls: %q is no base URL: write something like https://cdn.example.com/videos", base)
	}
	base = strings.TrimRight(u.String(), "/") + "/"
	return func(_ context.Context, key string, _ time.Duration) (string, error) {
		return base + (&url.URL{Path: key}).EscapedPath(), nil
	}, nil
}

// PresignedURLs returns a HandlerOptions.MediaURL that has players fetch media from the
// bucket itself, by URLs that are signed for as long as they are needed (see
// storage.SignedURL). It fails where the store can't sign; S3 signs for a week at most,
// which is a video of some 80 hours.
func PresignedURLs(store storage.Store) (func(ctx context.Context, key string, lifetime time.Duration) (string, error), error) {
	if _, err := storage.SignedURL(context.Background(), store, "media", nil); errors.Is(err, errors.ErrUnsupported) {
		return nil, fmt.Errorf("hls: pre-signed URLs: %w", err)
	}
	return func(ctx context.Context, key string, lifetime time.Duration) (string, error) {
		return storage.SignedURL(ctx, store, key, &storage.SignedURLOptions{Method: http.MethodGet, Expiry: lifetime})
	}, nil
}
