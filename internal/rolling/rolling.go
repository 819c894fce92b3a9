// Package rolling reads the body of a request that may take as long as it needs, but not
// stand still.
package rolling

import (
	"io"
	"net/http"
	"time"
)

// Body is a request's body that moves the connection's deadlines on while bytes arrive.
// Where the server or a middleware has no deadlines to be moved, its own rules hold.
type Body struct {
	r     io.ReadCloser
	rc    *http.ResponseController
	idle  time.Duration
	moved time.Time
	whole bool // the body's end was seen
}

var _ io.ReadCloser = (*Body)(nil)

// New returns the body of r, which may bring nothing for as long as idle. Call Done when
// it has been read, or will not be.
func New(w http.ResponseWriter, r *http.Request, idle time.Duration) *Body {
	return &Body{r: r.Body, rc: http.NewResponseController(w), idle: idle}
}

// unreadFor is how long net/http may wait for the rest of a body that was refused,
// which it discards before it answers.
const unreadFor = 2 * time.Second

// Read reads from the body.
func (b *Body) Read(p []byte) (int, error) {
	if t := time.Now(); t.Sub(b.moved) > b.idle/16 {
		b.moved = t
		_ = b.rc.SetReadDeadline(t.Add(b.idle))
		_ = b.rc.SetWriteDeadline(t.Add(2 * b.idle))
	}
	n, err := b.r.Read(p)
	if err == io.EOF {
		// From here on net/http listens for the client's going away, and a deadline would
		// look like that while the Store takes its time.
		b.whole = true
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

// Close closes the body.
func (b *Body) Close() error { return b.r.Close() }

// Done leaves the deadlines as the answer needs them. The connection's next request
// gets the server's own.
func (b *Body) Done() {
	if !b.whole {
		_ = b.rc.SetReadDeadline(time.Now().Add(min(unreadFor, b.idle)))
	}
	_ = b.rc.SetWriteDeadline(time.Time{})
}
