package sse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// stream sends to one client until ctx ends, the Hub is closed, the stream is too old,
// or the client is lost, which is the only error.
func (h *Hub) stream(ctx context.Context, out *writer, c *client) error {
	// It goes out at once, also where no state does, so that the headers do.
	message := fmt.Appendf(nil, "retry: %d\n\n", h.opts.Retry.Milliseconds())
	var (
		now   = time.Now()
		due   = now                       // when progress may be sent again
		beat  = now.Add(h.opts.Heartbeat) // when a comment is to be sent
		old   time.Time                   // when the stream ends, zero for never
		over  time.Time                   // when it ends because its assets have, zero for not
		timer = time.NewTimer(h.opts.Heartbeat)
	)
	defer timer.Stop()
	if h.opts.MaxAge > 0 {
		// Clients that came together, after a restart, don't come back together.
		old = now.Add(h.opts.MaxAge - h.opts.MaxAge/10 + rand.N(h.opts.MaxAge/5+1))
	}
	for {
		batch, waiting, ended := h.take(c, !now.Before(due))
		for _, v := range batch {
			message = append(message, v.frame()...)
		}
		if len(message) == 0 && !now.Before(beat) {
			message = append(message, ":\n\n"...)
		}
		if len(message) > 0 {
			if err := out.write(message); err != nil {
				return err
			}
			message = message[:0]
			now = time.Now()
			beat = now.Add(h.opts.Heartbeat)
		}
		if len(batch) > 0 {
			due = now.Add(h.opts.MinInterval)
		}
		if !ended {
			over = time.Time{}
		} else if over.IsZero() {
			over = now.Add(h.opts.Linger)
		}
		if reached(now, old) || reached(now, over) {
			return nil
		}
		next := earlier(beat, earlier(old, over))
		if waiting {
			next = earlier(next, due)
		}
		timer.Reset(next.Sub(now))
		select {
		case <-ctx.Done():
			return nil
		case <-h.done:
			return nil
		case <-c.wake:
		case <-timer.C:
		}
		now = time.Now()
	}
}

// reached says whether it is time for at; it never is for the zero time.
func reached(now, at time.Time) bool { return !at.IsZero() && !now.Before(at) }

// earlier returns the earlier of a and b, where the zero time is later than all.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// writer writes to a client and flushes, with a deadline for each write and none in
// between: over HTTP/2 a deadline that passes ends the stream, also when nothing is being
// written.
type writer struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
}

func newWriter(w http.ResponseWriter, timeout time.Duration) *writer {
	return &writer{w: w, rc: http.NewResponseController(w), timeout: timeout}
}

func (out *writer) write(b []byte) error {
	// A writer that has no deadlines has to do without: a test's recorder, say.
	_ = out.rc.SetWriteDeadline(time.Now().Add(out.timeout))
	if _, err := out.w.Write(b); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := out.rc.Flush(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	_ = out.rc.SetWriteDeadline(time.Time{})
	return nil
}

// end leaves a deadline for what the server writes behind the stream.
func (out *writer) end() { _ = out.rc.SetWriteDeadline(time.Now().Add(out.timeout)) }
