package upload

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// etag returns the strong validator of what is said of an asset (RFC 9110 section 8.8.3). It
// stands for all of that but the URLs, which may have another token each time: their keys
// count.
func (h *Handler) etag(a Asset) string {
	text, err := json.Marshal(struct {
		assetView
		Keys [3]string
	}{h.plainView(a), [3]string{a.Playlist, a.Poster, a.Storyboard}})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// show answers with the asset and its ETag.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, a Asset) {
	if tag := h.etag(a); tag != "" {
		w.Header().Set("ETag", tag)
	}
	writeJSON(w, http.StatusOK, h.view(r, a))
}

// unmodified holds the record against If-Match. The record is as it was read: what this
// process knows beyond it is in the validator, too.
func (h *Handler) unmodified(r *http.Request, a Asset) error {
	tags := r.Header.Values("If-Match")
	if len(tags) == 0 {
		return nil
	}
	is := h.etag(h.p.current(a))
	for tag := range strings.SplitSeq(strings.Join(tags, ","), ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == is && is != "" {
			return nil
		}
	}
	return &requestError{answer{http.StatusPreconditionFailed, codeModified,
		"The asset has changed since it was read. Read it again, and repeat the change if it is still wanted.", ""}}
}
