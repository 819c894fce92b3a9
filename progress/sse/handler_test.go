package sse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/progress/sse"
)

func TestConformance(t *testing.T) {
	progresstest.RunSink(t, func(t *testing.T) progress.Sink {
		hub := sse.NewHub(nil)
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("asset", 0))
		stalled := srv.dial() // a client that doesn't read
		t.Cleanup(func() { _ = stalled.Close() })
		_, _ = io.WriteString(stalled, "GET /assets/asset/events HTTP/1.1\r\nHost: vod.test\r\n\r\n")
		return hub
	})
}

func TestMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.5))
		assert.Equal(t, "405 method_not_allowed", srv.problem("POST", "/assets/a/events"))
		assert.Equal(t, "404 not_found", srv.problem("GET", "/assets/b/events"))

		head := srv.do("HEAD", "/assets/a/events")
		assert.Equal(t, http.StatusOK, head.StatusCode)
		assert.Equal(t, "text/event-stream", head.Header.Get("Content-Type"))
		assert.Equal(t, http.StatusNotFound, srv.do("HEAD", "/assets/b/events").StatusCode)

		options := srv.do("OPTIONS", "/assets/a/events")
		assert.Equal(t, http.StatusNoContent, options.StatusCode)
		assert.Equal(t, "GET, HEAD, OPTIONS", options.Header.Get("Allow"))
		assert.Empty(t, options.Header.Get("Access-Control-Allow-Methods"))
	})
}

func TestCORSOnEveryAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(&sse.Options{AllowOrigin: "*", Authorize: func(_ *http.Request, _, asset string) error {
			if asset == "secret" {
				return errors.New("no")
			}
			return nil
		}})
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.5))
		for path, status := range map[string]int{"/assets/a/events": 200, "/assets/b/events": 404, "/assets/secret/events": 403, "/events": 400} {
			resp := srv.do("GET", path)
			assert.Equal(t, status, resp.StatusCode)
			assert.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"))
			_ = resp.Body.Close()
		}
		preflight := srv.do("OPTIONS", "/assets/secret/events", "Origin: https://app.test", "Access-Control-Request-Headers: authorization")
		assert.Equal(t, http.StatusNoContent, preflight.StatusCode, "a preflight carries no credentials")
		assert.Contains(t, preflight.Header.Get("Access-Control-Allow-Headers"), "Authorization")
	})
}

type unauthorized struct{ error }

func (unauthorized) HTTPStatus() int { return http.StatusUnauthorized }

func TestAuthorize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snapshots := 0
		hub := sse.NewHub(&sse.Options{
			Snapshot: func(_ context.Context, asset string) (progress.Event, error) {
				snapshots++
				return running(asset, 0.5), nil
			},
			Authorize: func(r *http.Request, action, asset string) error {
				assert.Equal(t, sse.ActionEvents, action)
				switch asset {
				case "hidden":
					return fmt.Errorf("of another tenant: %w", fs.ErrNotExist)
				case "secret":
					return errors.New("the text stays inside")
				case "login":
					return unauthorized{errors.New("no session")}
				}
				return nil
			},
		})
		srv := serve(t, hub, nil)
		assert.Equal(t, "404 not_found", srv.problem("GET", "/assets/hidden/events"))
		assert.Equal(t, "403 forbidden", srv.problem("GET", "/assets/secret/events"))
		assert.Equal(t, "401 unauthorized", srv.problem("GET", "/assets/login/events"))
		assert.Equal(t, "403 forbidden", srv.problem("GET", "/events?asset=a&asset=secret&asset=hidden"))
		assert.Equal(t, "403 forbidden", srv.problem("GET", "/events?asset=hidden&asset=secret&asset=a"))
		assert.Equal(t, "404 not_found", srv.problem("GET", "/events?asset=hidden"))
		assert.Zero(t, snapshots, "nothing is read before")

		st := srv.open("/events?asset=hidden&asset=a")
		assert.Equal(t, "a", st.next().event.Asset)
		hub.Report(t.Context(), running("hidden", 0.5))
		assert.Equal(t, message{}, st.next(), "what is hidden is left out")
	})
}

func TestAssetOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(&sse.Options{Asset: func(r *http.Request) string { return r.Header.Get("Asset") }})
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.5))
		assert.Equal(t, "a", srv.open("/events", "Asset: a").next().event.Asset)
		assert.Equal(t, "a", srv.open("/events?asset=a").next().event.Asset)
	})
}

// hidden is a middleware's writer that hides Flush.
type hidden struct{ w http.ResponseWriter }

func (h hidden) Header() http.Header         { return h.w.Header() }
func (h hidden) Write(b []byte) (int, error) { return h.w.Write(b) }
func (h hidden) WriteHeader(status int)      { h.w.WriteHeader(status) }

type unwrapped struct{ hidden }

func (u unwrapped) Unwrap() http.ResponseWriter { return u.w }

func TestMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		hub.Report(t.Context(), running("a", 0.5))
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hub.ServeHTTP(unwrapped{hidden{w}}, r)
		}), func(s *http.Server) { s.WriteTimeout = 1 })
		st := srv.open("/assets/a/events")
		st.next()
		assert.Equal(t, message{}, st.next(), "deadlines are moved through Unwrap too")

		srv = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hub.ServeHTTP(hidden{w}, r) }), nil)
		assert.Equal(t, "500 internal", srv.problem("GET", "/assets/a/events"))
	})
}

func TestRecorderGetsTheStreamUntilTheRequestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		odd := complete("a\r\n\nid: 7\ndata: x")
		hub.Report(t.Context(), odd)
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, "GET", "/events?asset=a%0D%0A%0Aid:%207%0Adata:%20x", nil)
		w := httptest.NewRecorder() // has no deadlines
		done := make(chan struct{})
		go func() {
			defer close(done)
			hub.ServeHTTP(w, r)
		}()
		synctest.Wait()
		cancel()
		<-done
		lines := strings.Split(w.Body.String(), "\n")
		assert.Len(t, lines, 6, "an id can't break out of the data: %q", lines)
	})
}
