package ffmpeg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// sourceServer serves one source to one job, on a loopback address and under a token
// that nobody else knows.
type sourceServer struct {
	url    string
	source *sourceReader
	server *http.Server
	done   chan struct{}
}

// serveSource starts the server; it ends with close.
func serveSource(ctx context.Context, src *sourceReader, log *slog.Logger) (*sourceServer, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve source to ffmpeg: %w", err)
	}
	path := "/" + rand.Text() + "/source"
	ctx, cancel := context.WithCancel(ctx)
	s := &sourceServer{
		url: "http://" + ln.Addr().String() + path, source: src, done: make(chan struct{}),
		server: &http.Server{
			ReadHeaderTimeout: 10 * time.Second,
			BaseContext:       func(net.Listener) context.Context { return ctx },
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != path {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/octet-stream")
				http.ServeContent(w, r, "", time.Time{}, src.seeker(r.Context()))
			}),
		},
	}
	go func() {
		defer close(s.done)
		defer cancel()
		if err := s.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("source server ended", "error", err)
		}
	}()
	return s, nil
}

// close ends the server and its connections.
func (s *sourceServer) close() error {
	err := s.server.Close()
	<-s.done
	return err
}
