package main

import (
	"net/http"
	"path"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// kind is what a path asks for. Assets are no labels: there are too many of them.
func kind(name string) string {
	switch path.Ext(name) {
	case ".m3u8":
		return "playlist"
	case ".m4s", ".mp4":
		return "media"
	case ".vtt", ".jpg":
		return "text or picture"
	}
	return "other"
}

// newPromHook returns an OnResponse that counts in the registry.
func newPromHook(reg prometheus.Registerer) func(*http.Request, hls.Response) {
	requests := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "vod_response_seconds", Help: "Time from a request to the end of its answer.",
		Buckets: []float64{.001, .01, .1, 1, 10},
	}, []string{"kind", "status"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vod_response_bytes_total", Help: "Bytes of bodies.",
	}, []string{"kind", "hit"})
	reg.MustRegister(requests, bytes)
	return func(_ *http.Request, resp hls.Response) {
		k := kind(resp.Path)
		requests.WithLabelValues(k, strconv.Itoa(resp.Status)).Observe(resp.Duration.Seconds())
		bytes.WithLabelValues(k, strconv.FormatBool(resp.CacheHit)).Add(float64(resp.Bytes))
	}
}

// cacheCollector reads a cache's figures whenever Prometheus asks.
type cacheCollector struct{ cache *storage.Cache }

var (
	cacheOpens = prometheus.NewDesc("vod_cache_opens_total", "Objects opened, by where they came from.", []string{"from"}, nil)
	cacheBytes = prometheus.NewDesc("vod_cache_bytes", "Memory that objects take.", nil, nil)
	cacheLoads = prometheus.NewDesc("vod_cache_loads_total", "Objects fetched from the bucket, by how that ended.", []string{"result"}, nil)
)

func (c cacheCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- cacheOpens
	ch <- cacheBytes
	ch <- cacheLoads
}

func (c cacheCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.cache.Stats()
	count := func(d *prometheus.Desc, n int64, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), label)
	}
	count(cacheOpens, s.Hits, "memory")
	count(cacheOpens, s.Misses, "bucket")
	count(cacheOpens, s.PassedLocal, "file")
	count(cacheOpens, s.PassedLarge+s.PassedNoRoom, "past the cache")
	count(cacheLoads, s.Loads-s.LoadErrors-s.Loading, "ok")
	count(cacheLoads, s.LoadErrors, "error")
	ch <- prometheus.MustNewConstMetric(cacheBytes, prometheus.GaugeValue, float64(s.Bytes))
}
