package upload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
)

// ErrNoPresign says that Options.Presign is not set, or that its bucket can't sign.
var ErrNoPresign = errors.New("uploads can't go to the bucket directly")

// protocolPresign is the Session.Protocol of uploads that go to the bucket directly. Their
// State is that of the storage.Presigner, as a JSON string.
const protocolPresign = "presign"

// PresignedUpload is an upload whose bytes the client sends to the bucket directly.
type PresignedUpload struct {
	// ID names the upload, and the asset that it becomes.
	ID string
	// Parts are the requests that send the bytes: those that are Stored have come.
	Parts []storage.PresignedPart
	// Expires is when their URLs end. Pipeline.Presigned has new ones.
	Expires time.Time
}

// PresignOptions shape Pipeline.Presign.
type PresignOptions struct {
	// PartSize is how many bytes the parts should have, see storage.PresignOptions. Defaults
	// to 0, what the bucket is best served with.
	PartSize int64
	// Replace is SessionOptions.Replace. Defaults to "", a new asset.
	Replace string
}

// Presign admits an upload and returns what a client needs to send its bytes to the bucket
// past this process; n.Size is required. [Pipeline.CompletePresigned] makes it an asset.
// Errors are those of BeginSession, and [ErrNoPresign].
func (p *Pipeline) Presign(ctx context.Context, n NewAsset, opts *PresignOptions) (PresignedUpload, error) {
	var o PresignOptions
	if opts != nil {
		o = *opts
	}
	if p.opts.Presign == nil {
		return PresignedUpload{}, fmt.Errorf("presign upload: %w", ErrNoPresign)
	}
	if n.Size <= 0 {
		return PresignedUpload{}, fmt.Errorf("presign upload: %w", invalid("size is required: how many bytes there will be, at least 1."))
	}
	s, err := p.BeginSession(ctx, n, &SessionOptions{Protocol: protocolPresign, Replace: o.Replace})
	if err != nil {
		return PresignedUpload{}, err
	}
	signed, err := p.opts.Presign.Presign(ctx, s.partPrefix(), &storage.PresignOptions{
		Size: s.New.Size, PartSize: o.PartSize, ContentType: s.New.ContentType, Expiry: p.opts.SessionExpiry,
	})
	if err == nil {
		s.State, err = json.Marshal(signed.State)
	}
	if err == nil {
		_, err = p.SaveSession(ctx, s)
	}
	if err != nil {
		switch {
		case errors.Is(err, storage.ErrTooLarge):
			err = fmt.Errorf("%w: %w", ErrTooLarge, err)
		case errors.Is(err, errors.ErrUnsupported):
			err = fmt.Errorf("%w: %w", ErrNoPresign, err)
		}
		p.giveUp(ctx, s.ID)
		return PresignedUpload{}, fmt.Errorf("presign upload %q: %w", s.ID, err)
	}
	return PresignedUpload{ID: s.ID, Parts: signed.Parts, Expires: signed.Expires}, nil
}

// giveUp abandons a session that nobody was told of, also after ctx has ended. Where that
// fails it expires.
func (p *Pipeline) giveUp(ctx context.Context, id string) {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if err := p.AbandonSession(ctx, id); err != nil {
		p.log.Warn("An upload that has not begun could not be removed; it expires.", "asset", id, "error", err)
	}
}

// Presigned returns an upload that Presign has begun, with new URLs, and with what has come
// of it: for a client that goes on after a break. It is abandoned no sooner than
// Options.SessionExpiry from now. A missing one gives [ErrNotFound], one that is an asset
// already [ErrEnded].
func (p *Pipeline) Presigned(ctx context.Context, id string) (PresignedUpload, error) {
	s, state, err := p.presigned(ctx, id)
	if err == nil && !s.Finished.IsZero() {
		err = ErrEnded
	}
	if err != nil {
		return PresignedUpload{}, fmt.Errorf("presigned upload %q: %w", id, err)
	}
	signed, err := p.opts.Presign.Renew(ctx, s.partPrefix(), state, p.opts.SessionExpiry)
	if errors.Is(err, storage.ErrNotExist) {
		err = fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err == nil {
		_, err = p.SaveSession(ctx, s)
	}
	if err != nil {
		return PresignedUpload{}, fmt.Errorf("presigned upload %q: %w", id, err)
	}
	return PresignedUpload{ID: s.ID, Parts: signed.Parts, Expires: signed.Expires}, nil
}

// presigned reads a session that Presign has begun, and the Presigner's state of it.
func (p *Pipeline) presigned(ctx context.Context, id string) (s Session, state string, err error) {
	if p.opts.Presign == nil {
		return s, "", ErrNoPresign
	}
	if s, err = p.session(ctx, id); err != nil {
		return s, "", err
	}
	if s.Protocol != protocolPresign || s.State == nil { // another upload's, or one that nobody was told of
		return s, "", ErrNotFound
	}
	return s, s.presignState(), nil
}

// presignState is the Presigner's state, "" where it was not recorded.
func (s Session) presignState() (state string) {
	_ = json.Unmarshal(s.State, &state)
	return state
}

// CompletePresigned makes an asset of an upload that Presign has begun once all its bytes
// are in the bucket, exactly once: called again, also in another process, it returns the
// asset. Where parts are missing the error matches [ErrIncomplete] and is a
// storage.MissingPartsError, and the client may go on; others are those of FinishSession.
func (p *Pipeline) CompletePresigned(ctx context.Context, id string) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, fmt.Errorf("complete upload %q: %w", id, err)
	}
	defer end()
	free, err := p.sessions.await(ctx, id)
	if err != nil {
		return Asset{}, fmt.Errorf("complete upload %q: %w", id, err)
	}
	defer free()
	a, err := p.completePresigned(ctx, id)
	if err != nil {
		return Asset{}, fmt.Errorf("complete upload %q: %w", id, err)
	}
	return a, nil
}

func (p *Pipeline) completePresigned(ctx context.Context, id string) (Asset, error) {
	s, state, err := p.presigned(ctx, id)
	if err != nil {
		return Asset{}, err
	}
	var parts []encoder.Part
	if _, err := p.madeOf(ctx, s); errors.Is(err, ErrNotFound) && s.Finished.IsZero() {
		objects, err := p.opts.Presign.Complete(ctx, s.partPrefix(), state)
		var missing *storage.MissingPartsError
		if errors.As(err, &missing) {
			err = fmt.Errorf("%w: %w", ErrIncomplete, err)
		} else if errors.Is(err, storage.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		if err != nil {
			return Asset{}, err
		}
		for _, o := range objects {
			parts = append(parts, encoder.Part{Key: o.Key, Size: o.Size, ETag: o.ETag})
		}
	}
	return p.finishSession(ctx, id, parts)
}

// abortPresigned has the bucket forget what has come of an upload, where it is one of
// Presign.
func (p *Pipeline) abortPresigned(ctx context.Context, s Session) error {
	if s.Protocol != protocolPresign {
		return nil
	}
	if p.opts.Presign == nil {
		p.log.Warn("An upload to the bucket is abandoned without Options.Presign: parts of it may stay there.", "asset", s.Asset)
		return nil
	}
	return p.opts.Presign.Abort(ctx, s.partPrefix(), s.presignState())
}

// lastPart returns when the last part came of an upload of Presign, whose objects need not
// be there before it is complete.
func (p *Pipeline) lastPart(ctx context.Context, s Session) (last time.Time, err error) {
	if s.Protocol != protocolPresign || s.State == nil || !s.Finished.IsZero() || p.opts.Presign == nil {
		return last, nil
	}
	signed, err := p.opts.Presign.Renew(ctx, s.partPrefix(), s.presignState(), 0)
	if errors.Is(err, storage.ErrNotExist) {
		return last, nil // its objects tell
	}
	for _, part := range signed.Parts {
		if part.Stored.After(last) {
			last = part.Stored
		}
	}
	return last, err
}
