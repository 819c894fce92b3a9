package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// DefaultExpiry is how long a signed URL holds when nothing else is asked for.
const DefaultExpiry = time.Hour

// SignedURLOptions say what a signed URL allows.
type SignedURLOptions struct {
	// Method is what the URL can be used for: GET, PUT or DELETE. Defaults to GET.
	Method string
	// Expiry is how long the URL holds. Defaults to DefaultExpiry.
	Expiry time.Duration
	// ContentType is the Content-Type that a PUT must carry. Many stores can't bind it and
	// then SignedURL fails with errors.ErrUnsupported. Defaults to "", any.
	ContentType string
}

// URLSigner is the power behind [SignedURL]. A Store that has it implements it, a
// decorator forwards it to the Store inside by calling SignedURL.
type URLSigner interface {
	// SignedURL gets a key that CheckKey accepts, and options with nothing left to
	// default. It fails with errors.ErrUnsupported where it can't sign what is asked for.
	SignedURL(ctx context.Context, key string, opts *SignedURLOptions) (string, error)
}

// SignedURL makes a URL by which anyone may read, write or delete the object for a
// while, without further credentials. The object need not exist. Nil opts mean defaults.
// The error matches [errors.ErrUnsupported] where store can't do it (memory, a folder
// without a signer) and [ErrInvalidKey] where the key is not allowed.
func SignedURL(ctx context.Context, store Store, key string, opts *SignedURLOptions) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	var o SignedURLOptions
	if opts != nil {
		o = *opts
	}
	switch o.Method {
	case "":
		o.Method = http.MethodGet
	case http.MethodGet, http.MethodPut, http.MethodDelete:
	default:
		return "", fmt.Errorf("sign %q: method %q: %w", key, o.Method, errors.ErrUnsupported)
	}
	if o.Expiry < 0 {
		return "", fmt.Errorf("sign %q: the expiry %v is negative", key, o.Expiry)
	}
	if o.Expiry == 0 {
		o.Expiry = DefaultExpiry
	}
	if o.ContentType != "" && o.Method != http.MethodPut {
		return "", fmt.Errorf("sign %q: a %s has no content type to bind", key, o.Method)
	}
	signer, ok := store.(URLSigner)
	if !ok {
		return "", fmt.Errorf("sign %q: %w", key, errors.ErrUnsupported)
	}
	return signer.SignedURL(ctx, key, &o)
}
