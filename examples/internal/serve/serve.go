// Package serve runs an HTTP server until the program is told to end.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// Options shape Run.
type Options struct {
	// Ready is called with the server's URL once it accepts connections. Defaults to nil.
	Ready func(url string)
	// Drain is called when ctx has ended, before the server waits for requests to end:
	// whoever holds requests open, such as event streams, lets go of them here. Defaults
	// to nil.
	Drain func()
	// Grace is how long requests may take to end. Defaults to 5 seconds.
	Grace time.Duration
	// Logger is told of what net/http complains of. Defaults to nil, silent.
	Logger *slog.Logger
}

// Run serves handler on addr until ctx ends, then lets running requests end.
func Run(ctx context.Context, addr string, handler http.Handler, opts *Options) error {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Grace <= 0 {
		o.Grace = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	server := &http.Server{
		Handler:     handler,
		ConnContext: hls.ConnContext, // a segment's header leaves with it
		// A header must come at once. Bodies and answers may take long: uploads, event
		// streams and videos do, and their handlers see to slow clients themselves.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if o.Ready != nil {
		o.Ready("http://" + reachable(listener.Addr()))
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	if o.Drain != nil {
		o.Drain()
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Grace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close() // uploads that are still under way
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// reachable returns an address that a browser on this machine can open.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
