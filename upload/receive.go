package upload

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vodkit/vodkit/internal/rolling"
)

// Limits of what a form may have before its file.
const (
	maxFields     = 100
	maxField      = 64 << 10 // bytes of one value
	formOverhead  = 1 << 20  // bytes that a form may have beside its file
	metadataField = "meta."
)

// upload answers POST: a form with a file, or the file itself.
func (h *Handler) upload(w http.ResponseWriter, r *http.Request, at place) {
	body := rolling.New(w, r.Body, h.opts.UploadIdle)
	defer body.Done()
	n, err := h.describe(r)
	if !h.allowed(w, r, ActionUpload, n.ID) {
		return
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	n.Tenant = h.tenant(r)
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := kind == "multipart/form-data"
	limit := h.opts.MaxUpload
	if form {
		limit += formOverhead
	}
	if err := h.refusable(r, limit); err != nil {
		w.Header().Set("Connection", "close") // the body stays unread
		h.refuse(w, r, err)
		return
	}
	src := http.MaxBytesReader(w, body, limit)

	var a Asset
	if form {
		a, err = h.uploadForm(w, r, n, multipart.NewReader(src, params["boundary"]))
	} else {
		n.ContentType = r.Header.Get("Content-Type")
		n.Size = max(0, r.ContentLength)
		a, err = h.create(r, n, src)
	}
	h.accepted(w, r, at, a, err)
}

// refusable returns what is wrong with an upload whose body nobody has read.
func (h *Handler) refusable(r *http.Request, limit int64) error {
	switch e := r.Header.Get("Content-Encoding"); {
	case e != "" && e != "identity":
		return invalid("The body is encoded as %q. Send the file as it is.", e)
	case r.ContentLength > limit:
		return ErrTooLarge
	case r.ContentLength == 0:
		return ErrEmpty
	case h.p.backlogFull():
		return ErrBacklogFull
	}
	return h.p.room(r.Context(), max(0, r.ContentLength))
}

// deniedError is the host's refusal out of Prepare and its like.
type deniedError struct{ err error }

func (e *deniedError) Error() string { return e.err.Error() }

// prepare asks the host's hook.
func (h *Handler) prepare(r *http.Request, n *NewAsset) error {
	if h.opts.Prepare == nil {
		return nil
	}
	if err := h.opts.Prepare(r, n); err != nil {
		return &deniedError{err}
	}
	return nil
}

// mayCreate asks the host about a new asset beyond ActionUpload.
func (h *Handler) mayCreate(r *http.Request, n *NewAsset) error {
	if n.Profile != "" && h.opts.Authorize != nil {
		if err := h.opts.Authorize(r, ActionProfile, n.ID); err != nil {
			return &deniedError{err}
		}
	}
	return h.prepare(r, n)
}

// create hands the upload to the pipeline.
func (h *Handler) create(r *http.Request, n NewAsset, body io.Reader) (Asset, error) {
	if err := h.mayCreate(r, &n); err != nil {
		return Asset{}, err
	}
	return h.p.Create(r.Context(), n, limited(body, h.opts.MaxUpload))
}

// uploadForm reads fields until the file comes. What follows the file is ignored.
func (h *Handler) uploadForm(w http.ResponseWriter, r *http.Request, n NewAsset, form *multipart.Reader) (Asset, error) {
	id := n.ID
	for range maxFields {
		part, err := form.NextPart()
		switch {
		case err == io.EOF: // wrapped it means that the body ended without the form's end
			return Asset{}, errNoFile
		case err != nil:
			return Asset{}, formError(err)
		}
		name := part.FormName()
		if name != "file" && part.FileName() != "" {
			return Asset{}, errNoFile
		}
		if name != "file" {
			if err := h.readField(&n, name, part); err != nil {
				return Asset{}, err
			}
			continue
		}
		if n.ID != id { // the field says more than the query: ask again
			if h.opts.Authorize != nil {
				if err := h.opts.Authorize(r, ActionUpload, n.ID); err != nil {
					return Asset{}, &deniedError{err}
				}
			}
		}
		n.ContentType = part.Header.Get("Content-Type")
		if n.Name == "" {
			n.Name = strings.ReplaceAll(part.FileName(), "%22", `"`) // browsers escape quotes so
		}
		return h.create(r, n, part)
	}
	return Asset{}, invalid("The form has more than %d fields before its file.", maxFields)
}

// readField takes a field of the form into n. Fields with other names are ignored.
func (h *Handler) readField(n *NewAsset, name string, part io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return formError(err)
	}
	if len(data) > maxField {
		return invalid("The field %q has more than %d bytes.", name, maxField)
	}
	return h.set(n, name, string(data))
}

// set takes a value that a client sent under a name.
func (h *Handler) set(n *NewAsset, name, value string) error {
	if name == "profile" && h.opts.UploadProfiles {
		n.Profile = value
		return nil
	}
	return n.set(name, value)
}

// set takes a value that any client may send under a name.
func (n *NewAsset) set(name, value string) error {
	key, isMeta := strings.CutPrefix(name, metadataField)
	switch {
	case name == "id":
		n.ID = value
		if value != "" {
			return ValidID(value)
		}
	case name == "name":
		n.Name = value
	case name == "priority" && value != "":
		p, err := strconv.Atoi(value)
		if err != nil {
			return invalid("priority is a whole number.")
		}
		n.Priority = p
	case isMeta:
		if n.Metadata == nil {
			n.Metadata = map[string]string{}
		}
		n.Metadata[key] = value
	}
	return nil
}

// describe reads what a request says of its upload beside the body.
func (h *Handler) describe(r *http.Request) (NewAsset, error) {
	var n NewAsset
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return n, invalid("The query of the address cannot be read.")
	}
	for name, values := range query {
		if err := h.set(&n, name, values[0]); err != nil {
			return n, err
		}
	}
	if n.Name != "" {
		return n, nil
	}
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil {
		n.Name = params["filename"]
	}
	if name := r.Header.Get("X-File-Name"); name != "" {
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
		n.Name = name
	}
	return n, nil
}

// formError says whose fault it is that a form could not be read on.
func formError(err error) error {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), isNetwork(err):
		return fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	return fmt.Errorf("%w: %w", errMalformed, err)
}

// isNetwork says whether err comes from reading, not from what was read.
func isNetwork(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout)
}

// limited is the part of r up to limit bytes; more is ErrTooLarge.
func limited(r io.Reader, limit int64) io.Reader { return &meter{r: r, left: limit} }
