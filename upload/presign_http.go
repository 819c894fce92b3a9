package upload

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/storage"
)

// presignBody is what a client says of an upload that goes to the bucket.
type presignBody struct {
	assetBody
	Size     int64  `json:"size"`
	Type     string `json:"type"`
	PartSize int64  `json:"part_size"`
	// Replace is the id of an asset that gets another source.
	Replace string `json:"replace"`
}

// presignView is the JSON form of a PresignedUpload.
type presignView struct {
	ID       string            `json:"id"`
	Parts    []presignPartView `json:"parts"`
	Complete string            `json:"complete"`
	Expires  time.Time         `json:"expires"`
}

type presignPartView struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Offset  int64             `json:"offset"`
	Size    int64             `json:"size"`
	Stored  bool              `json:"stored,omitempty"`
}

// presign answers POST /presign: it begins an upload that goes to the bucket.
func (h *Handler) presign(w http.ResponseWriter, r *http.Request, at place) {
	if !h.allowed(w, r, ActionUpload, "") {
		return
	}
	var body presignBody
	err := h.readJSON(w, r, &body)
	if err == nil && body.ID != "" {
		err = ValidID(body.ID)
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	// The body says more than the address: ask again.
	if body.Replace != "" {
		if _, ok := h.find(w, r, ActionReplace, body.Replace); !ok {
			return
		}
		body.assetBody = assetBody{Name: body.Name}
	} else if body.ID != "" && !h.allowed(w, r, ActionUpload, body.ID) {
		return
	}
	n := body.newAsset(h, r)
	n.ContentType, n.Size = body.Type, body.Size
	if n.Size > h.opts.MaxUpload {
		err = ErrTooLarge
	} else {
		err = h.mayCreate(r, &n)
	}
	var u PresignedUpload
	if err == nil {
		u, err = h.p.Presign(r.Context(), n, &PresignOptions{PartSize: body.PartSize, Replace: body.Replace})
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	w.Header().Set("Location", at.base+"/"+u.ID+"/upload")
	writeJSON(w, http.StatusCreated, presignViewOf(at, u))
}

func presignViewOf(at place, u PresignedUpload) presignView {
	v := presignView{ID: u.ID, Complete: at.base + "/" + u.ID + "/complete", Expires: u.Expires.UTC()}
	for _, part := range u.Parts {
		headers := map[string]string{}
		for name := range part.Header {
			headers[name] = part.Header.Get(name)
		}
		v.Parts = append(v.Parts, presignPartView{
			Method: part.Method, URL: part.URL, Headers: headers, Offset: part.Offset, Size: part.Size, Stored: !part.Stored.IsZero(),
		})
	}
	return v
}

// mayGoOn says whether the request may act on an upload that goes to the bucket, and
// answers it where not.
func (h *Handler) mayGoOn(w http.ResponseWriter, r *http.Request, id string) bool {
	if !h.allowed(w, r, ActionUpload, id) {
		return false
	}
	s, _, err := h.p.presigned(r.Context(), id)
	if t := h.tenant(r); err == nil && t != "" && s.New.Tenant != t {
		err = ErrNotFound
	}
	if err != nil {
		h.refusePresigned(w, r, err)
		return false
	}
	return !s.Replace || h.allowed(w, r, ActionReplace, s.Asset)
}

// renew answers GET /{id}/upload: what is still to be sent, with new URLs.
func (h *Handler) renew(w http.ResponseWriter, r *http.Request, at place) {
	if !h.mayGoOn(w, r, at.id) {
		return
	}
	u, err := h.p.Presigned(r.Context(), at.id)
	if err != nil {
		h.refusePresigned(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, presignViewOf(at, u))
}

// complete answers POST /{id}/complete.
func (h *Handler) complete(w http.ResponseWriter, r *http.Request, at place) {
	if !h.mayGoOn(w, r, at.id) {
		return
	}
	// Who asked may go away: a bucket takes its time over the parts of a large file.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Minute)
	defer cancel()
	a, err := h.p.CompletePresigned(ctx, at.id)
	if err != nil {
		h.refusePresigned(w, r, err)
		return
	}
	h.accepted(w, r, at, a, nil)
}

// abandon answers DELETE /{id}/upload.
func (h *Handler) abandon(w http.ResponseWriter, r *http.Request, at place) {
	if !h.mayGoOn(w, r, at.id) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), time.Minute)
	defer cancel()
	if err := h.p.abandonPresigned(ctx, at.id); err != nil {
		h.refusePresigned(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// abandonPresigned ends an upload that has not become an asset.
func (p *Pipeline) abandonPresigned(ctx context.Context, id string) error {
	s, _, err := p.presigned(ctx, id)
	if err != nil {
		return err
	}
	if _, err := p.madeOf(ctx, s); err == nil || !s.Finished.IsZero() {
		return ErrEnded
	}
	return p.AbandonSession(ctx, id)
}

// refusePresigned answers with what err means of an upload.
func (h *Handler) refusePresigned(w http.ResponseWriter, r *http.Request, err error) {
	var missing *storage.MissingPartsError
	switch {
	case errors.As(err, &missing):
		problem.Write(w, http.StatusConflict, codePartsMissing, "The upload is not whole: "+missing.Error()+". Send what is missing, then ask again.")
	case errors.Is(err, ErrNotFound):
		problem.Write(w, http.StatusNotFound, problem.NotFound, "There is no such upload. It may have expired, or have been deleted.")
	case errors.Is(err, ErrEnded):
		problem.Write(w, http.StatusConflict, codeEnded, "The upload is complete: it is an asset now.")
	default:
		h.refuse(w, r, err)
	}
}
