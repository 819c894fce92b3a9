package main

import (
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/examples/internal/mounttest"
	"github.com/vodkit/vodkit/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What is answered is counted by both.
func TestMetrics(t *testing.T) {
	cache := storage.NewCache(mounttest.Store(t), nil)
	defer func() { assert.NoError(t, cache.Close()) }()
	reader := metric.NewManualReader()
	h, err := newServer(cache, prometheus.NewRegistry(), metric.NewMeterProvider(metric.WithReader(reader)))
	require.NoError(t, err)
	get := func(target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		return w
	}
	for range 3 {
		require.Equal(t, 200, get("/media/42/master.m3u8").Code)
	}
	require.Equal(t, 404, get("/media/42/none.m4s").Code)

	text := get("/metrics").Body.String()
	for _, line := range []string{
		`vod_response_seconds_count{kind="playlist",status="200"} 3`,
		`vod_response_seconds_count{kind="media",status="404"} 1`,
		`vod_response_bytes_total{hit="true",kind="playlist"}`,
		`vod_cache_opens_total{from="bucket"} 1`,
	} {
		assert.Contains(t, text, line)
	}
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	require.Len(t, data.ScopeMetrics, 1)
	var answers uint64
	for _, m := range data.ScopeMetrics[0].Metrics {
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
			for _, p := range h.DataPoints {
				answers += p.Count
			}
		}
	}
	assert.EqualValues(t, 4, answers)
}
