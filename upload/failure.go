package upload

import (
	"context"
	"errors"
	"fmt"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
)

// errPanic says that the host's encoder or prober panicked.
var errPanic = errors.New("panic")

// errStore marks what the Store or the Catalog refused while a run wrote.
var errStore = errors.New("write to the store")

// storeError marks err as the Store's, unless it ends the run or is the encoder's
// mistake.
func storeError(err error) error {
	switch {
	case err == nil, ends(err), errors.Is(err, context.Canceled),
		errors.Is(err, hls.ErrInvalidUpdate), errors.Is(err, hls.ErrEnded):
		return err
	}
	return fmt.Errorf("%w: %w", errStore, err)
}

// failureOf says what a run's error means to people and programs.
func failureOf(err error) progress.Failure {
	var e *encoder.Error
	switch {
	case errors.Is(err, errCancelled):
		return progress.Failure{Code: progress.CodeCancelled, Message: "The encode was cancelled. Retry to begin it again."}
	case errors.As(err, &e) && e.Code == encoder.CodeStorage && full(e):
		return progress.Failure{Code: encoder.CodeNoSpace, Message: "The storage is full. Try again when there is room."}
	case errors.As(err, &e):
		f := progress.Failure{Code: e.Code, Message: e.Message, Permanent: e.Permanent}
		if f.Code == "" {
			f.Code = encoder.CodeEncoderFailed
		}
		if f.Message == "" {
			f.Message = "The encode failed."
		}
		return f
	case errors.Is(err, errPanic):
		return progress.Failure{Code: CodeInternal, Message: "Something in the service broke. Try again, and tell its operator if that does not help."}
	case errors.Is(err, errStore) && full(err):
		return progress.Failure{Code: encoder.CodeNoSpace, Message: "The storage is full. Try again when there is room."}
	case errors.Is(err, errStore):
		return progress.Failure{Code: encoder.CodeStorage, Message: "The storage could not be written. Try again later."}
	case errors.Is(err, storage.ErrNotExist):
		return progress.Failure{Code: CodeSourceMissing, Permanent: true, Message: "The original file is no longer there. Upload it again."}
	case errors.Is(err, storage.ErrPrecondition):
		return progress.Failure{Code: CodeSourceChanged, Permanent: true, Message: "The original file has changed since it was accepted. Upload or import it again."}
	case errors.Is(err, hls.ErrInvalidPlan):
		return progress.Failure{Code: CodeInternal, Permanent: true, Message: "No output could be planned for this video. Tell the service's operator."}
	}
	return progress.Failure{Code: encoder.CodeEncoderFailed, Message: "The encode failed. Try again, and tell the service's operator if that does not help."}
}
