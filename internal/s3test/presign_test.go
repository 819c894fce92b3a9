package s3test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/s3test/gateway"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/s3presign"
	"github.com/vodkit/vodkit/storage/storagetest"
	"github.com/vodkit/vodkit/upload"
)

func newPresigner(t *testing.T, bucket string, opts *s3presign.Options) *s3presign.Presigner {
	t.Helper()
	p, err := s3presign.New(client(), bucket, opts)
	require.NoError(t, err)
	return p
}

func plain() *http.Client { return &http.Client{Transport: transport} }

func TestPresigner(t *testing.T) {
	for name, etag := range map[string]func(func(any) bool) string{"ETag": gateway.ETag, "defaults": nil} {
		t.Run(name, func(t *testing.T) {
			storagetest.RunPresigner(t, func(t *testing.T) storagetest.PresignerTest {
				s, bucket := open(t, &blobstore.Options{ETag: etag})
				t.Cleanup(func() { assert.Empty(t, unfinished(t, bucket)) })
				return storagetest.PresignerTest{
					Presigner: newPresigner(t, bucket, nil), Another: newPresigner(t, bucket, nil), Store: s, Client: plain(),
				}
			})
		})
	}
}

// unfinished are the uploads that were aborted in vain: the tests leave two of their own
// under way, of which nothing has been stored.
func unfinished(t *testing.T, bucket string) (ids []string) {
	for _, u := range uploads(t, bucket) {
		parts, err := client().ListParts(context.Background(), &s3.ListPartsInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId})
		if assert.NoError(t, err) && len(parts.Parts) > 0 {
			ids = append(ids, aws.ToString(u.UploadId))
		}
	}
	return ids
}

// A part of a bucket.
func TestPresignerPrefix(t *testing.T) {
	storagetest.RunPresigner(t, func(t *testing.T) storagetest.PresignerTest {
		s, bucket := open(t, nil)
		return storagetest.PresignerTest{
			Presigner: newPresigner(t, bucket, &s3presign.Options{Prefix: "tenant/"}), Store: storage.Prefix(s, "tenant"), Client: plain(),
		}
	})
}

// The portable Presigner on S3.
func TestPutPresigner(t *testing.T) {
	storagetest.RunPresigner(t, func(t *testing.T) storagetest.PresignerTest {
		s, _ := open(t, nil)
		return storagetest.PresignerTest{
			Presigner: storage.NewPutPresigner(s, nil), Store: s, Client: plain(), OnePart: true, Unbound: true,
		}
	})
}

// waiting is an encoder that takes until it is stopped.
type waiting struct{}

func (waiting) Probe(ctx context.Context, _ encoder.Source) (encoder.Media, error) {
	<-ctx.Done()
	return encoder.Media{}, ctx.Err()
}

func (waiting) Encode(ctx context.Context, _ encoder.Job, _ func(encoder.Update) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func newPipeline(t *testing.T, store storage.Store, opts upload.Options) *upload.Pipeline {
	t.Helper()
	p, err := upload.New(store, waiting{}, waiting{}, &opts)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.Shutdown(ctx)
	})
	return p
}

// An upload of a pipeline becomes an asset of one object, and what expires leaves nothing in
// the bucket.
func TestPresignedPipeline(t *testing.T) {
	s, bucket := open(t, &blobstore.Options{ETag: gateway.ETag})
	p := newPipeline(t, s, upload.Options{Presign: newPresigner(t, bucket, nil), SessionExpiry: 3 * time.Second})
	content := bytes.Repeat([]byte("0123456789abcdef"), 11<<16)
	up, err := p.Presign(t.Context(), upload.NewAsset{Name: "film.mp4", Size: int64(len(content)), ContentType: "video/mp4"},
		&upload.PresignOptions{PartSize: 5 << 20})
	require.NoError(t, err)
	require.Len(t, up.Parts, 3)
	send := func(u upload.PresignedUpload, i int) {
		part := u.Parts[i]
		req, err := http.NewRequestWithContext(t.Context(), part.Method, part.URL, bytes.NewReader(content[part.Offset:part.Offset+part.Size]))
		require.NoError(t, err)
		req.Header = part.Header
		resp, err := plain().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	for i := range up.Parts {
		send(up, i)
	}
	a, err := p.CompletePresigned(t.Context(), up.ID)
	require.NoError(t, err)
	require.Len(t, a.Source.Parts, 1)
	again, err := p.CompletePresigned(t.Context(), up.ID)
	require.NoError(t, err)
	assert.Equal(t, a.Attempt, again.Attempt)
	head, err := client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &a.Source.Parts[0].Key})
	require.NoError(t, err)
	assert.Equal(t, a.Source.Parts[0].ETag, strings.Trim(aws.ToString(head.ETag), `"`))
	assert.Equal(t, "video/mp4", aws.ToString(head.ContentType))
	assert.EqualValues(t, len(content), aws.ToInt64(head.ContentLength))

	idle, err := p.Presign(t.Context(), upload.NewAsset{Size: int64(len(content))}, &upload.PresignOptions{PartSize: 5 << 20})
	require.NoError(t, err)
	send(idle, 1)
	require.Len(t, uploads(t, bucket), 1)
	// Of one whose process has died, nobody knows what the bucket has begun.
	lost, err := p.BeginSession(t.Context(), upload.NewAsset{Size: 1}, &upload.SessionOptions{Protocol: "presign"})
	require.NoError(t, err)
	_, err = client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: aws.String(lost.PartKey(0))})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(uploads(t, bucket)) == 0 }, 30*time.Second, 100*time.Millisecond)
	_, err = p.Session(t.Context(), idle.ID)
	require.ErrorIs(t, err, upload.ErrNotFound)
	_, err = s.Stat(t.Context(), a.Source.Parts[0].Key)
	require.NoError(t, err)
}

// A page of another origin may send, with the rule of the package documentation, and sees
// the ETag.
func TestPresignCORS(t *testing.T) {
	_, bucket := open(t, nil)
	_, err := client().PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: &bucket, CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{
			AllowedOrigins: []string{"https://example.com"}, AllowedMethods: []string{"PUT"},
			AllowedHeaders: []string{"Content-Type"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(3600),
		}},
	}})
	require.NoError(t, err)
	signed, err := newPresigner(t, bucket, nil).Presign(t.Context(), "p", &storage.PresignOptions{Size: 5, ContentType: "video/mp4"})
	require.NoError(t, err)
	part := signed.Parts[0]
	ask := func(method, origin, body string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, part.URL, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Origin", origin)
		if method == http.MethodOptions {
			req.Header.Set("Access-Control-Request-Method", http.MethodPut)
			req.Header.Set("Access-Control-Request-Headers", "content-type")
		} else {
			req.Header.Set("Content-Type", part.Header.Get("Content-Type"))
		}
		resp, err := plain().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp
	}
	preflight := ask(http.MethodOptions, "https://example.com", "")
	assert.Equal(t, http.StatusOK, preflight.StatusCode)
	assert.Equal(t, "https://example.com", preflight.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, http.StatusForbidden, ask(http.MethodOptions, "https://evil.example", "").StatusCode)
	put := ask(http.MethodPut, "https://example.com", "right")
	assert.Equal(t, http.StatusOK, put.StatusCode)
	assert.Contains(t, put.Header.Get("Access-Control-Expose-Headers"), "ETag")
	assert.NotEmpty(t, put.Header.Get("ETag"))
}
