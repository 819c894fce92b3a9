package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/storage"
)

// Codes of failures that only requests for objects have.
const (
	codePrecondition = "precondition_failed"
	codeRange        = "range_not_satisfiable"
)

// RetryAfter is what a client waits after a failure of the Store, in seconds.
const RetryAfter = "2"

// NotFound answers that there is no such object.
func NotFound(w http.ResponseWriter) {
	problem.Write(w, http.StatusNotFound, problem.NotFound, "There is nothing at this address.")
}

func rangeNotSatisfiable(w http.ResponseWriter, size int64) {
	w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
	problem.Write(w, http.StatusRequestedRangeNotSatisfiable, codeRange, fmt.Sprintf("The range starts behind the end: there are %d bytes.", size))
}

// failed answers a request that the Resource failed with err.
func (d *delivery) failed(err error) { Failed(d.w, d.r, d.opts, err) }

// Failed answers a request whose object could not be had for err.
func Failed(w http.ResponseWriter, r *http.Request, opts Options, err error) {
	switch {
	case errors.Is(err, storage.ErrNotExist), errors.Is(err, storage.ErrInvalidKey):
		NotFound(w)
		return
	case r.Context().Err() != nil: // the client has gone: no failure of the Store
		opts.Logger.DebugContext(r.Context(), "media request given up", "key", opts.Name)
	default:
		opts.Logger.ErrorContext(r.Context(), "media cannot be read", "key", opts.Name, "err", err)
	}
	w.Header().Set("Retry-After", RetryAfter)
	problem.Write(w, http.StatusServiceUnavailable, problem.Unavailable, "The storage does not answer; try again in a moment.")
}

// broken notes that the Resource failed after the answer had begun. The client learns of
// it from a connection that closes before Content-Length bytes.
func (d *delivery) broken(err error) {
	if d.r.Context().Err() != nil || errors.Is(err, context.Canceled) {
		return
	}
	d.opts.Logger.ErrorContext(d.r.Context(), "media broke off", "key", d.opts.Name, "err", err)
}
