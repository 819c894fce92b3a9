package sse

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// ActionEvents is the action that Options.Authorize is asked for.
const ActionEvents = "events"

// Options configure a Hub.
type Options struct {
	// Asset returns the id of the asset that the request asks for, "" for none; then the
	// query's asset parameters say which. It is for routers that keep path parameters
	// elsewhere. Defaults to r.PathValue("id").
	Asset func(r *http.Request) string
	// Snapshot returns the present state of an asset that nothing has been reported of,
	// because this process has been started since, or another one encodes it. An error
	// that matches fs.ErrNotExist gives 404, another one 503. It may be called
	// concurrently. Defaults to nil: what has not been reported gives 404.
	Snapshot func(ctx context.Context, asset string) (progress.Event, error)
	// Authorize says whether the request may do action, which is ActionEvents, with the
	// asset: nil to let it in, an error that matches fs.ErrNotExist to hide that the asset
	// exists, an error with a method HTTPStatus() int for a status such as 401, another
	// one for 403. It is asked when a stream begins; see MaxAge. Defaults to nil:
	// everybody who reaches the handler may see every asset.
	Authorize func(r *http.Request, action, asset string) error
	// AllowOrigin is the Access-Control-Allow-Origin of every answer: "*", or the origin of
	// the pages. Credentials and more than one origin need a CORS middleware in front.
	// Defaults to "", no header: pages of the same origin only.
	AllowOrigin string

	// MinInterval is the least time between two messages that only tell of progress, for
	// each client. A negative one sends every change. Defaults to 500 ms.
	MinInterval time.Duration
	// Heartbeat is how long a stream is silent before a comment line is sent, so that
	// proxies keep it open and lost clients are noticed. Defaults to 15 seconds.
	Heartbeat time.Duration
	// WriteTimeout is how long one write may take before the client is given up. It
	// replaces http.Server.WriteTimeout for the stream. Defaults to 30 seconds.
	WriteTimeout time.Duration
	// Retry is how long browsers are told to wait before they reconnect. Defaults to 2
	// seconds.
	Retry time.Duration
	// MaxAge is when a stream ends, give or take a tenth: EventSource reconnects and loses
	// nothing, and Authorize is asked again. A negative one means never. Defaults to one
	// hour.
	MaxAge time.Duration
	// Linger is when a stream ends whose assets have all ended. EventSource reconnects
	// once, and is answered 204, which makes it stop; so it will not see a retry.
	// Defaults to 0, never.
	Linger time.Duration

	// MaxClients is how many streams may be open; more are answered 503 with Retry-After. A
	// negative one means no limit. Defaults to 10,000.
	MaxClients int
	// MaxAssets is how many assets one stream may tell of. Defaults to 100.
	MaxAssets int
	// Retain is how long the state of an asset that has ended is kept after the last
	// message or listener, so that who comes back gets no message twice and Snapshot is not
	// needed. Assets that have not ended are kept. Defaults to 5 minutes.
	Retain time.Duration
	// Logger is told why a Snapshot failed or a stream could not be sent, and at the
	// debug level of clients that are lost. Defaults to nil, silent.
	Logger *slog.Logger
}

// withDefaults returns the options with every default filled in.
func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	if v.Asset == nil {
		v.Asset = func(r *http.Request) string { return r.PathValue("id") }
	}
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	v.Heartbeat, v.WriteTimeout = max(v.Heartbeat, 0), max(v.WriteTimeout, 0)
	v.Retry, v.Retain = max(v.Retry, 0), max(v.Retain, 0)
	set(&v.MinInterval, 500*time.Millisecond)
	set(&v.Heartbeat, 15*time.Second)
	set(&v.WriteTimeout, 30*time.Second)
	set(&v.Retry, 2*time.Second)
	set(&v.MaxAge, time.Hour)
	set(&v.Retain, 5*time.Minute)
	if v.MaxClients == 0 {
		v.MaxClients = 10_000
	}
	if v.MaxAssets <= 0 {
		v.MaxAssets = 100
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v
}
