package upload

import (
	"encoding/json"
	"net/http"
)

// patch answers PATCH: a JSON merge patch (RFC 7396) of the name, the metadata and the
// priority.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request, at place) {
	if _, ok := h.find(w, r, ActionUpdate, at.id); !ok {
		return
	}
	w.Header().Set("Accept-Patch", typeMergePatch) // RFC 5789 section 3.1
	data, err := h.readBody(w, r, typeMergePatch, typeJSON)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	a, err := h.p.update(r.Context(), at.id, func(a Asset, e *Edit) error {
		if err := h.unmodified(r, a); err != nil {
			return err
		}
		if err := mergePatch(e, data); err != nil {
			return err
		}
		if h.opts.PrepareUpdate != nil {
			if err := h.opts.PrepareUpdate(r, a, e); err != nil {
				return &deniedError{err}
			}
		}
		return nil
	})
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.show(w, r, a)
}

// mergePatch applies a patch to e. What a patch leaves out stays, and null takes away.
func mergePatch(e *Edit, patch []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(patch, &members); err != nil || members == nil {
		return invalid(`The body is a JSON object with what is to be changed, such as {"name": "holiday"}.`)
	}
	for name, value := range members {
		var err error
		switch name {
		case "name":
			e.Name, err = patched[string](name, value, "a string")
		case "priority":
			e.Priority, err = patched[int](name, value, "a whole number")
		case "metadata":
			err = e.patchMetadata(value)
		default:
			err = invalid("%q cannot be changed: name, metadata and priority can.", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// patched reads the new value of a member, the zero one for null.
func patched[T any](name string, value json.RawMessage, kind string) (v T, err error) {
	if json.Unmarshal(value, &v) != nil {
		return v, invalid("%s is %s.", name, kind)
	}
	return v, nil
}

func (e *Edit) patchMetadata(value json.RawMessage) error {
	entries, err := patched[map[string]*string]("metadata", value, "an object of strings")
	if err != nil {
		return err
	}
	if entries == nil {
		e.Metadata = nil // the patch was null
	}
	for key, v := range entries {
		switch {
		case v == nil:
			delete(e.Metadata, key)
		case e.Metadata == nil:
			e.Metadata = map[string]string{key: *v}
		default:
			e.Metadata[key] = *v
		}
	}
	return nil
}
