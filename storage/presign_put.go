package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// PutPresignerOptions shape NewPutPresigner.
type PutPresignerOptions struct {
	// MaxSize is the largest upload in bytes. Defaults to 5 GiB, the most that S3 takes in
	// one request.
	MaxSize int64
	// Header is what the bucket wants with a PUT, such as "X-Ms-Blob-Type: BlockBlob" on
	// Azure. Defaults to nothing.
	Header http.Header
}

// NewPutPresigner returns a Presigner over [SignedURL]: each upload is one part. It works
// on every bucket that signs a PUT, whatever the service, within what that can do: most
// don't bind the size, and S3 doesn't bind the content type either, so that a client may
// send other bytes than it has announced, which Complete sees by their size, and replace
// what it has sent while the URL holds. What breaks off begins anew.
func NewPutPresigner(store Store, opts *PutPresignerOptions) Presigner {
	p := &putPresigner{store: store, maxSize: 5 << 30}
	if opts != nil {
		p.header = opts.Header.Clone()
		if opts.MaxSize > 0 {
			p.maxSize = opts.MaxSize
		}
	}
	return p
}

type putPresigner struct {
	store   Store
	maxSize int64
	header  http.Header
}

var _ Presigner = (*putPresigner)(nil)

// putState is the State of a putPresigner.
type putState struct {
	Size int64  `json:"size"`
	Type string `json:"type,omitempty"`
}

func decodePutState(text string) (s putState, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("its state: %w", err)
	}
	if s.Size <= 0 {
		return s, fmt.Errorf("its state %q has no size", text)
	}
	return s, nil
}

func (p *putPresigner) Presign(ctx context.Context, prefix string, opts *PresignOptions) (Presigned, error) {
	o, err := opts.Check()
	if err == nil && o.Size > p.maxSize {
		err = fmt.Errorf("%w: %d bytes in one request, at most %d", ErrTooLarge, o.Size, p.maxSize)
	}
	if err != nil {
		return Presigned{}, fmt.Errorf("presign %q: %w", prefix, err)
	}
	return p.sign(ctx, prefix, putState{Size: o.Size, Type: o.ContentType}, o.Expiry)
}

func (p *putPresigner) sign(ctx context.Context, prefix string, s putState, expiry time.Duration) (Presigned, error) {
	if expiry <= 0 {
		expiry = DefaultExpiry
	}
	part := PresignedPart{Method: http.MethodPut, Size: s.Size, Header: p.header.Clone()}
	if part.Header == nil {
		part.Header = http.Header{}
	}
	expires := time.Now().Add(expiry)
	o := SignedURLOptions{Method: http.MethodPut, Expiry: expiry, ContentType: s.Type}
	var err error
	part.URL, err = SignedURL(ctx, p.store, PartKey(prefix, 0), &o)
	if errors.Is(err, errors.ErrUnsupported) && o.ContentType != "" {
		o.ContentType = "" // sent all the same: the bucket keeps it
		part.URL, err = SignedURL(ctx, p.store, PartKey(prefix, 0), &o)
	}
	if err != nil {
		return Presigned{}, err
	}
	if s.Type != "" {
		part.Header.Set("Content-Type", s.Type)
	}
	state, err := json.Marshal(s)
	return Presigned{State: string(state), Parts: []PresignedPart{part}, Expires: expires}, err
}

func (p *putPresigner) Renew(ctx context.Context, prefix, state string, expiry time.Duration) (Presigned, error) {
	s, err := decodePutState(state)
	if err != nil {
		return Presigned{}, fmt.Errorf("renew %q: %w", prefix, err)
	}
	signed, err := p.sign(ctx, prefix, s, expiry)
	if err != nil {
		return Presigned{}, err
	}
	info, err := p.store.Stat(ctx, PartKey(prefix, 0))
	switch {
	case errors.Is(err, ErrNotExist), err == nil && info.Size != s.Size:
	case err != nil:
		return Presigned{}, err
	default:
		signed.Parts[0].Stored = info.ModTime
	}
	return signed, nil
}

func (p *putPresigner) Complete(ctx context.Context, prefix, state string) ([]Info, error) {
	s, err := decodePutState(state)
	if err != nil {
		return nil, fmt.Errorf("complete %q: %w", prefix, err)
	}
	info, err := p.store.Stat(ctx, PartKey(prefix, 0))
	switch {
	case errors.Is(err, ErrNotExist), err == nil && info.Size != s.Size:
		return nil, fmt.Errorf("complete %q: %w", prefix, &MissingPartsError{Numbers: []int{1}, Total: 1})
	case err != nil:
		return nil, err
	}
	return []Info{info}, nil
}

func (p *putPresigner) Abort(ctx context.Context, prefix, _ string) error {
	return p.store.Delete(ctx, PartKey(prefix, 0))
}
