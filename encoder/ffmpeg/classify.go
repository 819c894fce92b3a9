package ffmpeg

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
)

// refusals are what ffmpeg says of files that it can't open, and what we say of it.
// The first that occurs counts.
var refusals = []struct{ says, code, message string }{
	{"not on whitelist", encoder.CodeUnsupportedFormat,
		"The file is not a video or audio file that is accepted: playlists, scripts and pictures are not. Upload the video itself."},
	{"moov atom not found", encoder.CodeCorrupt,
		"The file has no index (moov), so it is cut off or no video. Upload it again, whole."},
	{"error reading header", encoder.CodeCorrupt,
		"The file's header cannot be read, so it is damaged. Export it again and upload that."},
	{"Invalid data found", encoder.CodeUnsupportedFormat,
		"The file is not a video or audio file that can be read. Upload one in a common format such as MP4, MOV, MKV or WebM."},
	{"could not find corresponding trex", encoder.CodeCorrupt,
		"The file is a fragment without its beginning. Upload the whole video."},
}

// refused says why a source could not be opened.
func refused(tail *stderrTail, err error) error {
	if killed(err) {
		return failed(tail, err)
	}
	said := tail.String()
	e := &encoder.Error{Code: encoder.CodeUnsupportedFormat, Permanent: true, Stderr: said, Err: err,
		Message: "The file is not a video or audio file that can be read. Upload one in a common format such as MP4, MOV, MKV or WebM."}
	for _, r := range refusals {
		if strings.Contains(said, r.says) {
			e.Code, e.Message = r.code, r.message
			break
		}
	}
	return e
}

// failed says why an encode ended badly although its source could be opened.
func failed(tail *stderrTail, err error) error {
	said := tail.String()
	e := &encoder.Error{Code: encoder.CodeEncoderFailed, Stderr: said, Err: err,
		Message: "The encoder ended unexpectedly. Try again; if it happens again, the log has what it said."}
	switch {
	case wroteTooMuch(err):
		e.Message = "The encoder wrote a file, which it never should, and was killed when that reached Options.MaxTemp. Tell the service's operator; the log has what it said."
	case killed(err):
		// Killed or crashed. What it said of the file before may be of no account: files
		// with some damage are encoded all the same.
		e.Message = "The encoder was killed or crashed; the machine may be out of memory. Try again; if it happens again, the log has what it said."
	case strings.Contains(said, "No space left on device"):
		e.Code = encoder.CodeNoSpace
		e.Message = "The disk for temporary files is full. Try again when there is room."
	case strings.Contains(said, "Cannot allocate memory"):
		e.Message = "The machine ran out of memory while encoding. Try again later."
	case strings.Contains(said, "Invalid data found"), strings.Contains(said, "Error while decoding"),
		strings.Contains(said, "Could not find codec parameters"),
		strings.Contains(said, "Nothing was written"), strings.Contains(said, "Error while processing the decoded data"):
		e.Code, e.Permanent = encoder.CodeCorrupt, true
		e.Message = "The file's pictures or sound cannot be decoded, so it is damaged or in a variant that is not supported. Export it again and upload that."
	}
	return e
}

// killed says whether a signal ended the process: its own crash, the kernel short of
// memory, or a person.
func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && !exit.Exited()
}

// tooLarge says that a picture has more pixels than are accepted.
func tooLarge(most int64, tail *stderrTail) error {
	return &encoder.Error{Code: encoder.CodeTooLarge, Permanent: true, Stderr: tail.String(),
		Message: fmt.Sprintf("The picture has more than the %d pixels that are accepted. Upload a smaller one.", most)}
}

// tooMany says that a file has more streams than are accepted.
func tooMany(most int, tail *stderrTail) error {
	return &encoder.Error{Code: encoder.CodeTooLarge, Permanent: true, Stderr: tail.String(),
		Message: fmt.Sprintf("The file has more than the %d streams that are accepted. Upload one with fewer.", most)}
}

// tooMuchMemory says that a file cannot be read or encoded within Options.MaxMemory.
func tooMuchMemory(most int64, tail *stderrTail, err error) error {
	return &encoder.Error{Code: encoder.CodeTooLarge, Permanent: true, Stderr: tail.String(), Err: err,
		Message: fmt.Sprintf("The file takes more than the %d MiB of memory that are allowed, so it is too large or damaged. Upload a smaller one.", most>>20)}
}

// tooSlow says that an encode took longer than Options.MaxWallTime and MinSpeed allow.
func tooSlow(most time.Duration, tail *stderrTail) error {
	return &encoder.Error{Code: encoder.CodeTooLarge, Permanent: true, Stderr: tail.String(),
		Message: fmt.Sprintf("Encoding took longer than the %s that are allowed for a video of this length. Upload one with a smaller picture or a lower frame rate.", most.Round(time.Second))}
}
