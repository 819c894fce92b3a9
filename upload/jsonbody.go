package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"

	"github.com/vodkit/vodkit/internal/rolling"
)

// maxJSON is the largest JSON body that is read, in bytes.
const maxJSON = 1 << 20

// errNotJSON says that a body has another content type than JSON, errMalformedJSON that it
// says it is JSON and is not.
var (
	errNotJSON       = errors.New("body is not JSON")
	errMalformedJSON = errors.New("malformed JSON")
)

// readJSON reads the body of a request into v. It has to say that it is JSON, which pages
// of other origins can't without being asked for leave.
func (h *Handler) readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errNotJSON
	}
	body := rolling.New(w, r, h.opts.UploadIdle)
	defer body.Done()
	data, err := io.ReadAll(http.MaxBytesReader(w, body, maxJSON))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return invalid("The description has more than %s.", byteSize(maxJSON))
	case errors.Is(err, os.ErrDeadlineExceeded), err != nil:
		return fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	err = json.Unmarshal(data, v)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped) && mistyped.Field == "":
		return invalid("The body is a JSON object, not a %s.", mistyped.Value)
	case errors.As(err, &mistyped):
		return invalid("The field %q can't be a %s.", mistyped.Field, mistyped.Value)
	case err != nil:
		return fmt.Errorf("%w: %w", errMalformedJSON, err)
	}
	return nil
}
