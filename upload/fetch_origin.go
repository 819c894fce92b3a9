package upload

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/vodkit/vodkit/encoder"
)

// origin reads the file that a URL leads to, from an offset on and over as many
// connections as that takes. What Read yields is of one version of the file, one byte
// behind the other; where that is over it fails with errAgain, and begins with byte 0. It
// holds ctx for one fetch.
type origin struct {
	ctx    context.Context
	client *http.Client
	opts   FetchOptions
	log    *slog.Logger
	order  Fetch

	is     version // of which offset counts the bytes
	offset int64
	kind   string // the content type, "" where the answer to the whole was not seen
	name   string // what the origin calls the file

	body   *idleBody      // nil between connections
	broken *encoder.Error // why there is no connection any more, nil before the first
	tries  int            // connections in a row that brought nothing
	anew   int            // how often it began again
	after  time.Duration  // what the origin wants to be left alone for
}

// Bounds of what is tried within one run.
const (
	mostTries   = 5
	mostAnew    = 3
	mostBackoff = 30 * time.Second
	mostAfter   = time.Minute // of Retry-After
)

var (
	// errAgain says that what was read so far is of no use.
	errAgain = errors.New("the file is fetched again from its start")
	// errIdle and errSlow end a connection, and a run.
	errIdle = errors.New("the server sent nothing for too long")
	errSlow = errors.New("the server took too long")
)

// complete says whether all bytes have been read.
func (o *origin) complete() bool { return o.is.known && o.offset == o.is.size }

func (o *origin) Read(p []byte) (int, error) {
	for !o.complete() {
		if o.body == nil {
			if err := o.connect(); err != nil {
				return 0, err
			}
			continue // there may be no bytes
		}
		n, err := o.body.Read(p)
		if n > 0 {
			o.tries = 0
		}
		o.offset += int64(n)
		switch {
		case o.offset > o.order.MaxSize:
			return 0, tooLargeOrigin(o.order.MaxSize)
		case o.is.known && o.offset > o.is.size:
			return 0, o.begin(errors.New("more bytes came than the server said"))
		case err == io.EOF && !o.is.known: //nolint:errorlint // a Reader's own
			o.is.size, o.is.known = o.offset, true
		case err != nil:
			o.close()
			if o.ctx.Err() == nil && !o.complete() {
				o.log.Info("A connection to an origin broke.", "bytes", o.offset, "error", err)
				o.broken = failureOfOrigin(err)
			}
		}
		if n > 0 {
			return n, nil
		}
	}
	o.close()
	return 0, io.EOF
}

// begin has the file asked for from its start, because of why, unless that was so too
// often.
func (o *origin) begin(why error) error {
	o.close()
	return o.forget(why)
}

// forget is begin where body has the file from its start.
func (o *origin) forget(why error) error {
	o.is, o.offset = version{}, 0
	if o.anew++; o.anew > mostAnew {
		return unavailableOrigin(false, why, "The file at the address changes, or its server breaks off, while it is fetched. Try again later.")
	}
	o.log.Info("A file is fetched again from its start.", "reason", why)
	return errAgain
}

// connect asks for the bytes from offset on until there is an answer that brings them.
func (o *origin) connect() error {
	for {
		switch {
		case o.ctx.Err() != nil:
			return context.Cause(o.ctx)
		case o.tries >= mostTries:
			return o.broken
		case o.offset > 0 && !o.is.strong():
			return o.begin(errors.New("the server has no strong validator"))
		case o.broken != nil:
			if err := o.wait(); err != nil {
				return err
			}
		}
		err := o.ask()
		var failure *encoder.Error
		if !errors.As(err, &failure) || failure.Permanent || o.anew > mostAnew {
			return err
		}
		if o.broken = failure; o.ctx.Err() == nil {
			o.log.Info("An origin could not be asked.", "try", o.tries, "error", err)
		}
	}
}

// wait lets the origin rest.
func (o *origin) wait() error {
	d := max(min(o.opts.Backoff<<min(max(o.tries-1, 0), 16), mostBackoff), o.after)
	o.after = 0
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-o.ctx.Done():
		return context.Cause(o.ctx)
	}
}

// ask makes one request, and body of what it is answered with. Errors are *encoder.Error,
// or errAgain.
func (o *origin) ask() error {
	o.tries++
	ctx, cancel := context.WithCancelCause(o.ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.order.URL, nil)
	if err != nil {
		cancel(nil)
		return failureOfOrigin(err)
	}
	req.Header.Set("User-Agent", o.opts.UserAgent)
	req.Header.Set("Accept-Encoding", "identity")
	o.is.condition(req.Header, o.offset)
	body := &idleBody{ctx: ctx, cancel: cancel, idle: o.opts.Idle, timer: time.AfterFunc(o.opts.Idle, func() { cancel(errIdle) })}
	resp, err := o.client.Do(req) //nolint:bodyclose // by idleBody
	body.timer.Stop()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return failureOfOrigin(err)
	}
	body.r = resp.Body
	o.body = body
	if err := o.take(resp); err != nil {
		if !errors.Is(err, errAgain) {
			o.close()
		}
		return err
	}
	return nil
}

// close ends the connection's use.
func (o *origin) close() {
	if o.body != nil {
		o.body.Close()
		o.body = nil
	}
}

// idleBody is the body of an answer that must bring something now and then.
type idleBody struct {
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	r      io.ReadCloser
	idle   time.Duration
	timer  *time.Timer
}

// Read counts the time while it waits, and none while the Store takes its time.
func (b *idleBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	n, err := b.r.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF { //nolint:errorlint // a Reader's own
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *idleBody) Close() {
	b.timer.Stop()
	b.cancel(nil)
	_ = b.r.Close()
}
