package tus

import (
	"context"
	"net/http"
	"runtime/debug"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/internal/rolling"
	"github.com/vodkit/vodkit/upload"
)

// request is what one request to the Handler has come to. It travels through tusd in the
// request's context.
type request struct {
	h      *Handler
	r      *http.Request
	method string // as X-HTTP-Method-Override has it
	at     string // the URL path of the Handler
	body   *rolling.Body

	new     upload.NewAsset // of a creation
	raw     string          // its Upload-Metadata
	sum     *checksum       // nil where the client has sent none
	session *upload.Session // once it is known
	asset   string          // what the upload has become
	created bool            // the session is this request's
	err     error           // why it is refused
}

type requestKey struct{}

// requestOf returns the request out of a context that tusd hands on.
func requestOf(ctx context.Context) *request {
	q, _ := ctx.Value(requestKey{}).(*request)
	return q
}

func newRequest(h *Handler, w http.ResponseWriter, r *http.Request, method, at string) *request {
	return &request{h: h, r: r, method: method, at: at, body: rolling.New(w, r.Body, h.opts.Idle)}
}

// admit says whether the request may go on, before tusd sees it and before anything is
// locked: who may not touch an upload must not end the request that works on it.
func (q *request) admit(id string) error {
	if ask := q.h.opts.Authorize; ask != nil {
		if err := ask(q.r, upload.ActionUpload, id); err != nil {
			return upload.Denied(err)
		}
	}
	if err := q.h.p.Err(); err != nil {
		return err
	}
	var err error
	if q.sum, err = parseChecksum(q.r.Header.Values("Upload-Checksum")); err != nil {
		return err
	}
	if id == "" {
		return q.describe()
	}
	if q.tenant() == "" {
		return nil // dataStore.GetUpload looks, in time
	}
	_, err = q.find(q.r.Context(), id)
	return err
}

// describe reads what a creation says of its upload.
func (q *request) describe() error {
	values := q.r.Header.Values("Upload-Metadata")
	pairs, err := parseMetadata(values)
	if err != nil {
		return err
	}
	q.raw = joined(values)
	q.new = newAsset(pairs, q.h.opts.Metadata)
	return nil
}

func (q *request) tenant() string {
	if q.h.opts.Tenant == nil {
		return ""
	}
	return q.h.opts.Tenant(q.r)
}

// find returns a session that the request may see.
func (q *request) find(ctx context.Context, id string) (upload.Session, error) {
	s, err := q.h.p.Session(ctx, id)
	if err != nil {
		return s, err
	}
	if t := q.tenant(); s.Protocol != protocol || t != "" && s.New.Tenant != t {
		return s, upload.ErrNotFound
	}
	return s, nil
}

// fail keeps why the request is refused, and returns it.
func (q *request) fail(err error) error {
	if q.err == nil {
		q.err = err
	}
	return err
}

// interrupt ends the body: what has come of it is kept.
func (q *request) interrupt(cause error) { q.body.Interrupt(cause) }

// watch ends the body when the Pipeline or the server ends, so that an upload which takes an
// hour does not hold up either.
func (q *request) watch() (stop func()) {
	done, watched := make(chan struct{}), make(chan struct{})
	ctx := q.r.Context()
	go func() {
		defer close(watched)
		select {
		case <-done:
		case <-q.h.p.Done():
			q.interrupt(upload.ErrClosed)
		case <-ctx.Done():
			q.interrupt(context.Cause(ctx))
		}
	}()
	return func() {
		close(done)
		<-watched
	}
}

// errPanic stands for a panic of one of the host's functions.
var errPanic = &refusal{http.StatusInternalServerError, problem.Internal, "Something in the service broke. Tell its operator."}

func (q *request) recover() {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v) //nolint:forbidigo // the way of net/http to end a response
	default: // a hook of the host: what it would have said is not known, so nothing is done
		q.h.opts.Logger.Error("A handler panicked.", "panic", v, "stack", string(debug.Stack()))
		q.err = errPanic
	}
}
