package hls

import (
	"log/slog"
	"net/http"
	"path"
	"strings"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/storage"
)

// ActionMedia is the action that a [Handler] asks Authorize about.
const ActionMedia = "media"

// HandlerOptions configure a [Handler].
type HandlerOptions struct {
	// Prefix is put, with a slash, before every request's path to make the key in the
	// Store. Nothing outside it can be reached. Slashes at its ends are ignored. Defaults
	// to "media".
	Prefix string
	// Path returns the path under Prefix that a request asks for, unescaped; a slash at
	// its start is ignored. Under a router's pattern use [PathValue]. Defaults to
	// r.URL.Path, as http.StripPrefix leaves it.
	Path func(r *http.Request) string
	// Authorize decides whether the request may read the asset; action is ActionMedia, or
	// ActionKey for a key. A
	// nil error lets it. Another is answered with 403, with 404 where it matches
	// fs.ErrNotExist, or with the status of an HTTPStatus() int method in its chain; its
	// text stays inside. It is asked for every playlist and segment, so it should be
	// quick. Defaults to nil: whoever knows an address may read what is there.
	Authorize func(r *http.Request, action, asset string) error
	// Asset returns the asset that a path under Prefix belongs to. Defaults to the
	// path's first element.
	Asset func(path string) string
	// Keys has the keys of encrypted segments, which are served as <asset>/keys/<id>.key to
	// whom Authorize lets have them when it is asked with ActionKey. They are never cached.
	// The names of assets are those of Asset. Defaults to nil: there is nothing at these
	// addresses.
	Keys KeyProvider
	// OpenKeys serves keys to everybody where Authorize is nil. Defaults to false: then
	// nobody gets one.
	OpenKeys bool
	// AllowOrigin returns the Access-Control-Allow-Origin for a request, "" for none.
	// Defaults to "*" for all.
	AllowOrigin func(r *http.Request) string
	// AllowCredentials lets browsers send cookies from the origin that AllowOrigin
	// names; it has no effect with "*". Defaults to false.
	AllowCredentials bool
	// AllowHeaders are the request headers that scripts of other origins may set, besides
	// Authorization, Range and the conditional ones. Defaults to none.
	AllowHeaders []string
	// MediaCacheControl is the Cache-Control of everything that is no playlist: it never
	// changes. Defaults to "public, max-age=31536000, immutable", with "private" for
	// "public" where Authorize is set, so that a shared cache does not answer in its
	// place.
	MediaCacheControl string
	// FinalCacheControl is the Cache-Control of final media playlists (index.m3u8,
	// index-2.m3u8, and I-frame playlists). Defaults to "public, max-age=3600", or "private, …" where Authorize is set.
	FinalCacheControl string
	// GrowingCacheControl is the Cache-Control of all other playlists. Defaults to
	// "public, max-age=1", or "private, …" where Authorize is set.
	GrowingCacheControl string
	// MaxPlaylist is the size in bytes up to which a playlist is compressed, in memory.
	// Defaults to 4 MiB.
	MaxPlaylist int64
	// Logger is told of failures of the Store. Defaults to nil, silence.
	Logger *slog.Logger
}

// Handler serves presentations from a Store: playlists, segments and whatever else is
// under its prefix, to GET, HEAD and OPTIONS. It holds no state beyond a few compressed
// playlists, and may be mounted anywhere:
//
//	http.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, nil)))
//	mux.Handle("/watch/{path...}", hls.NewHandler(store, &hls.HandlerOptions{Path: hls.PathValue("path")}))
//
// Routers that match without shortening the path, such as chi's Mount, need
// http.StripPrefix or a Path as well.
//
// Ranges and conditions are those of RFC 9110; a request for several ranges is answered
// with the whole. Playlists are compressed for those who accept gzip. Objects that are
// files of the operating system (see [storage.File]) leave without passing through
// memory where net/http can do that. Every answer carries the CORS headers, failures
// too. Failures are JSON, {"error": {"code": …, "message": …}}, and never cached.
//
// Whoever knows an address may read what is there unless HandlerOptions.Authorize says
// otherwise.
type Handler struct {
	store        storage.Store
	opts         HandlerOptions
	allowHeaders string
	gzip         gzipCache
}

var _ http.Handler = (*Handler)(nil)

// NewHandler returns a Handler over the store.
func NewHandler(store storage.Store, opts *HandlerOptions) *Handler {
	h := &Handler{store: store, gzip: gzipCache{max: maxCompressed}}
	if opts != nil {
		h.opts = *opts
	}
	o := &h.opts
	scope := "public"
	if o.Authorize != nil {
		scope = "private"
	}
	o.Prefix = strings.Trim(o.Prefix, "/")
	setDefault(&o.Prefix, "media")
	setDefault(&o.MediaCacheControl, scope+", max-age=31536000, immutable")
	setDefault(&o.FinalCacheControl, scope+", max-age=3600")
	setDefault(&o.GrowingCacheControl, scope+", max-age=1")
	if o.Path == nil {
		o.Path = func(r *http.Request) string { return r.URL.Path }
	}
	if o.Asset == nil {
		o.Asset = func(path string) string {
			asset, _, _ := strings.Cut(path, "/")
			return asset
		}
	}
	if o.MaxPlaylist <= 0 {
		o.MaxPlaylist = 4 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h.allowHeaders = strings.Join(append([]string{
		"Authorization", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Range",
	}, o.AllowHeaders...), ", ")
	return h
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// PathValue returns a HandlerOptions.Path that takes the path from a wildcard of the
// pattern that matched, as in "GET /media/{path...}".
func PathValue(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.PathValue(name) }
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.setCORS(w, r)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.options(w, r)
		return
	default:
		w.Header().Set("Allow", allowedMethods)
		problem.Write(w, http.StatusMethodNotAllowed, problem.MethodNotAllowed, "Media can only be read: use GET or HEAD.")
		return
	}
	name, ok := h.name(r)
	if !ok {
		notFound(w)
		return
	}
	if id, ok := keyOf(name); ok && h.opts.Keys != nil {
		h.serveKey(w, r, name, id)
		return
	}
	if h.opts.Authorize != nil {
		if err := h.opts.Authorize(r, ActionMedia, h.opts.Asset(name)); err != nil {
			h.opts.Logger.DebugContext(r.Context(), "media request denied", "path", name, "err", err)
			problem.Denied(w, err)
			return
		}
	}
	newDelivery(h, w, r, h.opts.Prefix+"/"+name).serve()
}

// name returns the path under the prefix that the request asks for, and whether there
// can be something. There is nothing behind a path that is not clean, that ends in a
// slash, that has a name which starts with a dot, or that spells a slash in percent
// encoding: what a proxy in front takes for one element is never two here.
func (h *Handler) name(r *http.Request) (string, bool) {
	raw := strings.ToLower(r.URL.RawPath)
	if strings.Contains(raw, "%2f") || strings.Contains(raw, "%5c") {
		return "", false
	}
	name := strings.TrimPrefix(h.opts.Path(r), "/")
	if name == "" || path.Clean("/"+name) != "/"+name || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		return "", false
	}
	return name, storage.CheckKey(h.opts.Prefix+"/"+name) == nil
}
