package tus

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/vodkit/vodkit/internal/mount"
	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// Handler serves tus 1.0 over a Pipeline's upload sessions; see the package documentation.
type Handler struct {
	p          *upload.Pipeline
	store      storage.Store
	opts       Options
	tusd       http.Handler
	extensions string
}

var _ http.Handler = (*Handler)(nil)

// AssetHeader is the header of an answer whose upload has become an asset: its id.
const AssetHeader = "Vodkit-Asset"

const version = "1.0.0"

// ServeHTTP answers the request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	if h.opts.AllowOrigin != "" {
		head.Set("Access-Control-Allow-Origin", h.opts.AllowOrigin)
		head.Set("Access-Control-Expose-Headers", "Location, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, "+
			"Upload-Defer-Length, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset, "+AssetHeader)
	}
	at, id := mount.Locate(r, h.opts.Base)
	method := r.Method
	if other := r.Header.Get("X-HTTP-Method-Override"); method == http.MethodPost && other != "" {
		method = other
	}
	if method == http.MethodOptions {
		h.options(head, id)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	head.Set("Tus-Resumable", version)
	if allowed := methodsOf(id); !allowed[method] {
		head.Set("Allow", allow(id))
		problem.Write(w, http.StatusMethodNotAllowed, problem.MethodNotAllowed, "This address answers "+allow(id)+".")
		return
	}
	q := newRequest(h, w, r, method, at)
	a := &answer{ResponseWriter: w, q: q}
	defer a.finish()
	defer q.recover()
	if err := q.admit(id); err != nil {
		q.err = err
		return
	}
	defer q.watch()()
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), requestKey{}, q))
	defer cancel() // tusd's goroutines wait for that
	inner := r.WithContext(ctx)
	inner.Method, inner.URL, inner.Body = method, &url.URL{Path: "/" + id}, q.body
	h.tusd.ServeHTTP(a, inner)
}

// options tells what the server can do (tus 1.0, "OPTIONS"), and what pages of other origins
// may send.
func (h *Handler) options(head http.Header, id string) {
	head.Set("Allow", allow(id))
	head.Set("Tus-Version", version)
	head.Set("Tus-Extension", h.extensions)
	head.Set("Tus-Max-Size", strconv.FormatInt(h.opts.MaxUpload, 10))
	head.Set("Tus-Checksum-Algorithm", checksumNames())
	if h.opts.AllowOrigin != "" {
		head.Set("Access-Control-Allow-Methods", allow(id))
		head.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Tus-Resumable, Upload-Checksum, Upload-Defer-Length, Upload-Length, "+
			"Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Request-ID, X-Requested-With")
		head.Set("Access-Control-Max-Age", "600")
	}
}

// methodsOf returns what the address answers beside OPTIONS.
func methodsOf(id string) map[string]bool {
	if id == "" {
		return map[string]bool{http.MethodPost: true}
	}
	return map[string]bool{http.MethodHead: true, http.MethodPatch: true, http.MethodDelete: true}
}

func allow(id string) string {
	if id == "" {
		return "POST, OPTIONS"
	}
	return "HEAD, PATCH, DELETE, OPTIONS"
}
