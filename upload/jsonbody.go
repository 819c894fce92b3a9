package upload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/internal/rolling"
)

// maxJSON is the largest JSON body that is read, in bytes: as much metadata as there may be,
// escaped.
const maxJSON = 2 << 20

// Media types of JSON bodies.
const (
	typeJSON       = "application/json"
	typeMergePatch = "application/merge-patch+json"
)

// requestError is the answer to a request that is wrong by itself.
type requestError struct{ answer }

func (e *requestError) Error() string { return e.code + ": " + e.message }

// readBody reads a JSON body. It has to say that it is one of types, which pages of other
// origins can't without being asked for leave.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request, types ...string) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || !slices.Contains(types, kind) {
		return nil, &requestError{answer{http.StatusUnsupportedMediaType, codeType,
			"Send JSON, with the content type " + types[0] + ".", ""}}
	}
	body := rolling.New(w, r.Body, h.opts.UploadIdle)
	defer body.Done()
	data, err := io.ReadAll(http.MaxBytesReader(w, body, maxJSON))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, invalid("The body has more than %s.", byteSize(maxJSON))
	case errors.Is(err, os.ErrDeadlineExceeded), err != nil:
		return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	case !json.Valid(data):
		return nil, &requestError{answer{http.StatusBadRequest, problem.BadRequest, "The body is no well-formed JSON.", ""}}
	}
	return data, nil
}

// readJSON reads a JSON object into v. Members that v has no field for are ignored.
func (h *Handler) readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	data, err := h.readBody(w, r, typeJSON)
	if err != nil {
		return err
	}
	return mistyped(json.Unmarshal(data, v))
}

// readExactly is readJSON where a member that is not known might have been meant to leave
// something out.
func (h *Handler) readExactly(w http.ResponseWriter, r *http.Request, v any) error {
	data, err := h.readBody(w, r, typeJSON)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return mistyped(dec.Decode(v))
}

// assetBody is what JSON says of a new asset, whichever way its bytes come.
type assetBody struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Priority int               `json:"priority"`
	Profile  string            `json:"profile"`
	Metadata map[string]string `json:"metadata"`
}

// newAsset returns the asset, with a profile where clients may choose one.
func (b assetBody) newAsset(h *Handler, r *http.Request) NewAsset {
	n := NewAsset{ID: b.ID, Tenant: h.tenant(r), Name: b.Name, Priority: b.Priority, Metadata: b.Metadata}
	if h.opts.UploadProfiles {
		n.Profile = b.Profile
	}
	return n
}

// mistyped says in a sentence why well-formed JSON could not be taken.
func mistyped(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind) && kind.Field == "":
		return invalid("The body is a JSON object, not a %s.", kind.Value)
	case errors.As(err, &kind):
		_, field, embedded := strings.Cut(kind.Field, "Body.") // the path has the names of embedded types
		if !embedded {
			field = kind.Field
		}
		return invalid("The field %q can't be a %s.", field, kind.Value)
	}
	return invalid("The body cannot be taken: %v.", err)
}
