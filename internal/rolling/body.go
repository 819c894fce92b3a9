// Package rolling reads bodies of requests that may take as long as they need, but not
// stand still.
package rolling

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// unreadFor is how long net/http may wait for the rest of a body that was refused, which it
// discards before it answers.
const unreadFor = 2 * time.Second

// What has arrived when a body is interrupted is still read: until nothing has come for
// arrivedGap, and for arrivedFor at most.
const (
	arrivedGap = 50 * time.Millisecond
	arrivedFor = 2 * time.Second
)

// Body moves the connection's deadlines on while bytes arrive. Where the server or a
// middleware has no deadlines to be moved, its own rules hold. New makes one.
type Body struct {
	r    io.ReadCloser
	rc   *http.ResponseController
	idle time.Duration

	mu    sync.Mutex
	moved time.Time
	whole bool      // the body's end was seen
	cause error     // why it was interrupted
	until time.Time // when an interrupted body ends at the latest
	err   error     // how it ended before its end
}

var _ io.ReadCloser = (*Body)(nil)

// New returns the body r, of the request that w answers, which may bring nothing for idle.
// Done is to be called before the handler returns.
func New(w http.ResponseWriter, r io.ReadCloser, idle time.Duration) *Body {
	if r == nil {
		r = http.NoBody
	}
	// Without a body net/http listens for the client's going away from the beginning, and a
	// deadline would end the connection.
	return &Body{r: r, rc: http.NewResponseController(w), idle: idle, whole: r == http.NoBody}
}

// Read reads on.
func (b *Body) Read(p []byte) (int, error) {
	if err := b.roll(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if err == nil {
		return n, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == io.EOF {
		// From here on net/http listens for the client's going away, and a deadline would
		// look like that while the Store takes its time.
		b.whole = true
		_ = b.rc.SetReadDeadline(time.Time{})
		return n, err
	}
	if b.cause != nil {
		err = b.cause
	}
	b.err = err
	return n, err
}

// roll moves the deadlines.
func (b *Body) roll() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := time.Now()
	switch {
	case b.whole:
	case b.err != nil:
		return b.err
	case b.cause != nil:
		if t.After(b.until) {
			b.err = b.cause
		}
		b.hurry(t)
		return b.err
	case t.Sub(b.moved) > b.idle/16:
		b.moved = t
		_ = b.rc.SetReadDeadline(t.Add(b.idle))
		_ = b.rc.SetWriteDeadline(t.Add(2 * b.idle))
	}
	return nil
}

// Interrupt ends the body with cause, once what has arrived is read. Where deadlines cannot
// be moved a Read that waits goes on until something comes.
func (b *Body) Interrupt(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole || b.cause != nil {
		return
	}
	t := time.Now()
	b.cause, b.until = cause, t.Add(min(arrivedFor, b.idle))
	b.hurry(t)
}

// hurry has the next bytes come at once or not at all.
func (b *Body) hurry(t time.Time) {
	if t = t.Add(arrivedGap); t.After(b.until) {
		t = b.until
	}
	_ = b.rc.SetReadDeadline(t)
}

// Err returns why reading ended before the body's end, nil where it did not.
func (b *Body) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Close closes the body.
func (b *Body) Close() error { return b.r.Close() }

// Done leaves the deadlines as the answer needs them. The connection's next request gets
// the server's own.
func (b *Body) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.whole && b.cause == nil {
		_ = b.rc.SetReadDeadline(time.Now().Add(min(unreadFor, b.idle)))
	}
	_ = b.rc.SetWriteDeadline(time.Time{})
}
