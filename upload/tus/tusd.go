package tus

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"
)

// newTusd returns the part that knows the protocol: tusd's handler over h's uploads. What it
// answers passes through an answer, which puts vodkit's words in place of its own.
func newTusd(h *Handler) (http.Handler, error) {
	composer := handler.NewStoreComposer()
	data := &dataStore{h}
	composer.UseCore(data)
	composer.UseTerminater(data)
	composer.UseLengthDeferrer(data)
	composer.UseLocker(locker{h.opts.Locker})
	t, err := handler.NewUnroutedHandler(handler.Config{
		StoreComposer: composer,
		BasePath:      "/",
		// How large an upload may be is for the Pipeline to say, with its own error.
		MaxSize:                 0,
		RespectForwardedHeaders: h.opts.Forwarded,
		Cors:                    &handler.CorsConfig{Disable: true},
		Logger:                  slog.New(silent{}),
		// Its goroutines end that long after the request. What must go on after a client
		// has left does so by itself: see detached.
		GracefulRequestCompletionTimeout: time.Millisecond,
		NetworkTimeout:                   h.opts.Idle, // its deadlines are without effect, see answer
	})
	if err != nil {
		return nil, fmt.Errorf("tus: %w", err)
	}
	h.extensions = t.SupportedExtensions() + ",expiration,checksum"
	return t.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			t.PostFile(w, r)
		case http.MethodHead:
			t.HeadFile(w, r)
		case http.MethodPatch:
			t.PatchFile(w, r)
		case http.MethodDelete:
			t.DelFile(w, r)
		}
	})), nil
}

// locker has a waiting request end the one that holds the lock by ending its body. tusd's own
// way would race with a body that is just being taken up.
type locker struct{ of handler.Locker }

func (l locker) NewLock(id string) (handler.Lock, error) {
	of, err := l.of.NewLock(id)
	if err != nil {
		return nil, err
	}
	return lock{of}, nil
}

type lock struct{ of handler.Lock }

func (l lock) Lock(ctx context.Context, _ func()) error {
	q := requestOf(ctx)
	return l.of.Lock(ctx, func() { q.interrupt(errInterrupted) })
}

func (l lock) Unlock() error { return l.of.Unlock() }

// silent logs nothing: what goes wrong is told by the Handler, once.
type silent struct{}

var _ slog.Handler = silent{}

func (silent) Enabled(context.Context, slog.Level) bool  { return false }
func (silent) Handle(context.Context, slog.Record) error { return nil }
func (s silent) WithAttrs([]slog.Attr) slog.Handler      { return s }
func (s silent) WithGroup(string) slog.Handler           { return s }
