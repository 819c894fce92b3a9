package sse_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/progress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an http.Server over pipes without a buffer, so that it lives in a synctest
// bubble, with its clock, and a client that doesn't read blocks it at once.
type server struct {
	t      *testing.T
	client *http.Client
	dial   func() net.Conn
	http   *http.Server
}

type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case p.conns <- a:
		return b, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// serve runs a server of h at /assets/{id}/events and /events until the test ends.
func serve(t *testing.T, h http.Handler, configure func(*http.Server)) *server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/assets/{id}/events", h)
	mux.Handle("/events", h)
	srv := &http.Server{Handler: mux}
	if configure != nil {
		configure(srv)
	}
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return l.dial() }}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
		wg.Wait()
	})
	return &server{t: t, client: &http.Client{Transport: tr}, http: srv, dial: func() net.Conn {
		c, err := l.dial()
		require.NoError(t, err)
		return c
	}}
}

// do sends a request, with "Name: value" headers.
func (s *server) do(method, path string, headers ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://vod.test"+path, nil)
	require.NoError(s.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	require.NoError(s.t, err)
	return resp
}

// problem returns the status and the code of an answer that is an error.
func (s *server) problem(method, path string, headers ...string) string {
	s.t.Helper()
	resp := s.do(method, path, headers...)
	defer resp.Body.Close()
	var body struct {
		Error struct{ Code, Message string }
	}
	require.NoError(s.t, json.NewDecoder(resp.Body).Decode(&body))
	assert.NotEmpty(s.t, body.Error.Message)
	assert.Equal(s.t, "no-store", resp.Header.Get("Cache-Control"))
	return fmt.Sprint(resp.StatusCode, " ", body.Error.Code)
}

// open opens a stream and reads its first lines, which say when to retry.
func (s *server) open(path string, headers ...string) *stream {
	s.t.Helper()
	resp := s.do(http.MethodGet, path, headers...)
	require.Equal(s.t, http.StatusOK, resp.StatusCode)
	require.Equal(s.t, "text/event-stream", resp.Header.Get("Content-Type"))
	st := &stream{t: s.t, resp: resp, r: bufio.NewReader(resp.Body)}
	s.t.Cleanup(st.close)
	retry, err := st.block()
	require.NoError(s.t, err)
	require.Equal(s.t, "retry: 2000\n", retry)
	return st
}

type stream struct {
	t    *testing.T
	resp *http.Response
	r    *bufio.Reader
}

// message is one message, or a comment where id is empty.
type message struct {
	id    string
	event progress.Event
}

func (st *stream) close() { _ = st.resp.Body.Close() }

// block reads lines up to an empty one.
func (st *stream) block() (string, error) {
	var b strings.Builder
	for {
		line, err := st.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == "\n" {
			return b.String(), nil
		}
		b.WriteString(line)
	}
}

func (st *stream) read() (message, error) {
	b, err := st.block()
	if err != nil || b == ":\n" {
		return message{}, err
	}
	var m message
	for line := range strings.Lines(b) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			m.id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &m.event); err != nil {
				return m, err
			}
		default:
			return m, fmt.Errorf("unexpected line %q", line)
		}
	}
	return m, nil
}

// next returns the next message or comment.
func (st *stream) next() message {
	st.t.Helper()
	m, err := st.read()
	require.NoError(st.t, err)
	return m
}

// ends reads up to the end of the stream, which has to be a proper one.
func (st *stream) ends() {
	st.t.Helper()
	for {
		if _, err := st.read(); err != nil {
			require.ErrorIs(st.t, err, io.EOF)
			require.NotErrorIs(st.t, err, io.ErrUnexpectedEOF)
			return
		}
	}
}

var at = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func running(asset string, fraction float64) progress.Event {
	return progress.Event{Asset: asset, Attempt: "1", Status: progress.Running, Stage: progress.StageEncoding, Fraction: fraction, Time: at}
}

func complete(asset string) progress.Event {
	return progress.Event{Asset: asset, Attempt: "1", Status: progress.Complete, Fraction: 1, Playlist: "media/" + asset + "/master.m3u8", Time: at}
}
