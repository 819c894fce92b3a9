package s3presign

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/vodkit/vodkit/storage"
)

// Complete implements storage.Presigner. It leaves ETags to the Store, which may have a
// form of its own for them.
func (p *Presigner) Complete(ctx context.Context, prefix, text string) ([]storage.Info, error) {
	s, err := decodeState(text)
	if err != nil {
		return nil, fmt.Errorf("complete %q: %w", prefix, err)
	}
	info, err := p.complete(ctx, prefix, s)
	if err != nil {
		return nil, fmt.Errorf("complete %q: %w", prefix, err)
	}
	return []storage.Info{info}, nil
}

func (p *Presigner) complete(ctx context.Context, prefix string, s state) (storage.Info, error) {
	parts, etags, err := p.look(ctx, prefix, s)
	if errors.Is(err, storage.ErrNotExist) { // it has been completed before, or aborted
		return p.completed(ctx, prefix, s)
	}
	if err == nil {
		err = storage.MissingParts(parts)
	}
	if err != nil {
		return storage.Info{}, err
	}
	if s.Upload != "" {
		_, err := p.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &p.bucket, Key: p.object(prefix), UploadId: &s.Upload, MultipartUpload: &types.CompletedMultipartUpload{Parts: etags},
		})
		if err != nil && !isGone(err) { // another process was faster
			return storage.Info{}, err
		}
	}
	return p.completed(ctx, prefix, s)
}

// completed returns the object that an upload has become, storage.ErrNotExist where it has
// not.
func (p *Presigner) completed(ctx context.Context, prefix string, s state) (storage.Info, error) {
	head, err := p.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &p.bucket, Key: p.object(prefix)})
	switch {
	case isGone(err):
		return storage.Info{}, fmt.Errorf("%w: the bucket knows neither the upload nor its object", storage.ErrNotExist)
	case err != nil:
		return storage.Info{}, err
	case aws.ToInt64(head.ContentLength) != s.Size:
		return storage.Info{}, fmt.Errorf("the object has %d bytes, want %d", aws.ToInt64(head.ContentLength), s.Size)
	}
	return storage.Info{
		Key: key(prefix), Size: s.Size, ModTime: stored(head.LastModified), ContentType: aws.ToString(head.ContentType),
	}, nil
}

// look returns the parts of an upload, and what S3 has to be told of those that have come.
// storage.ErrNotExist says that S3 does not know the upload, or not any more.
func (p *Presigner) look(ctx context.Context, prefix string, s state) (parts []storage.PresignedPart, etags []types.CompletedPart, err error) {
	parts = storage.PlanParts(s.Size, s.PartSize)
	if s.Upload == "" {
		head, err := p.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &p.bucket, Key: p.object(prefix)})
		switch {
		case isGone(err):
		case err != nil:
			return nil, nil, err
		case aws.ToInt64(head.ContentLength) == s.Size:
			parts[0].Stored = stored(head.LastModified)
		}
		return parts, nil, nil
	}
	pages := s3.NewListPartsPaginator(p.client, &s3.ListPartsInput{Bucket: &p.bucket, Key: p.object(prefix), UploadId: &s.Upload})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isGone(err) {
			return nil, nil, fmt.Errorf("%w: the bucket does not know the upload", storage.ErrNotExist)
		}
		if err != nil {
			return nil, nil, err
		}
		for _, came := range page.Parts { // in the order of their numbers
			i := int(aws.ToInt32(came.PartNumber)) - 1
			if i < 0 || i >= len(parts) || parts[i].Size != aws.ToInt64(came.Size) {
				continue
			}
			parts[i].Stored = stored(came.LastModified)
			etags = append(etags, types.CompletedPart{
				PartNumber: came.PartNumber, ETag: came.ETag, ChecksumCRC32: came.ChecksumCRC32, ChecksumCRC32C: came.ChecksumCRC32C,
				ChecksumCRC64NVME: came.ChecksumCRC64NVME, ChecksumSHA1: came.ChecksumSHA1, ChecksumSHA256: came.ChecksumSHA256,
			})
		}
	}
	return parts, etags, nil
}

// stored is when something came, 1970 where the service does not say.
func stored(at *time.Time) time.Time {
	if at == nil || at.IsZero() {
		return time.Unix(0, 0)
	}
	return *at
}

// Abort implements storage.Presigner.
func (p *Presigner) Abort(ctx context.Context, prefix, text string) error {
	if err := p.abort(ctx, prefix, text); err != nil {
		return fmt.Errorf("abort %q: %w", prefix, err)
	}
	return nil
}

func (p *Presigner) abort(ctx context.Context, prefix, text string) error {
	var uploads []string
	if text == "" {
		var err error
		if uploads, err = p.uploads(ctx, prefix); err != nil {
			return err
		}
	} else {
		s, err := decodeState(text)
		if err != nil {
			return err
		}
		if s.Upload != "" {
			uploads = append(uploads, s.Upload)
		}
	}
	for _, id := range uploads {
		_, err := p.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &p.bucket, Key: p.object(prefix), UploadId: &id})
		if err != nil && !isGone(err) {
			return err
		}
	}
	_, err := p.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.bucket, Key: p.object(prefix)})
	if err != nil && !isGone(err) {
		return err
	}
	return nil
}

// uploads returns the multipart uploads of the prefix that the bucket knows: that of a
// Presign whose answer was lost.
func (p *Presigner) uploads(ctx context.Context, prefix string) (ids []string, err error) {
	object := p.object(prefix)
	pages := s3.NewListMultipartUploadsPaginator(p.client, &s3.ListMultipartUploadsInput{Bucket: &p.bucket, Prefix: object})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Uploads {
			if aws.ToString(u.Key) == *object {
				ids = append(ids, aws.ToString(u.UploadId))
			}
		}
	}
	return ids, nil
}

// isGone says whether S3 does not know an upload or an object.
func isGone(err error) bool {
	var coded smithy.APIError
	if errors.As(err, &coded) {
		switch coded.ErrorCode() {
		case "NoSuchUpload", "NoSuchKey", "NotFound":
			return true
		case "NoSuchBucket", "AccessDenied":
			return false
		}
	}
	var status interface{ HTTPStatusCode() int }
	return errors.As(err, &status) && status.HTTPStatusCode() == http.StatusNotFound
}
