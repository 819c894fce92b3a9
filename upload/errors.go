package upload

import (
	"errors"
	"fmt"
	"io/fs"
)

// Sentinels that errors of this package match through errors.Is.
var (
	// ErrNotFound says that no asset has the id. It matches fs.ErrNotExist too.
	ErrNotFound error = notFoundError{}
	// ErrExist says that an asset has the id already, or is being uploaded under it.
	ErrExist = errors.New("asset exists already")
	// ErrConflict says that the record has changed since its revision was read.
	ErrConflict = errors.New("asset record has changed")
	// ErrVersion says that a record was written by a newer vodkit.
	ErrVersion = errors.New("asset record of a newer version")
	// ErrOwned says that another live process owns the catalog.
	ErrOwned = errors.New("catalog belongs to another process")
	// ErrClosed says that the pipeline or catalog has not been started or has been shut
	// down.
	ErrClosed = errors.New("not running")

	// ErrInvalid says that an id, a name or another field cannot be accepted.
	ErrInvalid = errors.New("invalid field")
	// ErrType says that the content type cannot be a video.
	ErrType = errors.New("content type is no video")
	// ErrEmpty says that an upload had no bytes.
	ErrEmpty = errors.New("upload is empty")
	// ErrTooLarge says that an upload is larger than it may be.
	ErrTooLarge = errors.New("upload is too large")
	// ErrIncomplete says that the reader of an upload failed before its end.
	ErrIncomplete = errors.New("upload did not arrive whole")
	// ErrBacklogFull says that as many assets wait as may.
	ErrBacklogFull = errors.New("too many assets are waiting")
	// ErrQuota says that an upload is larger than what its tenant may still upload.
	ErrQuota = errors.New("upload is beyond the tenant's quota")
	// ErrRefused says that Options.Admit does not want an upload.
	ErrRefused = errors.New("upload is refused")
	// ErrBusy says that the asset waits or is being worked on.
	ErrBusy = errors.New("asset is being worked on")
	// ErrEnded says that the asset's attempt has ended already.
	ErrEnded = errors.New("asset's attempt has ended")
	// ErrNotReplaced says that the asset's source has not taken the place of another, or has
	// been encoded since.
	ErrNotReplaced = errors.New("asset's source replaces none")
)

// Codes of failures that this package adds to those of packages encoder and
// progress.
const (
	CodeInternal      = "internal"        // a panic or a bug; the log says more
	CodeSourceMissing = "source_missing"  // the original is no longer in the Store
	CodeSourceChanged = "source_changed"  // the original is another than was accepted
	CodeSourceRefused = "source_refused"  // the address of the original may not be called
	CodeNonconformant = "nonconformant"   // what was encoded is not what its playlists say
	CodeRejected      = "rejected"        // Options.Accept does not want the video
	CodeProfile       = "unknown_profile" // Options.Profiles has no such profile any more
)

// CodeSubtitlesSkipped is that of a Warning: some subtitles of the source are not in the
// output, because they are pictures.
const CodeSubtitlesSkipped = "subtitles_skipped"

type notFoundError struct{}

func (notFoundError) Error() string        { return "no such asset" }
func (notFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// fieldError says what is wrong with a field, in a sentence for whoever sent it. It
// matches ErrInvalid.
type fieldError struct{ sentence string }

func (e *fieldError) Error() string        { return ErrInvalid.Error() + ": " + e.sentence }
func (e *fieldError) Is(target error) bool { return target == ErrInvalid }

func invalid(format string, args ...any) error {
	return &fieldError{fmt.Sprintf(format, args...)}
}
