package presign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/internal/rolling"
	"github.com/vodkit/vodkit/storage"
)

// ServeHTTP answers the request: see the package documentation.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.opts.AllowOrigin != "" {
		w.Header().Set("Access-Control-Allow-Origin", h.opts.AllowOrigin)
		w.Header().Set("Access-Control-Expose-Headers", "ETag, Retry-After")
	}
	w.Header().Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodOptions:
		w.Header().Set("Allow", allow)
		if h.opts.AllowOrigin != "" {
			w.Header().Set("Access-Control-Allow-Methods", allow)
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
			w.Header().Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPut:
	default:
		w.Header().Set("Allow", allow)
		problem.Write(w, http.StatusMethodNotAllowed, problem.MethodNotAllowed, "This address answers "+allow+".")
		return
	}
	body := rolling.New(w, r.Body, h.opts.Idle)
	defer body.Done()
	g, err := open(h.secrets, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], h.opts.Clock())
	if err != nil {
		h.opts.Logger.Info("A presigned URL was refused.", "reason", err)
		h.refuse(w, &refusal{http.StatusForbidden, problem.Forbidden, "This address may not be used, or not any more. Ask for a new one."})
		return
	}
	etag, err := h.receive(r, g, body)
	if err != nil {
		h.refuse(w, err)
		return
	}
	if etag != "" {
		w.Header().Set("ETag", `"`+etag+`"`)
	}
	w.WriteHeader(http.StatusOK)
}

const allow = "PUT, OPTIONS"

// refusal is an answer that says what is wrong with a request.
type refusal struct {
	status        int
	code, message string
}

func (e *refusal) Error() string { return e.message }

// receive stores the body.
func (h *Handler) receive(r *http.Request, g grant, body io.Reader) (etag string, err error) {
	switch encoding := r.Header.Get("Content-Encoding"); {
	case r.ContentLength < 0:
		return "", &refusal{http.StatusLengthRequired, "length_required", "Say with Content-Length how many bytes there are."}
	case r.ContentLength != g.size:
		return "", badRequest("There are %d bytes, and this address is for %d.", r.ContentLength, g.size)
	case encoding != "" && encoding != "identity":
		return "", badRequest("The body is encoded as %q. Send the bytes as they are.", encoding)
	case g.bound && r.Header.Get("Content-Type") != g.contentType:
		return "", badRequest("The content type is %q, and this address is for %q.", r.Header.Get("Content-Type"), g.contentType)
	}
	if _, err := h.store.Stat(r.Context(), g.key); err == nil {
		return h.again(r, g, body)
	} else if !errors.Is(err, storage.ErrNotExist) {
		return "", err
	}
	source := &source{r: body}
	info, err := h.store.Put(r.Context(), g.key, source, &storage.PutOptions{ContentType: g.contentType, Size: g.size, IfNotExist: true})
	switch {
	case err == nil:
		return info.ETag, nil
	case source.err != nil:
		return "", source.err
	case errors.Is(err, storage.ErrExist):
		return "", &refusal{http.StatusServiceUnavailable, codeStorage, "The same part is being stored by another request. Send it again."}
	}
	return "", err
}

// again answers a part that is there already: where the bytes are the same ones the client
// has missed the answer.
func (h *Handler) again(r *http.Request, g grant, body io.Reader) (etag string, err error) {
	obj, err := h.store.Open(r.Context(), g.key, nil)
	if err != nil {
		return "", err
	}
	defer obj.Close()
	same := obj.Size == g.size
	source := &source{r: body}
	sent, stored := make([]byte, 64<<10), make([]byte, 64<<10)
	for same {
		n, end := io.ReadFull(source, sent)
		if source.err != nil {
			return "", source.err
		}
		if _, err := io.ReadFull(obj, stored[:n]); err != nil {
			return "", err
		}
		same = bytes.Equal(sent[:n], stored[:n])
		if end != nil { // the body's
			break
		}
	}
	if !same {
		return "", &refusal{http.StatusConflict, "exists", "Other bytes have been stored by this address already. Begin another upload for them."}
	}
	return obj.ETag, nil
}

// source is a body that remembers whether it was read to its end.
type source struct {
	r   io.Reader
	err error // not io.EOF
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	switch {
	case err == nil, err == io.EOF:
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.err = &refusal{http.StatusRequestTimeout, "upload_timeout", "The upload stood still for too long. Send this part again."}
	default:
		s.err = &refusal{http.StatusBadRequest, "incomplete_upload", "The part did not arrive whole. Send it again."}
	}
	return n, err
}

const codeStorage = "storage_unavailable"

func badRequest(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, problem.BadRequest, fmt.Sprintf(format, args...)}
}

// refuse answers with what err means.
func (h *Handler) refuse(w http.ResponseWriter, err error) {
	var no *refusal
	if !errors.As(err, &no) {
		h.opts.Logger.Error("A part could not be stored.", "error", err)
		no = &refusal{http.StatusServiceUnavailable, codeStorage, "The service's storage does not answer. Try again in a moment."}
		if errors.Is(err, storage.ErrNoSpace) {
			no = &refusal{http.StatusInsufficientStorage, "insufficient_storage", "The service's storage is full. Tell its operator, and try again later."}
		}
	}
	switch no.status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusConflict, http.StatusForbidden, http.StatusBadRequest, http.StatusLengthRequired:
		w.Header().Set("Connection", "close") // the body may be unread
	}
	problem.Write(w, no.status, no.code, no.message)
}
