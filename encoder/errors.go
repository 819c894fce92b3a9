package encoder

import (
	"errors"
	"fmt"
)

// Codes of encoders' errors. They are stable, and end up in Asset.Error.
const (
	CodeUnsupportedFormat = "unsupported_format"   // no container, or no codec, that can be decoded
	CodeNoMedia           = "no_media"             // a container without video or audio
	CodeCorrupt           = "corrupt"              // data that cannot be decoded
	CodeTruncated         = "truncated"            // the file ends too early
	CodeTooLarge          = "too_large"            // beyond a limit: size, duration, pixels, frames, streams, time or memory
	CodeEncoderMissing    = "encoder_missing"      // ffmpeg is not there or lacks something
	CodeEncoderFailed     = "encoder_failed"       // ffmpeg ended badly for another reason
	CodePackaging         = "packaging_failed"     // what was encoded does not fit into segments
	CodeNotCopyable       = "not_copyable"         // PlanOptions.Copy is CopyOnly, and the source is not what players need
	CodeStalled           = "stalled"              // no progress for too long
	CodeKeys              = "keys_unavailable"     // the keys for encryption cannot be had
	CodeSourceUnavailable = "source_unavailable"   // the source cannot be read from the Store
	CodeStorage           = "storage_unavailable"  // the Store refused what was written
	CodeNoSpace           = "insufficient_storage" // the Store, or the disk for temporary files, is full
)

// Error is why an encode or a probe failed.
type Error struct {
	// Code is one of the constants of this package.
	Code string
	// Message is a sentence for people.
	Message string
	// Permanent says that the same job will fail again.
	Permanent bool
	// Stderr is the end of what the encoder's process wrote there, for logs.
	Stderr string
	// Err is the cause, if there is one.
	Err error
}

// Error returns the code, the message and the cause.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Code, e.Message)
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrBacklogFull says that a limited encoder has as many jobs waiting as it may.
var ErrBacklogFull = errors.New("encode backlog is full")

// ErrClosed says that the encoder has been shut down.
var ErrClosed = errors.New("encoder is closed")
