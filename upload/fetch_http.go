package upload

import "net/http"

// importBody is what a client says of a file that is to be fetched.
type importBody struct {
	assetBody
	URL string `json:"url"`
}

// importURL answers POST /import: an asset whose source is fetched.
func (h *Handler) importURL(w http.ResponseWriter, r *http.Request, at place) {
	if !h.allowed(w, r, ActionUpload, "") {
		return
	}
	var body importBody
	err := h.readJSON(w, r, &body)
	switch {
	case err != nil:
	case body.URL == "":
		err = invalid(`The field "url" is missing: it says where the file is fetched from.`)
	case body.ID != "":
		err = ValidID(body.ID)
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if body.ID != "" && !h.allowed(w, r, ActionUpload, body.ID) { // the body says more than the address: ask again
		return
	}
	n := body.newAsset(h, r)
	if err := h.mayCreate(r, &n); err != nil {
		h.refuse(w, r, err)
		return
	}
	a, err := h.p.importURL(r.Context(), n, body.URL, h.opts.MaxUpload)
	h.accepted(w, r, at, a, err)
}
