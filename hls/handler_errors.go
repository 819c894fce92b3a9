package hls

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/storage"
)

// Codes of failures that only media requests have.
const (
	codePrecondition = "precondition_failed"
	codeRange        = "range_not_satisfiable"
)

// retryAfter is what a client waits after a failure of the Store, in seconds.
const retryAfter = "2"

func notFound(w http.ResponseWriter) {
	problem.Write(w, http.StatusNotFound, problem.NotFound, "There is nothing at this address.")
}

func preconditionFailed(w http.ResponseWriter) {
	problem.Write(w, http.StatusPreconditionFailed, codePrecondition, "What is here is not the version that the request asks for.")
}

func rangeNotSatisfiable(w http.ResponseWriter, size int64) {
	w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
	problem.Write(w, http.StatusRequestedRangeNotSatisfiable, codeRange, fmt.Sprintf("The range starts behind the end: there are %d bytes.", size))
}

// storeFailed answers a request that the Store failed with err.
func (d *delivery) storeFailed(err error) {
	switch {
	case errors.Is(err, storage.ErrNotExist), errors.Is(err, storage.ErrInvalidKey):
		notFound(d.w)
		return
	case d.r.Context().Err() != nil: // the client has gone: no failure of the Store
		d.h.opts.Logger.DebugContext(d.r.Context(), "media request given up", "key", d.key)
	default:
		d.h.opts.Logger.ErrorContext(d.r.Context(), "media cannot be read", "key", d.key, "err", err)
	}
	d.w.Header().Set("Retry-After", retryAfter)
	problem.Write(d.w, http.StatusServiceUnavailable, problem.Unavailable, "The storage does not answer; try again in a moment.")
}
