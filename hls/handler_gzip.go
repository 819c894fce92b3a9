package hls

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// acceptsGzip says whether the client would rather have gzip than the plain bytes (RFC
// 9110 section 12.5.3).
func acceptsGzip(h http.Header) bool {
	gz, identity, star := -1.0, -1.0, -1.0
	for _, value := range h.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(value, ",") {
			coding, params, _ := strings.Cut(item, ";")
			q := quality(params)
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip", "x-gzip":
				gz = max(gz, q)
			case "identity":
				identity = q
			case "*":
				star = q
			}
		}
	}
	if gz < 0 {
		gz = star
	}
	return gz > 0 && gz >= identity
}

// quality reads the weight among the parameters of a list's item, 1 where there is
// none, 0 where it is malformed.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

// maxCompressed is what a Handler's gzipCache holds at most, in bytes.
const maxCompressed = 8 << 20

// gzipCache compresses playlists and keeps the result for as long as the playlist has
// the same ETag, up to max bytes in all. It is for concurrent use.
type gzipCache struct {
	max     int
	mu      sync.Mutex
	entries map[string]gzipEntry // by key
	size    int                  // bytes in entries
	writers sync.Pool            // of *gzip.Writer
}

type gzipEntry struct {
	etag string
	body []byte
}

// get returns the compressed bytes of the playlist, if they are there.
func (c *gzipCache) get(key, etag string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	return e.body, ok && etag != "" && e.etag == etag
}

// compress returns body compressed, and keeps that.
func (c *gzipCache) compress(key, etag string, body []byte) []byte {
	var b bytes.Buffer
	zw, ok := c.writers.Get().(*gzip.Writer)
	if ok {
		zw.Reset(&b)
	} else {
		zw = gzip.NewWriter(&b)
	}
	_, _ = zw.Write(body) // a Buffer takes everything
	_ = zw.Close()
	c.writers.Put(zw)
	if etag != "" {
		c.keep(key, gzipEntry{etag, b.Bytes()})
	}
	return b.Bytes()
}

func (c *gzipCache) keep(key string, e gzipEntry) {
	if len(e.body) > c.max/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = map[string]gzipEntry{}
	}
	c.size += len(e.body) - len(c.entries[key].body)
	c.entries[key] = e
	for k, old := range c.entries { // whichever comes: all are cheap to make again
		if c.size <= c.max {
			break
		}
		if k != key {
			c.size -= len(old.body)
			delete(c.entries, k)
		}
	}
}
