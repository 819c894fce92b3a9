package main

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/presign"
)

// newDirect returns what makes the URLs of uploads that go straight to the bucket, and, for
// folders and memory, what answers them here.
func newDirect(store storage.Store, c config) (http.Handler, storage.Presigner, error) {
	if remote(c.bucket) {
		return nil, storage.NewPutPresigner(store, nil), nil
	}
	secret := sha256.Sum256([]byte(c.secret))
	if c.secret == "" {
		_, _ = rand.Read(secret[:]) // never fails
	}
	h, err := presign.New(store, "/direct", [][]byte{secret[:]}, nil)
	return h, h, err
}

// remote says whether -bucket is a service that clients reach themselves.
func remote(bucket string) bool {
	scheme, _, isURL := strings.Cut(bucket, "://")
	return isURL && scheme != "file" && scheme != "mem"
}
