package ffmpeg

import (
	"errors"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls/pack"
)

// unpackable says that hls/pack has refused what ffmpeg wrote. What it says of whole
// fragments it will say of the next run's too: bytes differ from run to run, times and
// boxes do not.
func unpackable(err error, tail *stderrTail) *encoder.Error {
	e := &encoder.Error{Code: encoder.CodeEncoderFailed, Stderr: tail.String(), Err: err,
		Message: "The encoder's output could not be packaged. Try again; if it happens again, the log has what it said."}
	for _, same := range []error{
		pack.ErrOffGrid, pack.ErrDiscontinuity, pack.ErrNotSync, pack.ErrMalformed, pack.ErrUnsupported, pack.ErrTooLarge,
	} {
		if errors.Is(err, same) {
			e.Code = encoder.CodePackaging
			e.Message = "The encoded video could not be cut into segments, and another try is not likely to end otherwise. " +
				"Export the file again, with a constant frame rate, and upload that; the service's operator finds details in the log."
		}
	}
	return e
}
