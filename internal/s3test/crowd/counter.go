package crowd

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
)

// Counter is a RoundTripper that counts the GETs of each path that went well: answered
// with 200 or 206, and read to the end.
type Counter struct {
	Transport http.RoundTripper

	mu   sync.Mutex
	gets map[string]int
}

// RoundTrip implements http.RoundTripper.
func (c *Counter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.Transport.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet && resp.StatusCode/100 == 2 {
		resp.Body = &counted{ReadCloser: resp.Body, left: resp.ContentLength, done: func() { c.add(r.URL.Path) }}
	}
	return resp, err
}

func (c *Counter) add(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gets == nil {
		c.gets = map[string]int{}
	}
	c.gets[path]++
}

// Gets returns how often each path was read.
func (c *Counter) Gets() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.gets)
}

// Reset begins anew.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.gets)
}

// counted calls done when the last byte has been read.
type counted struct {
	io.ReadCloser
	left int64
	done func()
}

func (b *counted) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.done != nil && (b.left == 0 || errors.Is(err, io.EOF)) {
		b.done()
		b.done = nil
	}
	return n, err
}
