package hls

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"

	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/internal/problem"
)

// ActionKey is the action that a [Handler] asks Authorize about where a key is asked for.
const ActionKey = "key"

// serveKey answers a request for a key. name is its whole path. Nothing but Authorize
// decides who gets it, whatever the playlists' and segments' addresses open.
func (h *Handler) serveKey(w http.ResponseWriter, r *http.Request, name, id string) {
	asset := h.opts.Asset(name)
	switch {
	case h.opts.Authorize != nil:
		if err := h.opts.Authorize(r, ActionKey, asset); err != nil {
			h.opts.Logger.DebugContext(r.Context(), "key request denied", "asset", asset, "err", err)
			problem.Denied(w, err)
			return
		}
	case !h.opts.OpenKeys:
		h.opts.Logger.ErrorContext(r.Context(), "a key was asked for, and none is served: set HandlerOptions.Authorize, or OpenKeys if everybody may have it", "asset", asset)
		problem.Write(w, http.StatusForbidden, problem.Forbidden, "You may not do this.")
		return
	}
	if ValidKeyID(id) != nil {
		deliver.NotFound(w)
		return
	}
	key, err := h.opts.Keys.Key(r.Context(), asset, id)
	if err == nil && len(key) != KeySize {
		err = fmt.Errorf("hls: the key has %d bytes, not %d", len(key), KeySize)
	}
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		deliver.NotFound(w)
		return
	default:
		if r.Context().Err() == nil { // else the client has gone
			h.opts.Logger.ErrorContext(r.Context(), "a key cannot be had", "asset", asset, "key_id", id, "err", err)
		}
		w.Header().Set("Retry-After", deliver.RetryAfter)
		problem.Write(w, http.StatusServiceUnavailable, problem.Unavailable, "The key cannot be had now; try again in a moment.")
		return
	}
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Content-Type", "application/octet-stream")
	head.Set("Content-Length", strconv.Itoa(KeySize))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	_, _ = w.Write(key)
}
