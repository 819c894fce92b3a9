package s3presign_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/s3presign"
)

// The whole of it runs on a real server in internal/s3test. Here are the URLs, and what a
// server says that is in trouble.

// answers are the bodies that S3 gives to requests, by method and query; "" stands for 404.
type answers map[string]string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	name := r.Method
	for _, key := range []string{"uploads", "uploadId"} {
		if q.Has(key) {
			name += " " + key
		}
	}
	body, status := a[name], http.StatusOK
	if code, message, ok := strings.Cut(body, " "); ok && !strings.HasPrefix(body, "<") {
		_, _ = fmt.Sscan(code, &status)
		body = "<Error><Code>" + message + "</Code></Error>"
	} else if body == "" {
		status = http.StatusNotFound
	}
	if r.Method == http.MethodHead {
		body = ""
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Length": {"21"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func newPresigner(t *testing.T, a answers, creds aws.Credentials, opts *s3presign.Options) *s3presign.Presigner {
	t.Helper()
	creds.AccessKeyID, creds.SecretAccessKey = "key", "not-a-secret"
	p, err := s3presign.New(s3.New(s3.Options{
		Region: "eu-central-1", HTTPClient: &http.Client{Transport: a}, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil }),
	}), "films", opts)
	require.NoError(t, err)
	return p
}

const created = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"

func TestURLs(t *testing.T) {
	p := newPresigner(t, answers{"POST uploads": created}, aws.Credentials{}, &s3presign.Options{Prefix: "vod/"})
	small, err := p.Presign(t.Context(), "sources/a/t-", &storage.PresignOptions{Size: 21, ContentType: "video/mp4", Expiry: 30 * 24 * time.Hour})
	require.NoError(t, err)
	require.Len(t, small.Parts, 1)
	u, err := url.Parse(small.Parts[0].URL)
	require.NoError(t, err)
	assert.Equal(t, "/vod/sources/a/t-0000000000000000", u.Path)
	assert.Equal(t, "content-length;content-type;host", u.Query().Get("X-Amz-SignedHeaders"))
	assert.Equal(t, "604800", u.Query().Get("X-Amz-Expires"), "S3's limit")
	assert.InDelta(t, 7*24*time.Hour, time.Until(small.Expires), float64(time.Minute))
	assert.Equal(t, http.Header{"Content-Type": {"video/mp4"}}, small.Parts[0].Header)

	big, err := p.Presign(t.Context(), "sources/a/t-", &storage.PresignOptions{Size: 80 << 20, ContentType: "video/mp4"})
	require.NoError(t, err)
	require.Len(t, big.Parts, 3)
	assert.EqualValues(t, 16<<20, big.Parts[2].Size)
	for i, part := range big.Parts {
		u, err := url.Parse(part.URL)
		require.NoError(t, err)
		q := u.Query()
		assert.Equal(t, "content-length;host", q.Get("X-Amz-SignedHeaders"))
		assert.Equal(t, "u1", q.Get("uploadId"))
		assert.Equal(t, fmt.Sprint(i+1), q.Get("partNumber"))
		assert.Equal(t, "3600", q.Get("X-Amz-Expires"))
		assert.Empty(t, part.Header)
		for name := range q { // of a body that nobody has seen
			assert.NotContains(t, strings.ToLower(name), "checksum")
		}
	}
	assert.NotContains(t, big.State, "not-a-secret")
	assert.NotContains(t, big.State, "http")
}

func TestParts(t *testing.T) {
	p := newPresigner(t, answers{"POST uploads": created}, aws.Credentials{}, &s3presign.Options{PartSize: 1})
	for _, c := range []struct {
		size, wish, part int64
		n                int
	}{{5 << 20, 0, 5 << 20, 1}, {5<<20 + 1, 1, 5 << 20, 2}, {200 << 20, 16 << 20, 16 << 20, 13}, {5 << 40, 0, 5243 << 20, 1000}} {
		signed, err := p.Presign(t.Context(), "p", &storage.PresignOptions{Size: c.size, PartSize: c.wish})
		if c.part > 5<<30 {
			require.ErrorIs(t, err, storage.ErrTooLarge)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.part, signed.Parts[0].Size)
		assert.Len(t, signed.Parts, c.n)
	}
	_, err := p.Presign(t.Context(), "p", &storage.PresignOptions{Size: 10 << 30, PartSize: 10 << 30})
	require.ErrorIs(t, err, storage.ErrTooLarge)
	_, err = p.Presign(t.Context(), "../p", &storage.PresignOptions{Size: 1})
	require.ErrorIs(t, err, storage.ErrInvalidKey)
	_, err = s3presign.New(nil, "films", nil)
	require.Error(t, err)
}

// URLs end with the credentials that have signed them.
func TestTemporaryCredentials(t *testing.T) {
	soon := time.Now().Add(10 * time.Minute)
	p := newPresigner(t, nil, aws.Credentials{CanExpire: true, Expires: soon, SessionToken: "token"}, nil)
	signed, err := p.Presign(t.Context(), "p", &storage.PresignOptions{Size: 21})
	require.NoError(t, err)
	assert.Equal(t, soon, signed.Expires)
}

const (
	single    = `{"size":21,"part_size":21}`
	multipart = `{"size":21,"part_size":11,"upload":"u1"}`
	listed    = "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>11</Size><ETag>a</ETag></Part>" +
		"<Part><PartNumber>2</PartNumber><Size>10</Size><ETag>b</ETag><LastModified>2026-01-02T03:04:05Z</LastModified></Part></ListPartsResult>"
)

func TestTrouble(t *testing.T) {
	gone, denied := "404 NoSuchUpload", "403 AccessDenied"
	for name, c := range map[string]struct {
		answers answers
		state   string
		want    error // nil for success
	}{
		"nothing of one part":           {answers{}, single, &storage.MissingPartsError{}},
		"no leave to look":              {answers{"HEAD": denied}, single, errAny},
		"no bucket":                     {answers{"GET uploadId": "404 NoSuchBucket"}, multipart, errAny},
		"aborted":                       {answers{"GET uploadId": gone}, multipart, storage.ErrNotExist},
		"completed before":              {answers{"GET uploadId": gone, "HEAD": "<x/>"}, multipart, nil},
		"completed by somebody else":    {answers{"GET uploadId": listed, "POST uploadId": gone, "HEAD": "<x/>"}, multipart, nil},
		"aborted at the last moment":    {answers{"GET uploadId": listed, "POST uploadId": gone}, multipart, storage.ErrNotExist},
		"fails with 200 and an error":   {answers{"GET uploadId": listed, "POST uploadId": "<Error><Code>InternalError</Code></Error>", "HEAD": "<x/>"}, multipart, errAny},
		"no leave to list parts":        {answers{"GET uploadId": denied}, multipart, errAny},
		"another size than was planned": {answers{"GET uploadId": strings.Replace(listed, "11", "12", 1)}, multipart, &storage.MissingPartsError{}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPresigner(t, c.answers, aws.Credentials{}, nil)
			objects, err := p.Complete(t.Context(), "p", c.state)
			var missing *storage.MissingPartsError
			switch {
			case c.want == nil:
				require.NoError(t, err)
				assert.Equal(t, "p0000000000000000", objects[0].Key)
				return
			case errors.As(c.want, &missing):
				require.ErrorAs(t, err, &missing)
			case errors.Is(c.want, errAny):
				require.Error(t, err)
				require.False(t, errors.Is(err, storage.ErrNotExist), err)
			default:
				require.ErrorIs(t, err, c.want)
			}
			assert.Contains(t, err.Error(), `complete "p"`)
		})
	}
}

var errAny = errors.New("any")

func TestAbort(t *testing.T) {
	for name, c := range map[string]struct {
		answers answers
		state   string
		ok      bool
	}{
		"gone already":     {answers{"DELETE uploadId": "404 NoSuchUpload"}, multipart, true},
		"no leave":         {answers{"DELETE uploadId": "403 AccessDenied"}, multipart, false},
		"no leave to list": {answers{"GET uploads": "403 AccessDenied"}, "", false},
		"nothing listed":   {answers{"GET uploads": "<ListMultipartUploadsResult></ListMultipartUploadsResult>"}, "", true},
		"others'": {answers{"GET uploads": "<ListMultipartUploadsResult><Upload><Key>p00000000000000001</Key><UploadId>u2</UploadId></Upload>" +
			"</ListMultipartUploadsResult>", "DELETE uploadId": "403 AccessDenied"}, "", true},
		"no state of ours": {answers{}, "[", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := newPresigner(t, c.answers, aws.Credentials{}, nil).Abort(t.Context(), "p", c.state)
			if c.ok {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, `abort "p"`)
			}
		})
	}
}

func ExampleNew() {
	client := s3.New(s3.Options{Region: "eu-central-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
	})})
	direct, err := s3presign.New(client, "films", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := direct.Presign(context.Background(), "sources/42/", &storage.PresignOptions{Size: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, part := range signed.Parts {
		u, _ := url.Parse(part.URL)
		fmt.Println(part.Method, u.Host, u.Path, part.Size)
	}
	// Output: PUT films.s3.eu-central-1.amazonaws.com /sources/42/0000000000000000 1048576
}
