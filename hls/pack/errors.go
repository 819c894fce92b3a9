package pack

import (
	"errors"
	"fmt"
)

// Sentinels that errors of Pack match through errors.Is.
var (
	// ErrTruncated says that the stream ended inside a box or between a moof and its
	// mdat.
	ErrTruncated = errors.New("stream ends in the middle of a fragment")
	// ErrNoFragments says that the stream ended well but held no media: no moof, or not
	// even a moov.
	ErrNoFragments = errors.New("stream holds no fragment")
	// ErrMalformed says that the stream is not one track of fragmented MP4 as this
	// package reads it.
	ErrMalformed = errors.New("malformed fragmented MP4")
	// ErrUnsupported says that the stream is well-formed but uses what this package
	// does not handle, such as another codec or encryption.
	ErrUnsupported = errors.New("unsupported in fragmented MP4")
	// ErrTooLarge says that a box or a segment is beyond the limits.
	ErrTooLarge = errors.New("larger than allowed")
	// ErrNotSync says that a video fragment does not start with a sync sample.
	ErrNotSync = errors.New("fragment does not start with a sync sample")
	// ErrDiscontinuity says that a fragment's decode time is not the sum of the
	// durations before it.
	ErrDiscontinuity = errors.New("decode time does not continue what came before")
	// ErrOffGrid says that a segment of the grid would be empty: the stream starts
	// elsewhere, or its fragments are longer than a segment.
	ErrOffGrid = errors.New("stream does not fit the segment grid")
)

// Error says where in a track's stream Pack failed. Err matches a sentinel of this
// package, or is what the reader, the Store, emit or the context returned.
type Error struct {
	Track string
	// Offset is how many bytes of the stream had been read.
	Offset int64
	Err    error
}

// Error returns the track, the offset and the cause.
func (e *Error) Error() string {
	return fmt.Sprintf("pack track %q at byte %d: %v", e.Track, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
