package s3presign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vodkit/vodkit/storage"
)

// Limits of S3.
const (
	leastPart = 5 << 20 // bytes, all but the last
	mostPart  = 5 << 30 // bytes, also of an object in one request
	maxExpiry = 7 * 24 * time.Hour
)

// Options shape a [Presigner].
type Options struct {
	// Prefix is what the bucket's keys begin with where the Store that vodkit has shows a
	// part of the bucket: "vod/" for storage.Prefix(store, "vod"). Defaults to "".
	Prefix string
	// PartSize is how many bytes a part has where the client has no wish of its own, at
	// least 5 MiB; up to as many are sent in one request. There are 1000 parts at most, so
	// those of large files are larger. Defaults to 32 MiB.
	PartSize int64
}

// Presigner is a storage.Presigner for a bucket on S3. It may be used by many at once.
type Presigner struct {
	client *s3.Client
	signer *s3.PresignClient
	bucket string
	opts   Options
}

var _ storage.Presigner = (*Presigner)(nil)

// New returns a Presigner for the bucket with the name.
func New(client *s3.Client, bucket string, opts *Options) (*Presigner, error) {
	if client == nil || bucket == "" {
		return nil, errors.New("storage/s3presign: New needs a client and the name of a bucket")
	}
	p := &Presigner{client: client, signer: s3.NewPresignClient(client), bucket: bucket}
	if opts != nil {
		p.opts = *opts
	}
	if p.opts.PartSize == 0 {
		p.opts.PartSize = 32 << 20
	}
	p.opts.PartSize = max(p.opts.PartSize, leastPart)
	return p, nil
}

// state is the State of an upload.
type state struct {
	Size     int64  `json:"size"`
	PartSize int64  `json:"part_size"`
	Type     string `json:"type,omitempty"`
	Upload   string `json:"upload,omitempty"` // S3's id of a multipart upload, "" in one request
}

func decodeState(text string) (s state, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("its state: %w", err)
	}
	if s.Size <= 0 || s.PartSize <= 0 {
		return s, fmt.Errorf("its state %q says nothing of parts", text)
	}
	return s, nil
}

// key is the key of the one object that an upload becomes, in the Store.
func key(prefix string) string { return storage.PartKey(prefix, 0) }

// object is the same in the bucket.
func (p *Presigner) object(prefix string) *string { return aws.String(p.opts.Prefix + key(prefix)) }

// Presign implements storage.Presigner.
func (p *Presigner) Presign(ctx context.Context, prefix string, opts *storage.PresignOptions) (storage.Presigned, error) {
	signed, err := p.begin(ctx, prefix, opts)
	if err != nil {
		return storage.Presigned{}, fmt.Errorf("presign %q: %w", prefix, err)
	}
	return signed, nil
}

func (p *Presigner) begin(ctx context.Context, prefix string, opts *storage.PresignOptions) (storage.Presigned, error) {
	o, err := opts.Check()
	if err == nil {
		err = storage.CheckKey(key(prefix))
	}
	if err != nil {
		return storage.Presigned{}, err
	}
	size := p.opts.PartSize
	if o.PartSize > 0 {
		size = max(o.PartSize, leastPart)
	}
	parts := storage.PlanParts(o.Size, size)
	s := state{Size: o.Size, PartSize: parts[0].Size, Type: o.ContentType}
	if s.PartSize > mostPart {
		return storage.Presigned{}, fmt.Errorf("%w: %d bytes are more than %d parts of 5 GiB", storage.ErrTooLarge, o.Size, storage.MaxParts)
	}
	if len(parts) > 1 {
		created, err := p.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &p.bucket, Key: p.object(prefix), ContentType: contentType(s.Type),
		})
		if err != nil {
			return storage.Presigned{}, err
		}
		s.Upload = aws.ToString(created.UploadId)
	}
	return p.sign(ctx, prefix, s, parts, o.Expiry)
}

func contentType(t string) *string {
	if t == "" {
		return nil
	}
	return &t
}

// sign gives each part a URL.
func (p *Presigner) sign(ctx context.Context, prefix string, s state, parts []storage.PresignedPart, expiry time.Duration) (storage.Presigned, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return storage.Presigned{}, err
	}
	if expiry <= 0 {
		expiry = storage.DefaultExpiry
	}
	expiry = min(expiry, maxExpiry)
	holds := s3.WithPresignExpires(expiry)
	signed := storage.Presigned{State: string(text), Parts: parts, Expires: time.Now().Add(expiry)}
	if creds := p.client.Options().Credentials; creds != nil {
		c, err := creds.Retrieve(ctx)
		if err != nil {
			return storage.Presigned{}, err
		}
		if c.CanExpire && c.Expires.Before(signed.Expires) {
			signed.Expires = c.Expires
		}
	}
	for i := range parts {
		part := &parts[i]
		part.Header = http.Header{}
		if s.Upload == "" {
			put, err := p.signer.PresignPutObject(ctx, &s3.PutObjectInput{
				Bucket: &p.bucket, Key: p.object(prefix), ContentLength: &part.Size, ContentType: contentType(s.Type),
			}, holds)
			if err != nil {
				return storage.Presigned{}, err
			}
			part.URL = put.URL
			if s.Type != "" {
				part.Header.Set("Content-Type", s.Type)
			}
			continue
		}
		put, err := p.signer.PresignUploadPart(ctx, &s3.UploadPartInput{
			Bucket: &p.bucket, Key: p.object(prefix), UploadId: &s.Upload, PartNumber: aws.Int32(int32(i + 1)), ContentLength: &part.Size,
		}, holds)
		if err != nil {
			return storage.Presigned{}, err
		}
		part.URL = put.URL
	}
	return signed, nil
}

// Renew implements storage.Presigner.
func (p *Presigner) Renew(ctx context.Context, prefix, text string, expiry time.Duration) (storage.Presigned, error) {
	s, err := decodeState(text)
	if err != nil {
		return storage.Presigned{}, fmt.Errorf("renew %q: %w", prefix, err)
	}
	parts, _, err := p.look(ctx, prefix, s)
	if errors.Is(err, storage.ErrNotExist) { // it has been completed, or aborted
		var whole storage.Info
		whole, err = p.completed(ctx, prefix, s)
		parts = storage.PlanParts(s.Size, s.PartSize)
		for i := range parts {
			parts[i].Stored = whole.ModTime
		}
	}
	if err != nil {
		return storage.Presigned{}, fmt.Errorf("renew %q: %w", prefix, err)
	}
	signed, err := p.sign(ctx, prefix, s, parts, expiry)
	if err != nil {
		return storage.Presigned{}, fmt.Errorf("renew %q: %w", prefix, err)
	}
	return signed, nil
}
