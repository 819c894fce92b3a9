package sse_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/sse"
)

// listen reads the asset's stream until it has seen a terminal event, and returns the
// events.
func listen(ctx context.Context, client *http.Client, url string) ([]progress.Event, *http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, resp, fmt.Errorf("status %s", resp.Status)
	}
	st := &stream{resp: resp, r: bufio.NewReader(resp.Body)}
	if _, err := st.block(); err != nil {
		return nil, resp, err
	}
	var events []progress.Event
	for {
		m, err := st.read()
		if err != nil {
			return events, resp, err
		}
		if m.id != "" {
			events = append(events, m.event)
		}
		if m.event.Status.Terminal() {
			return events, resp, nil
		}
	}
}

// The one test in real time: sockets, TLS and HTTP/2 have their own ways with deadlines.
func TestStreamOutlivesTheServersTimeouts(t *testing.T) {
	hub := sse.NewHub(&sse.Options{WriteTimeout: 2 * time.Second})
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{id}/events", hub)
	plain, secure := httptest.NewUnstartedServer(mux), httptest.NewUnstartedServer(mux)
	for _, srv := range []*httptest.Server{plain, secure} {
		srv.Config.WriteTimeout, srv.Config.ReadTimeout = time.Second, time.Second
		srv.EnableHTTP2 = true
		defer srv.Close()
	}
	plain.Start()
	secure.StartTLS()
	hub.Report(t.Context(), running("a", 0))

	var wg sync.WaitGroup
	for proto, srv := range map[int]*httptest.Server{1: plain, 2: secure} {
		wg.Go(func() {
			events, resp, err := listen(t.Context(), srv.Client(), srv.URL+"/assets/a/events")
			if !assert.NoError(t, err, "HTTP/%d", proto) {
				return
			}
			assert.Equal(t, proto, resp.ProtoMajor)
			assert.Equal(t, running("a", 0), events[0])
			assert.Equal(t, complete("a"), events[len(events)-1])
		})
	}
	time.Sleep(2500 * time.Millisecond) // longer than the hub's own deadline, too
	hub.Report(t.Context(), complete("a"))
	wg.Wait()
	hub.Close()
}

func TestManySubscribers(t *testing.T) {
	const clients = 200
	hub := sse.NewHub(&sse.Options{MinInterval: 10 * time.Millisecond})
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{id}/events", hub)
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for i := range 4 {
		hub.Report(t.Context(), running(fmt.Sprint(i), 0))
	}
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			asset := fmt.Sprint(i % 4)
			events, _, err := listen(t.Context(), srv.Client(), srv.URL+"/assets/"+asset+"/events")
			if !assert.NoError(t, err) {
				return
			}
			last := -1.0
			for _, e := range events {
				assert.Equal(t, asset, e.Asset)
				assert.Greater(t, e.Fraction, last, "in order, nothing twice")
				last = e.Fraction
			}
			assert.Equal(t, complete(asset), events[len(events)-1])
		})
	}
	var producers sync.WaitGroup
	for i := range 4 {
		producers.Go(func() {
			for n := range 1000 {
				hub.Report(t.Context(), running(fmt.Sprint(i), float64(n+1)/2000))
			}
			hub.Report(t.Context(), complete(fmt.Sprint(i)))
		})
	}
	producers.Wait()
	wg.Wait()
}

func ExampleHub() {
	hub := sse.NewHub(&sse.Options{
		Authorize: func(r *http.Request, action, asset string) error { return nil }, // ask your session
	})
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{id}/events", hub)
	server := httptest.NewServer(mux)
	defer server.Close()
	server.Config.RegisterOnShutdown(hub.Close)

	// The pipeline reports to the hub, as to any progress.Sink.
	hub.Report(context.Background(), progress.Event{Asset: "42", Attempt: "1", Status: progress.Running, Fraction: 0.5})

	resp, err := http.Get(server.URL + "/assets/42/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			fmt.Println(data)
			break
		}
	}
	// Output: {"asset":"42","attempt":"1","status":"RUNNING","fraction":0.5}
}

func TestCloseWhileTheClientLeaves(t *testing.T) {
	// A stream that the client leaves while the server closes ends at once.
	hub := sse.NewHub(nil)
	srv := httptest.NewServer(hub)
	hub.Report(t.Context(), running("a", 0.5))
	resp, err := srv.Client().Get(srv.URL + "/events?asset=a")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	hub.Close()
	_ = resp.Body.Close()
	srv.Close()
}
