package tus

import (
	"context"
	"io"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/upload"
)

// oneUpload is a session in the hands of one request, which holds its lock.
type oneUpload struct {
	h       *Handler
	q       *request
	session upload.Session
	parts   []encoder.Part
	offset  int64
}

var (
	_ handler.Upload                 = (*oneUpload)(nil)
	_ handler.TerminatableUpload     = (*oneUpload)(nil)
	_ handler.LengthDeclarableUpload = (*oneUpload)(nil)
)

// GetInfo implements handler.Upload.
func (u *oneUpload) GetInfo(context.Context) (handler.FileInfo, error) {
	size := u.session.New.Size
	return handler.FileInfo{ID: u.session.ID, Size: size, SizeIsDeferred: size == 0, Offset: u.offset}, nil
}

// WriteChunk implements handler.Upload: what src yields becomes parts in the Store.
func (u *oneUpload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // a client that goes must not take its bytes along
	defer cancel()
	c := &chunk{
		store: u.h.store, session: u.session, parts: u.parts, from: offset, at: offset, most: u.h.opts.MaxUpload,
		src: &source{r: src, sum: u.q.sum}, whole: func() bool { return u.q.body.Err() == nil },
	}
	n, err := c.write(ctx)
	if err != nil {
		return n, u.q.fail(err)
	}
	return n, nil
}

// GetReader implements handler.Upload. Originals are for upload.Handler to serve.
func (u *oneUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}

// FinishUpload implements handler.Upload: the last byte is there.
func (u *oneUpload) FinishUpload(ctx context.Context) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	a, err := u.h.p.FinishSession(ctx, u.session.ID, nil)
	if err != nil {
		return u.q.fail(err)
	}
	u.q.asset = a.ID
	return nil
}

// Terminate implements handler.TerminatableUpload. An asset that the upload has become stays.
func (u *oneUpload) Terminate(ctx context.Context) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	if err := u.h.p.AbandonSession(ctx, u.session.ID); err != nil {
		return u.q.fail(err)
	}
	u.q.session = nil
	return nil
}

// DeclareLength implements handler.LengthDeclarableUpload.
func (u *oneUpload) DeclareLength(ctx context.Context, length int64) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	s := u.session
	s.New.Size = length
	switch {
	case length == 0:
		return u.q.fail(upload.ErrEmpty)
	case length > u.h.opts.MaxUpload:
		return u.q.fail(upload.ErrTooLarge)
	}
	s, err := u.h.p.SaveSession(ctx, s)
	if err != nil {
		return u.q.fail(err)
	}
	u.session = s
	return nil
}
