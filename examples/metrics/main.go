// Command metrics serves videos and counts what it does, for Prometheus at /metrics and
// for OpenTelemetry. vodkit itself knows neither: both are fed by its hooks.
//
//	go run ./metrics -dir vod            # http://127.0.0.1:8080/metrics
//	go run ./metrics -dir vod -otel 10s  # OpenTelemetry's, to standard output every 10 s
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/vodkit/vodkit/examples/internal/serve"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// newServer serves the media in the store, through a cache that a remote bucket wants,
// and tells both of what it answers.
func newServer(cache *storage.Cache, reg *prometheus.Registry, meters *metric.MeterProvider) (http.Handler, error) {
	prom := newPromHook(reg)
	reg.MustRegister(cacheCollector{cache})
	otel, err := newOTelHook(meters.Meter("example.com/video"))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(cache, &hls.HandlerOptions{
		OnResponse: func(r *http.Request, resp hls.Response) {
			prom(r, resp)
			otel(r, resp)
		},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})))
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	return mux, nil
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	dir := flag.String("dir", "vod", "folder with the media, as vodkit lays it out")
	every := flag.Duration("otel", 0, "how often OpenTelemetry's metrics go to standard output; 0 for never")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *dir, *every); err != nil {
		log.Print(err)
	}
}

func run(ctx context.Context, addr, dir string, every time.Duration) error {
	store, err := blobstore.OpenFile(dir, nil)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	cache := storage.NewCache(store, nil)
	defer func() { _ = cache.Close() }()
	var opts []metric.Option
	if every > 0 {
		out, err := stdoutmetric.New(stdoutmetric.WithPrettyPrint())
		if err != nil {
			return err
		}
		opts = append(opts, metric.WithReader(metric.NewPeriodicReader(out, metric.WithInterval(every))))
	}
	meters := metric.NewMeterProvider(opts...)
	defer func() { _ = meters.Shutdown(context.Background()) }()
	h, err := newServer(cache, prometheus.NewRegistry(), meters)
	if err != nil {
		return err
	}
	return serve.Run(ctx, addr, h, &serve.Options{Ready: func(url string) { fmt.Println("serving", dir, "on", url) }})
}
