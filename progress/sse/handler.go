package sse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"

	"github.com/vodkit/vodkit/internal/problem"
)

// ServeHTTP streams the state of the assets that the request names; see the package's
// documentation. HEAD answers the headers alone. Errors are JSON: 400 for a request
// that names no asset, or more than Options.MaxAssets; what Options.Authorize says;
// 404 for an unknown asset, 405; 503 with Retry-After while there are too many
// clients, after Close, and where Snapshot fails.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.opts.AllowOrigin != "" {
		w.Header().Set("Access-Control-Allow-Origin", h.opts.AllowOrigin)
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.options(w)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		problem.Write(w, http.StatusMethodNotAllowed, problem.MethodNotAllowed, "Progress can only be read: use GET.")
		return
	}
	assets, ok := h.allowed(w, r)
	if !ok {
		return
	}
	if !canFlush(w) {
		h.opts.Logger.ErrorContext(r.Context(), "the response can't be flushed: a middleware hides http.Flusher and has no Unwrap",
			"writer", fmt.Sprintf("%T", w))
		problem.Write(w, http.StatusInternalServerError, problem.Internal,
			"Progress can't be streamed here: a middleware in front of the handler hides Flush and has no Unwrap method.")
		return
	}
	c, err := h.subscribe(assets)
	if err != nil {
		unavailable(w, "There are too many listeners now. Try again in a moment.")
		return
	}
	defer h.leave(c)
	if err := h.load(r.Context(), c); err != nil {
		if r.Context().Err() == nil {
			h.opts.Logger.ErrorContext(r.Context(), "snapshot failed", "assets", assets, "error", err)
		}
		unavailable(w, "The state of the asset can't be read now. Try again in a moment.")
		return
	}
	seen := seenBy(h.epoch, r.Header.Get("Last-Event-ID"))
	unknown, over := h.start(c, seen)
	switch {
	case unknown == len(assets):
		problem.Write(w, http.StatusNotFound, problem.NotFound, fmt.Sprintf("There is no asset %q.", assets[0]))
	case over && seen > 0 && h.opts.Linger > 0:
		w.WriteHeader(http.StatusNoContent) // EventSource stops
	default:
		h.serve(w, r, c)
	}
}

// serve answers with the stream.
func (h *Hub) serve(w http.ResponseWriter, r *http.Request, c *client) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-cache, no-store, no-transform")
	header.Set("X-Accel-Buffering", "no")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	out := newWriter(w, h.opts.WriteTimeout)
	defer out.end()
	if err := h.stream(r.Context(), out, c); err != nil {
		h.opts.Logger.DebugContext(r.Context(), "client lost", "error", err)
	}
}

// allowed returns the assets that the request names and may see, or answers it.
func (h *Hub) allowed(w http.ResponseWriter, r *http.Request) ([]string, bool) {
	var assets []string
	if asset := h.opts.Asset(r); asset != "" {
		assets = []string{asset}
	} else {
		for _, asset := range r.URL.Query()["asset"] {
			if asset != "" && !slices.Contains(assets, asset) {
				assets = append(assets, asset)
			}
			if len(assets) > h.opts.MaxAssets {
				problem.Write(w, http.StatusBadRequest, problem.BadRequest,
					fmt.Sprintf("One stream tells of at most %d assets. Ask for fewer.", h.opts.MaxAssets))
				return nil, false
			}
		}
	}
	if len(assets) == 0 {
		problem.Write(w, http.StatusBadRequest, problem.BadRequest, "Say which asset: /events?asset=ID.")
		return nil, false
	}
	if h.opts.Authorize == nil {
		return assets, true
	}
	var hidden error
	assets = slices.DeleteFunc(assets, func(asset string) bool {
		if hidden != nil && !errors.Is(hidden, fs.ErrNotExist) {
			return false // refused already
		}
		err := h.opts.Authorize(r, ActionEvents, asset)
		if err != nil {
			hidden = err
		}
		return err != nil
	})
	if hidden != nil && (len(assets) == 0 || !errors.Is(hidden, fs.ErrNotExist)) {
		problem.Denied(w, hidden)
		return nil, false
	}
	return assets, true
}

// load asks Snapshot for the assets that nothing has been reported of.
func (h *Hub) load(ctx context.Context, c *client) error {
	if h.opts.Snapshot == nil {
		return nil
	}
	for _, sub := range c.subs {
		if h.known(sub) {
			continue
		}
		e, err := h.opts.Snapshot(ctx, sub.state.asset)
		if errors.Is(err, fs.ErrNotExist) {
			h.unlearn(sub)
			continue
		}
		if err != nil {
			return err
		}
		h.learn(sub, e)
	}
	return nil
}

// options answers OPTIONS, a CORS preflight for one.
func (h *Hub) options(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Allow", "GET, HEAD, OPTIONS")
	if h.opts.AllowOrigin != "" {
		header.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		header.Set("Access-Control-Allow-Headers", "Authorization, Cache-Control, Last-Event-ID")
		header.Set("Access-Control-Max-Age", "7200") // seconds
	}
	w.WriteHeader(http.StatusNoContent)
}

func unavailable(w http.ResponseWriter, message string) {
	w.Header().Set("Retry-After", "5") // seconds
	problem.Write(w, http.StatusServiceUnavailable, problem.Unavailable, message)
}

// canFlush says whether w, or what it wraps, can be flushed, without doing so:
// http.ResponseController would send the headers.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch v := w.(type) {
		case interface{ FlushError() error }, http.Flusher:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return false
		}
	}
}
