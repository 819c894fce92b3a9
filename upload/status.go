package upload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/vodkit/vodkit/internal/problem"
)

// Codes of refusals over HTTP, beside those of package internal/problem that all
// handlers share. The package documentation has the table.
const (
	codeInvalid    = "invalid_field"
	codeNoFile     = "missing_file"
	codeEmpty      = "empty_upload"
	codeIncomplete = "incomplete_upload"
	codeTimeout    = "upload_timeout"
	codeType       = "unsupported_type"
	codeTooLarge   = "too_large"
	codeExists     = "exists"
	codeBusy       = "busy"
	codeEnded      = "ended"
	codeBacklog    = "backlog_full"
	codeNoSpace    = "insufficient_storage"
	codeQuota      = "quota_exceeded"
	codeRefused    = "refused"
	codeModified   = "modified"
	codeStorage    = "storage_unavailable"

	codePartsMissing = "parts_missing"
	codeNotReplaced  = "not_replaced"
	codeUnsupported  = "not_supported"
)

// errNoFile says that a form has no file, errMalformed that a body is no form.
var (
	errNoFile    = errors.New("form without a file")
	errMalformed = errors.New("malformed form")
)

// answer is what an error is answered with.
type answer struct {
	status     int
	code       string
	message    string
	retryAfter string // seconds, "" for no such header
}

// Refuse answers a request with what an error of this package means, as [Handler] does, and
// logs what is the service's own fault: handlers of other protocols use the same statuses,
// codes and sentences. limit is the largest upload in bytes, 0 for Options.MaxSize.
func (p *Pipeline) Refuse(w http.ResponseWriter, r *http.Request, err error, limit int64) {
	var veto *vetoError
	var denied *deniedError
	switch {
	case errors.As(err, &veto):
		p.log.Info("The host refused an upload.", "method", r.Method, "path", r.URL.Path, "error", veto.err)
		writeDenied(w, veto.err)
		return
	case errors.As(err, &denied):
		writeDenied(w, denied.err)
		return
	}
	if limit <= 0 {
		limit = p.opts.MaxSize
	}
	s := statusOf(err, limit)
	if s.status >= 500 && s.status != http.StatusNotImplemented && !errors.Is(err, context.Canceled) {
		p.log.Error("A request failed.", "method", r.Method, "path", r.URL.Path, "status", s.status, "error", err)
	}
	if s.retryAfter != "" {
		w.Header().Set("Retry-After", s.retryAfter)
	}
	problem.Write(w, s.status, s.code, s.message)
}

// Denied marks err as the host's own refusal, out of a hook such as HandlerOptions.Authorize:
// Refuse answers it as [Handler] does, see [Refusal].
func Denied(err error) error { return &deniedError{err} }

// MaxSize returns Options.MaxSize: the largest source in bytes.
func (p *Pipeline) MaxSize() int64 { return p.opts.MaxSize }

// statusOf is the one place where errors become HTTP. limit is the largest upload.
func statusOf(err error, limit int64) answer {
	var field *fieldError
	var wrong *requestError
	var over *http.MaxBytesError
	var quota *quotaError
	switch {
	case errors.Is(err, ErrNotFound):
		return answer{http.StatusNotFound, problem.NotFound, "There is no such asset. It may have been deleted.", ""}
	case errors.As(err, &wrong):
		return wrong.answer
	case errors.As(err, &field):
		return answer{http.StatusUnprocessableEntity, codeInvalid, field.sentence, ""}
	case errors.Is(err, ErrType):
		return answer{http.StatusUnsupportedMediaType, codeType, "This is no video. Send a video file with its own type, such as video/mp4, or application/octet-stream.", ""}
	case errors.Is(err, errNoFile):
		return answer{http.StatusUnprocessableEntity, codeNoFile, `The form has no file. Send it in a field named "file", or send the file itself as the body.`, ""}
	case errors.Is(err, ErrEmpty):
		return answer{http.StatusUnprocessableEntity, codeEmpty, "The file is empty. Choose another one.", ""}
	case errors.Is(err, ErrTooLarge), errors.As(err, &over):
		return answer{http.StatusRequestEntityTooLarge, codeTooLarge, fmt.Sprintf("The file is too large: at most %s are accepted.", byteSize(limit)), ""}
	case errors.As(err, &quota):
		// Not 507: that is the service's own want of room, and clients repeat what failed with a 5xx.
		return answer{http.StatusRequestEntityTooLarge, codeQuota, fmt.Sprintf("The file is larger than what may still be uploaded: %s. Delete what is no longer needed, or ask for more room.", byteSize(quota.left)), ""}
	case errors.Is(err, errHook) && errors.Is(err, errPanic):
		return answer{http.StatusInternalServerError, problem.Internal, "Something in the service broke. Tell its operator.", ""}
	case errors.Is(err, errHook):
		return answer{http.StatusServiceUnavailable, problem.Unavailable, "The service cannot tell whether it may take this. Try again in a moment.", "10"}
	case errors.Is(err, ErrIncomplete) && errors.Is(err, os.ErrDeadlineExceeded):
		return answer{http.StatusRequestTimeout, codeTimeout, "The upload stood still for too long. Try again.", ""}
	case errors.Is(err, ErrNoPresign):
		return answer{http.StatusNotImplemented, codeUnsupported, "This service takes no uploads by way of its bucket. Send the file itself.", ""}
	case errors.Is(err, ErrNoFetch):
		return answer{http.StatusNotImplemented, codeUnsupported, "This service does not fetch files from addresses. Send the file itself.", ""}
	case errors.Is(err, errMalformed):
		return answer{http.StatusBadRequest, problem.BadRequest, "The body is no well-formed multipart/form-data.", ""}
	case errors.Is(err, ErrIncomplete):
		return answer{http.StatusBadRequest, codeIncomplete, "The file did not arrive whole. Try again.", ""}
	case errors.Is(err, ErrExist):
		return answer{http.StatusConflict, codeExists, "There is an asset with this id already. Choose another id, or delete that one first.", ""}
	case errors.Is(err, ErrBusy):
		return answer{http.StatusConflict, codeBusy, "The asset is waiting or being encoded. Cancel that first, or wait for its end.", ""}
	case errors.Is(err, ErrEnded):
		return answer{http.StatusConflict, codeEnded, "The encode has ended already: there is nothing to cancel.", ""}
	case errors.Is(err, ErrNotReplaced):
		return answer{http.StatusConflict, codeNotReplaced, "There is no earlier file to go back to.", ""}
	case errors.Is(err, ErrBacklogFull):
		return answer{http.StatusTooManyRequests, codeBacklog, "Too many videos are waiting to be encoded. Try again in a minute.", "60"}
	case errors.Is(err, ErrClosed), errors.Is(err, ErrOwned), errors.Is(err, errLost), errors.Is(err, errShutdown), errors.Is(err, context.Canceled):
		return answer{http.StatusServiceUnavailable, problem.Unavailable, "The service is starting or stopping. Try again in a moment.", "5"}
	case errors.Is(err, ErrVersion):
		return answer{http.StatusInternalServerError, problem.Internal, "The asset was recorded by a newer version of the service. Tell its operator.", ""}
	case full(err):
		return answer{http.StatusInsufficientStorage, codeNoSpace, "The service's storage is full. Tell its operator, and try again later.", ""}
	}
	return answer{http.StatusServiceUnavailable, codeStorage, "The service's storage does not answer. Try again in a moment.", "10"}
}

// byteSize says n bytes in a unit that leaves no more than a fraction.
func byteSize(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	return strconv.FormatFloat(float64(int64(v*10+0.5))/10, 'f', -1, 64) + " " + units[i]
}
