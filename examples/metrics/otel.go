package main

import (
	"errors"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/vodkit/vodkit/hls"
)

// newOTelHook returns an OnResponse that counts with the meter, under the names of
// OpenTelemetry's conventions for HTTP servers.
func newOTelHook(meter metric.Meter) (func(*http.Request, hls.Response), error) {
	duration, err1 := meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"))
	size, err2 := meter.Int64Counter("http.server.response.body.size", metric.WithUnit("By"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return func(r *http.Request, resp hls.Response) {
		ctx, k := r.Context(), attribute.String("vod.kind", kind(resp.Path))
		duration.Record(ctx, resp.Duration.Seconds(), metric.WithAttributes(k,
			attribute.String("http.request.method", r.Method), attribute.Int("http.response.status_code", resp.Status)))
		size.Add(ctx, resp.Bytes, metric.WithAttributes(k, attribute.Bool("vod.cache_hit", resp.CacheHit)))
	}, nil
}
