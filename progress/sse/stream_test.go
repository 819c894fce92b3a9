package sse_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/sse"
)

func TestCurrentStateFirstThenChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.1))
		hub.Report(t.Context(), running("a", 0.2))
		hub.Report(t.Context(), running("b", 0.9))
		st := srv.open("/assets/a/events")
		assert.Equal(t, running("a", 0.2), st.next().event)
		hub.Report(t.Context(), running("a", 0.3))
		assert.Equal(t, running("a", 0.3), st.next().event)
		hub.Report(t.Context(), complete("a"))
		assert.Equal(t, complete("a"), st.next().event)
		assert.Equal(t, "no", st.resp.Header.Get("X-Accel-Buffering"))
		assert.Equal(t, "no-cache, no-store, no-transform", st.resp.Header.Get("Cache-Control"))
	})
}

func TestProgressIsCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0))
		st := srv.open("/assets/a/events")
		st.next()
		start := time.Now()
		go func() {
			for i := range 100 { // ten seconds
				time.Sleep(100 * time.Millisecond)
				hub.Report(context.Background(), running("a", float64(i+1)/200))
			}
			time.Sleep(5 * time.Millisecond)
			hub.Report(context.Background(), running("a", 0.51)) // waits for its turn
			time.Sleep(5 * time.Millisecond)
			hub.Report(context.Background(), complete("a"))
		}()
		n := 0
		for {
			m := st.next()
			n++
			if m.event.Status == progress.Complete {
				assert.Equal(t, 10*time.Second+10*time.Millisecond, time.Since(start), "at once")
				break
			}
			assert.InDelta(t, time.Since(start).Seconds(), m.event.Fraction*20, 0.101, "the newest")
		}
		assert.InDelta(t, 21, n, 1, "two a second")
	})
}

func TestLastProgressIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.1))
		st := srv.open("/assets/a/events")
		st.next()
		start := time.Now()
		hub.Report(t.Context(), running("a", 0.2)) // and then nothing more
		assert.Equal(t, 0.2, st.next().event.Fraction)
		assert.Equal(t, 500*time.Millisecond, time.Since(start))
	})
}

func TestHeartbeatsKeepTheStreamOpenBehindTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		srv := serve(t, hub, func(s *http.Server) { s.WriteTimeout, s.ReadTimeout = time.Second, time.Second })
		hub.Report(t.Context(), complete("a"))
		st := srv.open("/assets/a/events")
		st.next()
		start := time.Now()
		for range 10 {
			assert.Equal(t, message{}, st.next())
		}
		assert.Equal(t, 150*time.Second, time.Since(start))
		retry := running("a", 0)
		retry.Attempt = "2"
		hub.Report(t.Context(), retry)
		assert.Equal(t, retry, st.next().event)
	})
}

func TestResumeGetsWhatIsNewerOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.1))
		st := srv.open("/assets/a/events")
		first := st.next()
		st.close()

		st = srv.open("/assets/a/events", "Last-Event-ID: "+first.id)
		assert.Equal(t, message{}, st.next(), "a heartbeat, nothing twice")
		st.close()

		hub.Report(t.Context(), complete("a"))
		st = srv.open("/assets/a/events", "Last-Event-ID: "+first.id)
		second := st.next()
		assert.Equal(t, complete("a"), second.event)
		assert.NotEqual(t, first.id, second.id)
		st.close()

		for _, odd := range []string{"x", first.id + "0000", "-1", "0000-1", second.id + "x"} {
			st = srv.open("/assets/a/events", "Last-Event-ID: "+odd)
			assert.Equal(t, second, st.next(), "the current state for the id %q", odd)
			st.close()
		}
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := sse.NewHub(nil)
		srv := serve(t, before, nil)
		for i := range 10 {
			before.Report(t.Context(), running("a", float64(i)/10))
		}
		st := srv.open("/assets/a/events")
		id := st.next().id
		before.Close()
		st.ends()

		after := sse.NewHub(&sse.Options{Snapshot: func(_ context.Context, asset string) (progress.Event, error) {
			return running(asset, 0.5), nil
		}})
		srv = serve(t, after, nil)
		st = srv.open("/assets/a/events", "Last-Event-ID: "+id)
		m := st.next()
		assert.Equal(t, running("a", 0.5), m.event)
		after.Report(t.Context(), running("a", 0.6))
		assert.Equal(t, running("a", 0.6), st.next().event)
	})
}

func TestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		records := map[string]progress.Event{"a": running("", 0.25)}
		calls := 0
		hub := sse.NewHub(&sse.Options{Snapshot: func(_ context.Context, asset string) (progress.Event, error) {
			mu.Lock()
			defer mu.Unlock()
			calls++
			if asset == "broken" {
				return progress.Event{}, io.ErrUnexpectedEOF
			}
			e, ok := records[asset]
			if !ok {
				return e, fmt.Errorf("get %q: %w", asset, fs.ErrNotExist)
			}
			return e, nil
		}})
		srv := serve(t, hub, nil)
		assert.Equal(t, "404 not_found", srv.problem("GET", "/assets/none/events"))
		assert.Equal(t, "503 unavailable", srv.problem("GET", "/assets/broken/events"))

		st := srv.open("/assets/a/events")
		first := st.next()
		assert.Equal(t, running("a", 0.25), first.event, "the asset is filled in")
		st.close()
		st = srv.open("/assets/a/events", "Last-Event-ID: "+first.id)
		assert.Equal(t, message{}, st.next(), "the same again has the same id")

		mu.Lock()
		records["a"] = running("", 0.5)
		mu.Unlock()
		other := srv.open("/assets/a/events")
		assert.Equal(t, 0.5, other.next().event.Fraction, "asked anew: another process may have changed it")
		assert.Equal(t, 0.5, st.next().event.Fraction, "and who listens learns it too")

		hub.Report(t.Context(), running("a", 0.75))
		mu.Lock()
		before := calls
		mu.Unlock()
		assert.Equal(t, 0.75, srv.open("/assets/a/events").next().event.Fraction)
		assert.Equal(t, before, calls, "the producer knows better")

		mu.Lock()
		records["gone"] = running("", 0.5)
		mu.Unlock()
		srv.open("/assets/gone/events").next()
		mu.Lock()
		delete(records, "gone")
		mu.Unlock()
		assert.Equal(t, "404 not_found", srv.problem("GET", "/assets/gone/events"))
	})
}

func TestReportOvertakesSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hub := sse.NewHub(&sse.Options{Retain: time.Nanosecond, Snapshot: func(_ context.Context, asset string) (progress.Event, error) {
			<-release
			return running(asset, 0.1), nil // read before the report
		}})
		srv := serve(t, hub, nil)
		go func() {
			synctest.Wait()
			hub.Report(context.Background(), complete("a"))
			close(release)
		}()
		assert.Equal(t, complete("a"), srv.open("/assets/a/events").next().event)
	})
}

func TestManyAssetsShareOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(&sse.Options{MaxAssets: 3})
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("b", 0.1))
		hub.Report(t.Context(), running("a", 0.2))
		st := srv.open("/events?asset=a&asset=b&asset=none&asset=a")
		assert.Equal(t, running("b", 0.1), st.next().event)
		assert.Equal(t, running("a", 0.2), st.next().event)

		// Progress of a waits for its turn; the end of b takes it along, in order, so that
		// the last id stands for both.
		hub.Report(t.Context(), running("a", 0.3))
		hub.Report(t.Context(), complete("b"))
		assert.Equal(t, running("a", 0.3), st.next().event)
		last := st.next()
		assert.Equal(t, complete("b"), last.event)
		hub.Report(t.Context(), running("none", 0))
		assert.Equal(t, "none", st.next().event.Asset, "what begins later is told of too")
		st.close()

		hub.Report(t.Context(), running("a", 0.4))
		st = srv.open("/events?asset=a&asset=b", "Last-Event-ID: "+last.id)
		assert.Equal(t, running("a", 0.4), st.next().event)
		assert.Equal(t, message{}, st.next())

		assert.Equal(t, "404 not_found", srv.problem("GET", "/events?asset=x&asset=y"))
		assert.Equal(t, "400 bad_request", srv.problem("GET", "/events?asset=a&asset=b&asset=c&asset=d"))
		assert.Equal(t, "400 bad_request", srv.problem("GET", "/events"))
	})
}

func TestSlowClientHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(&sse.Options{WriteTimeout: 5 * time.Second})
		left := make(chan time.Duration, 2)
		start := time.Now()
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hub.ServeHTTP(w, r)
			left <- time.Since(start)
		}), nil)
		hub.Report(t.Context(), running("a", 0))

		slow := srv.dial() // it sends a request and never reads
		defer slow.Close()
		_, err := io.WriteString(slow, "GET /assets/a/events HTTP/1.1\r\nHost: vod.test\r\n\r\n")
		require.NoError(t, err)

		st := srv.open("/assets/a/events")
		st.next()
		for i := range 30 {
			time.Sleep(time.Second)
			hub.Report(t.Context(), running("a", float64(i+1)/100))
			assert.Equal(t, float64(i+1)/100, st.next().event.Fraction)
		}
		assert.Equal(t, 5*time.Second, <-left, "the slow one is given up, the other one stays")
		assert.Empty(t, left)
	})
}

func TestLingerAndNoContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(&sse.Options{Linger: time.Minute})
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.5))
		st := srv.open("/assets/a/events")
		id := st.next().id
		hub.Report(t.Context(), complete("a"))
		start := time.Now()
		last := st.next()
		st.ends()
		assert.Equal(t, time.Minute, time.Since(start))

		resp := srv.do("GET", "/assets/a/events", "Last-Event-ID: "+last.id)
		assert.Equal(t, http.StatusNoContent, resp.StatusCode)
		assert.Equal(t, last, srv.open("/assets/a/events", "Last-Event-ID: "+id).next(), "not before it has all")
		assert.Equal(t, last, srv.open("/assets/a/events").next())

		st = srv.open("/assets/a/events")
		st.next()
		time.Sleep(30 * time.Second)
		retry := running("a", 0)
		retry.Attempt = "2"
		hub.Report(t.Context(), retry)
		for range 20 {
			st.next() // it stays open: a retry has begun
		}
	})
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(&sse.Options{MaxAge: time.Hour})
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.5))
		st := srv.open("/assets/a/events")
		start := time.Now()
		st.ends()
		assert.InDelta(t, time.Hour.Minutes(), time.Since(start).Minutes(), 6.01)
	})
}

func TestCloseEndsStreamsForShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(nil)
		srv := serve(t, hub, nil)
		srv.http.RegisterOnShutdown(hub.Close)
		hub.Report(t.Context(), running("a", 0.5))
		st := srv.open("/assets/a/events")
		st.next()
		done := make(chan error)
		start := time.Now()
		go func() { done <- srv.http.Shutdown(context.Background()) }()
		st.ends()
		assert.Zero(t, time.Since(start), "at once")
		require.NoError(t, <-done)
		hub.Close()
		hub.Report(t.Context(), running("a", 0.6))
		assert.Equal(t, "503 unavailable", serve(t, hub, nil).problem("GET", "/assets/a/events"))
	})
}

func TestClientThatLeavesIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(&sse.Options{MaxClients: 1})
		srv := serve(t, hub, nil)
		hub.Report(t.Context(), running("a", 0.5))
		st := srv.open("/assets/a/events")
		st.next()
		resp := srv.do("GET", "/assets/a/events")
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		assert.Equal(t, "5", resp.Header.Get("Retry-After"))
		_ = resp.Body.Close()
		st.close()
		synctest.Wait()
		srv.open("/assets/a/events").next()
	})
}
