package upload

import (
	"net/http"

	"github.com/vodkit/vodkit/internal/rolling"
)

// replace answers PUT {id}/source: the body is the new source itself.
func (h *Handler) replace(w http.ResponseWriter, r *http.Request, at place) {
	body := rolling.New(w, r.Body, h.opts.UploadIdle)
	defer body.Done()
	if _, ok := h.find(w, r, ActionReplace, at.id); !ok {
		return
	}
	n, err := h.describe(r)
	if err == nil {
		err = h.refusable(r, h.opts.MaxUpload)
	}
	if err != nil {
		w.Header().Set("Connection", "close") // the body stays unread
		h.refuse(w, r, err)
		return
	}
	n = NewAsset{ID: at.id, Name: n.Name, Tenant: h.tenant(r), ContentType: r.Header.Get("Content-Type"), Size: max(0, r.ContentLength)}
	if err := h.prepare(r, &n); err != nil {
		h.refuse(w, r, err)
		return
	}
	src := limited(http.MaxBytesReader(w, body, h.opts.MaxUpload), h.opts.MaxUpload)
	a, err := h.p.Replace(r.Context(), at.id, NewSource{Name: n.Name, ContentType: n.ContentType, Size: n.Size}, src)
	h.accepted(w, r, at, a, err)
}

// restore answers POST {id}/restore.
func (h *Handler) restore(w http.ResponseWriter, r *http.Request, at place) {
	if _, ok := h.find(w, r, ActionReplace, at.id); !ok {
		return
	}
	a, err := h.p.RestoreSource(r.Context(), at.id)
	h.accepted(w, r, at, a, err)
}
