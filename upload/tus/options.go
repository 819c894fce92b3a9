package tus

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// Options shape a Handler.
type Options struct {
	// Base is the URL path that the handler is mounted at, without a slash at its end. It
	// is cut from the request's path where nobody has done so before (http.StripPrefix or
	// a router). Defaults to "/uploads".
	Base string
	// Forwarded has the Location of a new upload be a whole URL with the scheme and host that
	// a proxy in front tells in X-Forwarded-Proto, X-Forwarded-Host or Forwarded. Set it only
	// where such a proxy overwrites what clients send. Defaults to false: Location is a
	// path, which clients resolve against the URL that they know.
	Forwarded bool

	// Authorize is asked before every request but OPTIONS, with [upload.ActionUpload] and the id
	// of the upload, which becomes the asset's, "" where it is being created. See
	// [upload.HandlerOptions].Authorize for its errors. Defaults to nil: open.
	Authorize func(r *http.Request, action, asset string) error
	// Tenant returns who uploads: assets belong to that tenant, and others' uploads are
	// answered 404. "" sees all. Defaults to nil, no tenants.
	Tenant func(r *http.Request) string
	// Prepare may change or refuse what a request is about to upload: the id, the
	// priority, the metadata. Size is 0 where it is not known yet, and stays as it is. Errors
	// are answered as those of Authorize. Defaults to nil.
	Prepare func(r *http.Request, n *upload.NewAsset) error
	// Metadata are the names in Upload-Metadata that become the asset's metadata, beside
	// those of its name and type. Defaults to nil: all, within the limits of
	// [upload.NewAsset].
	Metadata []string

	// MaxUpload is the largest upload in bytes. Defaults to the pipeline's MaxSize, which
	// holds in any case.
	MaxUpload int64
	// Idle is how long a request may bring nothing before it is ended; what it has
	// brought stays. It replaces the server's ReadTimeout and WriteTimeout while a body is read.
	// Defaults to 1 minute.
	Idle time.Duration
	// AllowOrigin is the Access-Control-Allow-Origin of every answer: "*", or the origin
	// of the pages. Credentials and more than one origin need a CORS middleware in front.
	// Defaults to "", no header: pages of the same origin only.
	AllowOrigin string

	// Locker sees to it that one request at a time works on an upload. A request that
	// waits for another one ends that: its client has lost it and comes back. Where
	// requests for one upload reach several processes, give a Locker that all of them
	// share. Defaults to one for this process.
	Locker handler.Locker
	// Logger is told of what breaks in this package. Defaults to nil, silent; the
	// Pipeline's own logger is told of the rest.
	Logger *slog.Logger
}

// New returns the handler of tus uploads into p, whose Store is store.
func New(p *upload.Pipeline, store storage.Store, opts *Options) (*Handler, error) {
	if p == nil || store == nil {
		return nil, errors.New("tus: New needs a pipeline and its store")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Base == "" {
		o.Base = "/uploads"
	}
	o.Base = "/" + strings.Trim(o.Base, "/")
	if o.MaxUpload <= 0 || o.MaxUpload > p.MaxSize() {
		o.MaxUpload = p.MaxSize()
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	if o.Locker == nil {
		o.Locker = memorylocker.New()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{p: p, store: store, opts: o}
	var err error
	h.tusd, err = newTusd(h)
	if err != nil {
		return nil, err
	}
	return h, nil
}
