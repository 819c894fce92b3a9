package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/s3blob"

	"github.com/vodkit/vodkit/internal/s3test/gateway"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/storagetest"
)

var buckets atomic.Int64

// newBucket makes a bucket on the server and returns its name.
func newBucket(t *testing.T) string {
	t.Helper()
	if serverURL == "" {
		t.Skip("VERSITYGW names no S3 server; make test-s3 builds one")
	}
	name := fmt.Sprintf("bucket-%d", buckets.Add(1))
	_, err := client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)})
	require.NoError(t, err)
	return name
}

func open(t *testing.T, opts *blobstore.Options) (s *blobstore.Store, bucket string) {
	t.Helper()
	bucket = newBucket(t)
	b, err := s3blob.OpenBucket(t.Context(), client(), bucket, nil)
	require.NoError(t, err)
	s = blobstore.New(b, opts)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, bucket
}

func TestSuite(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		s, _ := open(t, &blobstore.Options{ETag: gateway.ETag})
		return s
	}, storagetest.FolderKeys())
}

// Without Options.ETag, as anyone would start.
func TestSuiteDefaults(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		s, _ := open(t, nil)
		return s
	}, storagetest.FolderKeys(), storagetest.LargeSize(17<<20))
}

func TestURL(t *testing.T) {
	bucket := newBucket(t)
	t.Setenv("AWS_ACCESS_KEY_ID", gateway.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", gateway.SecretKey)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	query := url.Values{"endpoint": {serverURL}, "use_path_style": {"true"}, "region": {gateway.Region}}
	s, err := blobstore.Open(t.Context(), "s3://"+bucket+"?"+query.Encode(), nil)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Put(t.Context(), "a/b.txt", strings.NewReader("hello"), nil)
	require.NoError(t, err)
	info, err := s.Stat(t.Context(), "a/b.txt")
	require.NoError(t, err)
	assert.Equal(t, int64(5), info.Size)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestCacheControl(t *testing.T) {
	s, bucket := open(t, nil)
	_, err := s.Put(t.Context(), "seg.m4s", strings.NewReader("x"), &storage.PutOptions{CacheControl: "public, max-age=31536000, immutable"})
	require.NoError(t, err)
	head, err := client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("seg.m4s")})
	require.NoError(t, err)
	assert.Equal(t, "public, max-age=31536000, immutable", aws.ToString(head.CacheControl))
	assert.Equal(t, "video/iso.segment", aws.ToString(head.ContentType))
}

func TestSignedURL(t *testing.T) {
	plain, _ := open(t, nil)
	s := storage.Prefix(plain, "tenant one")
	const key = "source/vidéo 100%.mp4"
	put, err := storage.SignedURL(t.Context(), s, key, &storage.SignedURLOptions{Method: http.MethodPut, Expiry: time.Minute})
	require.NoError(t, err)
	status, _ := do(t, http.MethodGet, put, "")
	assert.Equal(t, http.StatusForbidden, status, "a URL for PUT must not serve GET")
	status, body := do(t, http.MethodPut, put, "the bytes")
	require.Equal(t, http.StatusOK, status, body)

	info, err := plain.Stat(t.Context(), "tenant one/"+key)
	require.NoError(t, err)
	assert.Equal(t, int64(len("the bytes")), info.Size)

	get, err := storage.SignedURL(t.Context(), s, key, nil)
	require.NoError(t, err)
	status, body = do(t, http.MethodGet, get, "")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "the bytes", body)
	status, _ = do(t, http.MethodPut, get, "other bytes")
	assert.Equal(t, http.StatusForbidden, status, "a URL for GET must not serve PUT")
	status, _ = do(t, http.MethodGet, strings.Replace(get, "source", "other", 1), "")
	assert.Equal(t, http.StatusForbidden, status, "a URL is for one key")

	for _, opts := range []*storage.SignedURLOptions{
		{Method: http.MethodPut, ContentType: "video/mp4"}, {Method: http.MethodDelete}, {Method: http.MethodPost},
	} {
		_, err := storage.SignedURL(t.Context(), s, key, opts)
		assert.ErrorIs(t, err, errors.ErrUnsupported, "%+v", opts)
	}
}

func do(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

// An upload in parts that is cut off takes its parts along.
func TestCutOffUploadLeavesNoParts(t *testing.T) {
	s, bucket := open(t, nil)
	cut := errors.New("cut")
	for name, end := range map[string]func(cancel func()) error{
		"by the reader":  func(func()) error { return cut },
		"by the context": func(cancel func()) error { cancel(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			began := false
			wait := readFunc(func(p []byte) (int, error) {
				assert.Eventually(t, func() bool { began = len(uploads(t, bucket)) == 1; return began },
					20*time.Second, 10*time.Millisecond)
				return len(p), end(cancel)
			})
			_, err := s.Put(ctx, "big.mp4", io.MultiReader(bytes.NewReader(make([]byte, 20<<20)), wait), nil)
			require.Error(t, err)
			assert.True(t, errors.Is(err, cut) || errors.Is(err, context.Canceled), err)
			require.True(t, began)
			assert.Empty(t, uploads(t, bucket))
		})
	}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// uploads are the uploads in parts that the server knows of.
func uploads(t *testing.T, bucket string) []types.MultipartUpload {
	t.Helper()
	out, err := client().ListMultipartUploads(context.WithoutCancel(t.Context()), &s3.ListMultipartUploadsInput{Bucket: aws.String(bucket)})
	if !assert.NoError(t, err) {
		return nil
	}
	return out.Uploads
}

func TestSweepHasNothingToDo(t *testing.T) {
	s, _ := open(t, nil)
	_, err := s.Sweep(t.Context(), 0)
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestMissingBucket(t *testing.T) {
	newBucket(t)
	b, err := s3blob.OpenBucket(t.Context(), client(), "no-such-bucket", nil)
	require.NoError(t, err)
	s := blobstore.New(b, nil)
	defer s.Close()
	_, err = s.Put(t.Context(), "a", strings.NewReader("x"), nil)
	require.Error(t, err)
	t.Log(err)
}
