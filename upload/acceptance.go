package upload

import (
	"context"
	"errors"

	"github.com/vodkit/vodkit/encoder"
)

// consent asks the host whether it wants the video, now that it is known what is in it. It is
// asked before that is recorded: what is recorded has been asked about.
func (r *run) consent(ctx context.Context, media encoder.Media) error {
	if r.p.opts.Accept == nil {
		return nil
	}
	a := r.held.get()
	a.Media, a.Duration = &media, media.Duration
	a = a.clone()
	err := r.p.hook(ctx, "Accept", func(ctx context.Context) error { return r.p.opts.Accept(ctx, a) })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return rejected(err)
}

// rejected makes the failure of an attempt of what the host's Accept says.
func rejected(err error) error {
	var known *encoder.Error
	if err == nil || errors.Is(err, errPanic) || errors.As(err, &known) {
		return err
	}
	message := "The video is not accepted here."
	var refusal *Refusal
	if errors.As(err, &refusal) {
		message = refusal.message()
	}
	return &encoder.Error{Code: CodeRejected, Permanent: true, Err: err, Message: message}
}
