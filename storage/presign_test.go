package storage_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/storagetest"
)

// signingStore signs URLs that it takes itself, as S3's portable API does: for a PUT of any
// size and type.
type signingStore struct {
	storage.Store
	signed []storage.SignedURLOptions
}

func (s *signingStore) SignedURL(_ context.Context, key string, o *storage.SignedURLOptions) (string, error) {
	if o.ContentType != "" {
		return "", errors.ErrUnsupported
	}
	s.signed = append(s.signed, *o)
	return "/" + key + "?signature=" + o.Method, nil
}

func (s *signingStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	if r.Method != r.URL.Query().Get("signature") || strings.Contains(key, "other") {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if _, err := s.Put(r.Context(), key, r.Body, nil); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func TestPutPresigner(t *testing.T) {
	storagetest.RunPresigner(t, func(t *testing.T) storagetest.PresignerTest {
		mem := blobstore.New(memblob.OpenBucket(nil), nil)
		t.Cleanup(func() { _ = mem.Close() })
		s := &signingStore{Store: mem}
		return storagetest.PresignerTest{
			Presigner: storage.NewPutPresigner(s, nil), Another: storage.NewPutPresigner(s, nil), Store: s, Handler: s,
			PartSize: 1000, OnePart: true, Unbound: true,
		}
	})
}

func TestPutPresignerOptions(t *testing.T) {
	mem := blobstore.New(memblob.OpenBucket(nil), nil)
	defer mem.Close()
	s := &signingStore{Store: mem}
	_, err := storage.NewPutPresigner(s, nil).Presign(t.Context(), "a", &storage.PresignOptions{Size: 5<<30 + 1})
	require.ErrorIs(t, err, storage.ErrTooLarge)
	p := storage.NewPutPresigner(storage.Prefix(s, "tenant"), &storage.PutPresignerOptions{
		MaxSize: 10, Header: http.Header{"X-Ms-Blob-Type": {"BlockBlob"}},
	})
	_, err = p.Presign(t.Context(), "a", &storage.PresignOptions{Size: 11})
	require.ErrorIs(t, err, storage.ErrTooLarge)
	signed, err := p.Presign(t.Context(), "a", &storage.PresignOptions{Size: 10, ContentType: "video/mp4", Expiry: time.Minute})
	require.NoError(t, err)
	assert.Equal(t, http.Header{"X-Ms-Blob-Type": {"BlockBlob"}, "Content-Type": {"video/mp4"}}, signed.Parts[0].Header)
	assert.Equal(t, "/tenant/a0000000000000000?signature=PUT", signed.Parts[0].URL)
	assert.Equal(t, []storage.SignedURLOptions{{Method: "PUT", Expiry: time.Minute}}, s.signed)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "PUT", signed.Parts[0].URL, io.LimitReader(strings.NewReader("0123456789"), 10)))
	require.Equal(t, http.StatusOK, w.Code)
	objects, err := p.Complete(t.Context(), "a", signed.State)
	require.NoError(t, err)
	assert.Equal(t, "a0000000000000000", objects[0].Key)
	_, err = storage.NewPutPresigner(mem, nil).Presign(t.Context(), "a", &storage.PresignOptions{Size: 1})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestMissingPartsError(t *testing.T) {
	many := make([]int, 30)
	for i := range many {
		many[i] = i + 1
	}
	for want, err := range map[string]*storage.MissingPartsError{
		"part 1 of 1 is missing":       {Numbers: []int{1}, Total: 1},
		"part 7 of 9 is missing":       {Numbers: []int{7}, Total: 9},
		"parts 2, 7 of 9 are missing":  {Numbers: []int{2, 7}, Total: 9},
		"none of the 2 parts has come": {Numbers: []int{1, 2}, Total: 2},
		"parts 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 and 10 more of 40 are missing": {Numbers: many, Total: 40},
	} {
		assert.Equal(t, want, err.Error())
	}
}
