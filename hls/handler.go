package hls

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"runtime"
	"strings"
	"time"

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
	// Query returns what is put, behind a question mark, behind each relative URI in the
	// playlists and storyboards that the request is answered with: variants, renditions,
	// segments, EXT-X-MAP, EXT-X-KEY. So a token in the first URL opens all that follows;
	// package hls/sign makes one. "" leaves them as they are. It must be escaped already: what
	// has characters that no query has is answered with 500. Defaults to nil, nothing.
	Query func(r *http.Request) string
	// MediaURL returns the URL by which players fetch the object with the key, which is one
	// that playlists refer to and neither a playlist nor a key, or "" for this Handler. It
	// has to be good for the lifetime: the video's length and more. What it returns is the same for all
	// viewers and is kept for an hour, without a Query. [BaseURL] and [PresignedURLs] make
	// one. Defaults to nil, all from this Handler.
	MediaURL func(ctx context.Context, key string, lifetime time.Duration) (string, error)
	// OnResponse is told of each answer when it has gone, in the request's goroutine: for
	// metrics and access logs. Defaults to nil.
	OnResponse func(r *http.Request, resp Response)
	// MaxPlaylist is the size in bytes up to which a playlist is kept in memory, rewritten and
	// compressed. A larger one is answered as it is in the Store, and not at all where it
	// would have to be rewritten. Defaults to 4 MiB.
	MaxPlaylist int64
	// Revalidate is how long a growing or multivariant playlist that was read is taken for
	// what the Store has. Less than 0 asks the Store for every request. Defaults to 200 ms; final
	// playlists are taken for that for 5 seconds at least.
	Revalidate time.Duration
	// OpenFiles is how many files are kept open between requests, where the Store has files
	// of the operating system: none for longer than 10 seconds, after which what was
	// deleted is gone. Less than 0 keeps none. Defaults to 256; to none on Windows, where an
	// open file can't be deleted.
	OpenFiles int
	// Logger is told of failures of the Store. Defaults to nil, silence.
	Logger *slog.Logger
}

// Handler serves presentations from a Store: playlists, segments and whatever else is
// under its prefix, to GET, HEAD and OPTIONS. It holds no state beyond some playlists and
// open files, and may be mounted anywhere:
//
//	http.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, nil)))
//	mux.Handle("/watch/{path...}", hls.NewHandler(store, &hls.HandlerOptions{Path: hls.PathValue("path")}))
//
// Routers that match without shortening the path, such as chi's Mount, need
// http.StripPrefix or a Path as well.
//
// Ranges, also several of them, and conditions are those of RFC 9110. Playlists are kept,
// compressed for those who accept gzip. Objects that are files of the operating system (see
// [storage.File]) leave without passing through memory where net/http can do that; in front of
// a bucket elsewhere put a [storage.Cache]. Every answer carries the CORS headers, failures
// too. Failures are JSON, {"error": {"code": …, "message": …}}, and never cached.
//
// Whoever knows an address may read what is there unless HandlerOptions.Authorize says
// otherwise.
type Handler struct {
	store        storage.Store
	opts         HandlerOptions
	allowHeaders string
	playlists    shelf
	zip          zipper
	files        openFiles

	// Values of headers that never change: what net/http keeps is shared.
	mediaCache, finalCache, growingCache []string
}

var _ http.Handler = (*Handler)(nil)

// NewHandler returns a Handler over the store.
func NewHandler(store storage.Store, opts *HandlerOptions) *Handler {
	h := &Handler{store: store}
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
	if o.Revalidate == 0 {
		o.Revalidate = 200 * time.Millisecond
	}
	if o.OpenFiles == 0 && runtime.GOOS != "windows" {
		o.OpenFiles = 256
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h.files.most = max(0, o.OpenFiles)
	h.playlists = shelf{read: h.readText, fresh: h.freshness, most: maxShelf}
	h.mediaCache, h.finalCache, h.growingCache = []string{o.MediaCacheControl}, []string{o.FinalCacheControl}, []string{o.GrowingCacheControl}
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
	a := answer{h: h, w: w, r: r}
	if h.opts.OnResponse == nil {
		a.serve()
		return
	}
	rec := &recorder{ResponseWriter: w}
	a.w = rec
	begun := time.Now()
	defer func() {
		asset := ""
		if a.name != "" {
			asset = h.opts.Asset(a.name)
		}
		h.opts.OnResponse(r, Response{
			Asset: asset, Path: a.name, Status: rec.status, Bytes: rec.bytes, Duration: time.Since(begun), CacheHit: a.hit,
		})
	}()
	a.serve()
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
	if ordinary(name) {
		return name, true
	}
	if name == "" || path.Clean("/"+name) != "/"+name || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		return "", false
	}
	return name, storage.CheckKey(h.opts.Prefix+"/"+name) == nil
}

// ordinary says of a name, at one glance, that it is one of what vodkit writes: nothing in
// it that name has to think about.
func ordinary(name string) bool {
	if len(name) > 200 || !strings.HasSuffix(name, ".m4s") && !strings.HasSuffix(name, ".m3u8") && !strings.HasSuffix(name, ".mp4") {
		return false
	}
	last := byte('/')
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', c == '-', c == '_':
		case c == '.', c == '/':
			if last == '.' || last == '/' { // "..", "//", "/." or "./"
				return false
			}
		default:
			return false
		}
		last = c
	}
	return true
}
