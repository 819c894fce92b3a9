package upload

import (
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/vodkit/vodkit/internal/mount"
	"github.com/vodkit/vodkit/internal/problem"
)

// Actions that HandlerOptions.Authorize is asked for. ActionMedia is asked by
// hls.Handler, the others by this package's.
const (
	ActionUpload = "upload" // make an asset, or retry one: both cost an encode
	ActionRead   = "read"   // look at one asset
	ActionList   = "list"   // list assets
	ActionEvents = "events" // follow the progress of one asset
	ActionMedia  = "media"  // play it
	ActionDelete = "delete" // delete an asset, or cancel its encode
	ActionSource = "source" // fetch the original
	ActionUpdate = "update" // change the name, the metadata or the priority
	// ActionReplace is to put another source in the place of an asset's, or to go back to
	// the one before.
	ActionReplace = "replace"
	// ActionProfile is to choose one of Options.Profiles, which may cost more: it is asked
	// beside ActionUpload or ActionBatch, where a request names one.
	ActionProfile = "profile"
	ActionBatch   = "batch" // retry many
)

// HandlerOptions shape a Handler.
type HandlerOptions struct {
	// Base is the URL path that the handler is mounted at, without a slash at its end. It
	// is cut from the request's path where nobody has done so before (http.StripPrefix or
	// a router). Defaults to "/assets".
	Base string
	// Media is the URL path that hls.Handler is mounted at: the playlist
	// "media/42/master.m3u8" is told as Media + "42/master.m3u8". Defaults to "/media/".
	Media string
	// MediaURL returns the URL of the playlist with the key, such as one with a token or
	// on a CDN. Defaults to nil, what Media says.
	MediaURL func(r *http.Request, key string) string
	// Events answers GET {id}/events: usually an sse.Hub. The id is in
	// r.PathValue("id"). Defaults to nil, 404.
	Events http.Handler

	// Originals has GET {id}/source answer with the file as it was uploaded, in ranges: to be
	// downloaded (?download), or played by browsers that know its format while nothing is encoded
	// yet. Defaults to false, 404.
	Originals bool

	// Authorize says whether the request may do action (see ActionUpload and the others)
	// with the asset, which is "" where the action has none or the id is not known yet:
	// nil to let it in, an error that matches fs.ErrNotExist to hide that the asset
	// exists, an error with a method HTTPStatus() int for a status such as 401, a [*Refusal]
	// for words of its own, another one for 403. Defaults to nil: open, everybody who reaches the handler may do
	// everything.
	Authorize func(r *http.Request, action, asset string) error
	// Tenant returns whose assets the request is about: uploads belong to that tenant,
	// lists show no others, and others' assets are answered 404. "" sees all. Defaults to
	// nil, no tenants.
	Tenant func(r *http.Request) string
	// Prepare may change or refuse what a request uploads, before its first byte is read:
	// the id, the priority, the metadata. For what replaces a source, n has the asset's id,
	// and name and type alone count. Errors are answered as those of Authorize. Defaults to
	// nil.
	Prepare func(r *http.Request, n *NewAsset) error
	// PrepareUpdate may change or refuse what a request changes of the asset a: e is what it
	// would become. It may be called more than once for a request. Errors are answered as those
	// of Authorize. Defaults to nil.
	PrepareUpdate func(r *http.Request, a Asset, e *Edit) error
	// UploadProfiles lets uploads choose one of Options.Profiles in a field "profile", where
	// Authorize lets them (ActionProfile). Defaults to false, the field is ignored: ladders
	// cost, so whoever uploads does not choose, and Prepare may.
	UploadProfiles bool

	// MaxUpload is the largest upload in bytes. Defaults to the pipeline's MaxSize, which
	// holds in any case.
	MaxUpload int64
	// UploadIdle is how long an upload may bring nothing before it is ended with 408. It
	// replaces the server's ReadTimeout and WriteTimeout while a body is read, so that
	// long uploads live. Defaults to 1 minute.
	UploadIdle time.Duration
	// AllowOrigin is the Access-Control-Allow-Origin of every answer: "*", or the origin
	// of the pages. Credentials and more than one origin need a CORS middleware in front.
	// Defaults to "", no header: pages of the same origin only.
	AllowOrigin string
}

// Handler serves the HTTP interface of a Pipeline; the package documentation has its
// routes, its JSON and the table of its error codes.
type Handler struct {
	p    *Pipeline
	opts HandlerOptions
}

var _ http.Handler = (*Handler)(nil)

// NewHandler returns the handler of p.
func NewHandler(p *Pipeline, opts *HandlerOptions) *Handler {
	var o HandlerOptions
	if opts != nil {
		o = *opts
	}
	if o.Base == "" {
		o.Base = "/assets"
	}
	o.Base = "/" + strings.Trim(o.Base, "/")
	if o.Media == "" {
		o.Media = "/media/"
	}
	o.Media = strings.TrimRight(o.Media, "/") + "/"
	if o.MaxUpload <= 0 || o.MaxUpload > p.opts.MaxSize {
		o.MaxUpload = p.opts.MaxSize
	}
	if o.UploadIdle <= 0 {
		o.UploadIdle = time.Minute
	}
	return &Handler{p: p, opts: o}
}

// ServeHTTP answers the request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v) //nolint:forbidigo // the way of net/http to end a response
		default: // a hook of the host: what it would have said is not known, so nothing is done
			h.p.log.Error("A handler panicked.", "panic", v, "stack", string(debug.Stack()))
			problem.Write(w, http.StatusInternalServerError, problem.Internal, "Something in the service broke. Tell its operator.")
		}
	}()
	if h.opts.AllowOrigin != "" {
		w.Header().Set("Access-Control-Allow-Origin", h.opts.AllowOrigin)
		w.Header().Set("Access-Control-Expose-Headers", "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Location, Retry-After")
	}
	at := h.locate(r)
	switch {
	case at.id == "":
		h.choose(w, r, at, methods{http.MethodGet: h.list, http.MethodPost: h.upload})
	case at.verb == "":
		h.choose(w, r, at, h.ofAsset(at))
	case at.verb == "retry":
		h.choose(w, r, at, methods{http.MethodPost: h.retry})
	case at.verb == "cancel":
		h.choose(w, r, at, methods{http.MethodPost: h.cancel})
	case at.verb == "restore":
		h.choose(w, r, at, methods{http.MethodPost: h.restore})
	case at.verb == "complete":
		h.choose(w, r, at, methods{http.MethodPost: h.complete})
	case at.verb == "upload":
		h.choose(w, r, at, methods{http.MethodGet: h.renew, http.MethodDelete: h.abandon})
	case at.verb == "events" && h.opts.Events != nil:
		h.choose(w, r, at, methods{http.MethodGet: h.events})
	case at.verb == "source" && h.opts.Originals:
		h.choose(w, r, at, methods{http.MethodGet: h.source, http.MethodPut: h.replace})
	case at.verb == "source" && r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.choose(w, r, at, methods{http.MethodPut: h.replace})
	default:
		problem.Write(w, http.StatusNotFound, problem.NotFound, "There is nothing at this address.")
	}
}

// place is what a request's path names.
type place struct {
	base string // the URL path of the collection
	id   string // "" for the collection
	verb string // what follows the id
}

// locate reads the path, wherever the handler is mounted.
func (h *Handler) locate(r *http.Request) place {
	base, rest := mount.Locate(r, h.opts.Base)
	at := place{base: base}
	at.id, at.verb, _ = strings.Cut(rest, "/")
	return at
}

type methods map[string]func(w http.ResponseWriter, r *http.Request, at place)

// ofAsset returns what can be done with an asset's own address. Some are addresses of more,
// with names that assets may have, too.
func (h *Handler) ofAsset(at place) methods {
	m := methods{http.MethodGet: h.get, http.MethodPatch: h.patch, http.MethodDelete: h.delete}
	switch at.id {
	case "retry":
		m[http.MethodPost] = h.retryAll
	case "presign":
		m[http.MethodPost] = h.presign
	case "import":
		m[http.MethodPost] = h.importURL
	}
	return m
}

// choose calls what the method asks for.
func (h *Handler) choose(w http.ResponseWriter, r *http.Request, at place, m methods) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if serve, ok := m[method]; ok {
		serve(w, r, at)
		return
	}
	allow := ""
	for _, name := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if m[name] != nil {
			allow += name + ", "
			if name == http.MethodGet {
				allow += "HEAD, "
			}
		}
	}
	allow += http.MethodOptions
	w.Header().Set("Allow", allow)
	if r.Method != http.MethodOptions {
		problem.Write(w, http.StatusMethodNotAllowed, problem.MethodNotAllowed, "This address answers "+allow+".")
		return
	}
	if h.opts.AllowOrigin != "" {
		w.Header().Set("Access-Control-Allow-Methods", allow)
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Disposition, Content-Type, If-Match, If-None-Match, If-Range, Last-Event-ID, Range, X-File-Name")
		w.Header().Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// allowed asks the host, and answers the request where it says no.
func (h *Handler) allowed(w http.ResponseWriter, r *http.Request, action, asset string) bool {
	if h.opts.Authorize == nil {
		return true
	}
	if err := h.opts.Authorize(r, action, asset); err != nil {
		writeDenied(w, err)
		return false
	}
	return true
}

func (h *Handler) tenant(r *http.Request) string {
	if h.opts.Tenant == nil {
		return ""
	}
	return h.opts.Tenant(r)
}

// find returns the asset that the request may act on, or answers it.
func (h *Handler) find(w http.ResponseWriter, r *http.Request, action, id string) (Asset, bool) {
	if !h.allowed(w, r, action, id) {
		return Asset{}, false
	}
	a, err := h.p.Get(r.Context(), id)
	if t := h.tenant(r); err == nil && t != "" && a.Tenant != t {
		err = ErrNotFound
	}
	if err != nil {
		h.refuse(w, r, err)
		return Asset{}, false
	}
	return a, true
}

func (h *Handler) get(w http.ResponseWriter, r *http.Request, at place) {
	if a, ok := h.find(w, r, ActionRead, at.id); ok {
		h.show(w, r, a)
	}
}

func (h *Handler) delete(w http.ResponseWriter, r *http.Request, at place) {
	if _, ok := h.find(w, r, ActionDelete, at.id); !ok {
		return
	}
	// Who asked may go away: the deletion goes on.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Minute)
	defer cancel()
	if err := h.p.Delete(ctx, at.id); err != nil {
		h.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Handler) cancel(w http.ResponseWriter, r *http.Request, at place) {
	if _, ok := h.find(w, r, ActionDelete, at.id); !ok {
		return
	}
	a, err := h.p.Cancel(r.Context(), at.id)
	h.accepted(w, r, at, a, err)
}

// accepted answers 202 with the asset.
func (h *Handler) accepted(w http.ResponseWriter, r *http.Request, at place, a Asset, err error) {
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	w.Header().Set("Location", at.base+"/"+a.ID)
	writeJSON(w, http.StatusAccepted, h.view(r, a))
}

func (h *Handler) events(w http.ResponseWriter, r *http.Request, at place) {
	if _, ok := h.find(w, r, ActionEvents, at.id); !ok {
		return
	}
	r.SetPathValue("id", at.id)
	h.opts.Events.ServeHTTP(w, r)
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, _ place) {
	if !h.allowed(w, r, ActionList, "") {
		return
	}
	q, err := listQuery(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	q.Tenant = h.tenant(r)
	limit := q.Limit
	q.Limit++ // one more, to see whether there is more
	assets, err := h.p.List(r.Context(), q)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	page := listView{Assets: []assetView{}}
	for i, a := range assets {
		if i == limit {
			page.Next = &page.Assets[i-1].ID
			break
		}
		page.Assets = append(page.Assets, h.view(r, a))
	}
	writeJSON(w, http.StatusOK, page)
}

// refuse answers with what err means.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h.p.Refuse(w, r, err, h.opts.MaxUpload)
}
