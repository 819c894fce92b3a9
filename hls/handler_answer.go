package hls

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/storage"
)

// answer is that to one request.
type answer struct {
	h    *Handler
	w    http.ResponseWriter
	r    *http.Request
	name string // path under the prefix, "" where there can be nothing
	hit  bool   // the Store was not asked for bytes
}

func (a *answer) serve() {
	a.w.Header()["X-Content-Type-Options"] = nosniff
	a.h.setCORS(a.w, a.r)
	switch a.r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		a.h.options(a.w, a.r)
		return
	default:
		a.w.Header().Set("Allow", allowedMethods)
		problem.Write(a.w, http.StatusMethodNotAllowed, problem.MethodNotAllowed, "Media can only be read: use GET or HEAD.")
		return
	}
	name, ok := a.h.name(a.r)
	if !ok {
		deliver.NotFound(a.w)
		return
	}
	a.name = name
	if id, ok := keyOf(name); ok && a.h.opts.Keys != nil {
		a.h.serveKey(a.w, a.r, name, id)
		return
	}
	if a.h.opts.Authorize != nil {
		if err := a.h.opts.Authorize(a.r, ActionMedia, a.h.opts.Asset(name)); err != nil {
			a.h.opts.Logger.DebugContext(a.r.Context(), "media request denied", "path", name, "err", err)
			problem.Denied(a.w, err)
			return
		}
	}
	key := a.h.opts.Prefix + "/" + name
	if isPlaylist(key) || a.h.rewritten(key) {
		a.text(key)
		return
	}
	a.object(key)
}

var (
	nosniff = []string{"nosniff"}
	gzipped = []string{"gzip"}
)

// object answers with an object as it is in the Store.
func (a *answer) object(key string) {
	o := object{h: a.h, key: key}
	opts := a.options(key)
	opts.Header = func(h http.Header, info storage.Info) {
		if o.head == nil {
			o.head = a.h.fields(key, info, opts.Mutable)
		}
		for _, f := range o.head {
			h[f.name] = f.value
		}
	}
	deliver.Serve(a.w, a.r, &o, opts)
	a.hit = o.hit
}

func (a *answer) options(key string) deliver.Options {
	return deliver.Options{Mutable: changes(key), Name: key, Logger: a.h.opts.Logger}
}

// text answers with a playlist, or what else is rewritten.
func (a *answer) text(key string) {
	opts := a.options(key)
	query := ""
	if a.h.opts.Query != nil {
		if query = a.h.opts.Query(a.r); !validQuery(query) {
			a.h.opts.Logger.ErrorContext(a.r.Context(), "HandlerOptions.Query returned what is no query", "key", key)
			problem.Write(a.w, http.StatusInternalServerError, problem.Internal, "Something in the service broke. Tell its operator.")
			return
		}
	}
	t, hit, err := a.h.playlists.get(a.r.Context(), key)
	switch {
	case errors.Is(err, errLarge) && query == "" && a.h.opts.MediaURL == nil:
		a.object(key)
		return
	case err != nil:
		deliver.Failed(a.w, a.r, opts, fmt.Errorf("hls: %w", err))
		return
	}
	a.hit = hit
	// Ranges are ranges of the plain bytes.
	opts.Whole = a.r.Header.Get("Range") == "" && acceptsGzip(a.r.Header)
	k := t.known
	switch {
	case query != "":
		if k = t.withQuery(query); opts.Whole {
			k = a.h.zip.known(k)
		}
	case opts.Whole:
		k = t.zipped()
	}
	if k.head != nil && deliver.Plain(a.r) {
		a.prepared(k)
		return
	}
	opts.Mutable = t.mutable || query != ""
	opts.Header = func(h http.Header, _ storage.Info) {
		h["Content-Type"] = []string{storage.ContentType(key)}
		h["Cache-Control"] = a.h.cacheControl(key)
		varies(h)
		if opts.Whole {
			h["Content-Encoding"] = gzipped
		}
	}
	deliver.Serve(a.w, a.r, k, opts)
}

// prepared answers a plain GET with what is at hand: most of what a crowd asks for.
func (a *answer) prepared(k known) {
	h := a.w.Header()
	for _, f := range k.head {
		h[f.name] = f.value
	}
	varies(h)
	_, _ = a.w.Write(k.bytes) // or the client has gone
}

var variesByEncoding = []string{"Accept-Encoding"}

// varies says that there is a compressed form.
func varies(h http.Header) {
	if h["Vary"] != nil {
		h.Add("Vary", "Accept-Encoding")
		return
	}
	h["Vary"] = variesByEncoding
}

func (h *Handler) cacheControl(key string) []string {
	switch {
	case !isPlaylist(key):
		return h.mediaCache
	case changes(key):
		return h.growingCache
	}
	return h.finalCache
}
