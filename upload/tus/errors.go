package tus

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/upload"
)

// Codes of refusals beside those of package upload; the package documentation has the table.
const (
	codeVersion     = "unsupported_version"
	codeOffset      = "wrong_offset"
	codeLocked      = "locked"
	codeInterrupted = "interrupted"
	codeTimeout     = "upload_timeout"
	codeIncomplete  = "incomplete_upload"
	codeTooLarge    = "too_large"
	codeType        = "unsupported_type"
	codeInvalid     = "invalid_field"
	codeChecksum    = "checksum_mismatch"
)

// statusChecksum is tus's own status for a checksum that does not match.
const statusChecksum = 460

// refusal is an error with its answer.
type refusal struct {
	status  int
	code    string
	message string
}

func (e *refusal) Error() string { return e.message }

func malformed(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, problem.BadRequest, fmt.Sprintf(format, args...)}
}

var (
	errInterrupted = errors.New("another request goes on with this upload")
	errElsewhere   = &refusal{http.StatusConflict, codeOffset, "Another process has gone on with this upload. Ask for its offset again."}
	errMismatch    = &refusal{statusChecksum, codeChecksum, "The bytes are not those that the checksum is of. Nothing of them was kept: send them again."}
)

// bodyError says what it means that a body could not be read to its end.
func bodyError(err error) error {
	switch {
	case errors.Is(err, errInterrupted):
		return &refusal{http.StatusLocked, codeInterrupted, "Another request goes on with this upload."}
	case errors.Is(err, upload.ErrClosed):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		// Not 408: clients take that for the end and do not come back by themselves.
		return &refusal{http.StatusServiceUnavailable, codeTimeout, "The upload stood still for too long. Go on with it."}
	}
	return &refusal{http.StatusBadRequest, codeIncomplete, "The request did not arrive whole. Go on with the upload."}
}

// refusals are tusd's errors in vodkit's words.
var refusals = map[string]*refusal{
	"ERR_UNSUPPORTED_VERSION":         {http.StatusPreconditionFailed, codeVersion, "This server speaks tus 1.0.0: send Tus-Resumable: 1.0.0."},
	"ERR_INVALID_CONTENT_TYPE":        {http.StatusUnsupportedMediaType, codeType, "The body of a PATCH has the type application/offset+octet-stream."},
	"ERR_INVALID_UPLOAD_LENGTH":       {http.StatusBadRequest, problem.BadRequest, "Upload-Length is a number of bytes that is said once."},
	"ERR_INVALID_OFFSET":              {http.StatusBadRequest, problem.BadRequest, "Upload-Offset is a number of bytes."},
	"ERR_AMBIGUOUS_UPLOAD_LENGTH":     {http.StatusBadRequest, problem.BadRequest, "Send Upload-Length or Upload-Defer-Length, not both."},
	"ERR_INVALID_UPLOAD_LENGTH_DEFER": {http.StatusBadRequest, problem.BadRequest, "Upload-Defer-Length is 1."},
	"ERR_LOCK_TIMEOUT":                {http.StatusLocked, codeLocked, "Another request works on this upload. Try again in a moment."},
	"ERR_UPLOAD_LOCKED":               {http.StatusLocked, codeLocked, "Another request works on this upload. Try again in a moment."},
	"ERR_MISMATCHED_OFFSET":           {http.StatusConflict, codeOffset, "The upload does not go on at this offset. Ask for its offset with HEAD."},
	"ERR_UPLOAD_SIZE_EXCEEDED":        {http.StatusRequestEntityTooLarge, codeTooLarge, "These are more bytes than were announced."},
}

// tusdError reads a refusal of tusd's: "CODE: message".
func tusdError(status int, text []byte) error {
	code, _, _ := bytes.Cut(text, []byte(":"))
	if e := refusals[string(code)]; e != nil {
		return e
	}
	if status == http.StatusInternalServerError && len(text) == 0 { // HEAD, whose refusals have no text
		return refusals["ERR_LOCK_TIMEOUT"]
	}
	if status >= 400 && status < 500 {
		return &refusal{status, problem.BadRequest, "This request cannot be understood."}
	}
	return &refusal{http.StatusInternalServerError, problem.Internal, "Something in the service broke. Tell its operator."}
}
