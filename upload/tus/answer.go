package tus

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/vodkit/vodkit/internal/problem"
)

// answer takes what tusd answers. Successes get the headers that tusd does not know of,
// refusals are kept back until finish writes vodkit's own.
//
// It has no Unwrap: the deadlines of the connection are the body's to move.
type answer struct {
	http.ResponseWriter
	q      *request
	status int
	text   []byte // of a refusal
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	if status < 400 {
		a.q.headers(a.Header())
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.status < 400 {
		return a.ResponseWriter.Write(p)
	}
	if room := 200 - len(a.text); room > 0 {
		a.text = append(a.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// finish writes what is kept back.
func (a *answer) finish() {
	defer a.q.body.Done()
	if a.status != 0 && a.status < 400 {
		return
	}
	q := a.q
	head := a.Header()
	head.Del("Content-Disposition")
	if q.created { // the client may go on with it
		head.Set("Location", q.location(head.Get("Location")))
	}
	switch err := q.err; {
	case err != nil:
		q.refuse(a.ResponseWriter, err)
	case q.body.Err() != nil:
		q.refuse(a.ResponseWriter, bodyError(q.body.Err()))
	default:
		q.refuse(a.ResponseWriter, tusdError(a.status, a.text))
	}
}

// headers adds to a success what tusd does not know of.
func (q *request) headers(head http.Header) {
	if q.created {
		head.Set("Location", q.location(head.Get("Location")))
	}
	if q.session != nil && q.method == http.MethodHead {
		if raw := rawMetadata(*q.session); raw != "" {
			head.Set("Upload-Metadata", raw)
		}
	}
	if q.asset != "" {
		head.Set(AssetHeader, q.asset)
		return
	}
	if q.session == nil {
		return
	}
	ctx := context.WithoutCancel(q.r.Context())
	if at, err := q.h.p.SessionExpires(ctx, *q.session); err == nil {
		head.Set("Upload-Expires", at.UTC().Format(http.TimeFormat))
	}
}

// location returns where the upload of a creation is: a path, or with Options.Forwarded the
// URL that tusd has made of the request's headers, which knows nothing of where the
// Handler is mounted.
func (q *request) location(of string) string {
	path := q.at + "/" + q.session.ID
	if u, err := url.Parse(of); err == nil && q.h.opts.Forwarded && u.Host != "" {
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}).String()
	}
	return path
}

// refuse answers with what err means.
func (q *request) refuse(w http.ResponseWriter, err error) {
	e, ok := err.(*refusal) //nolint:errorlint // it is never wrapped
	if !ok {
		q.h.p.Refuse(w, q.r, err, q.h.opts.MaxUpload)
		return
	}
	if e.status == http.StatusPreconditionFailed {
		w.Header().Set("Tus-Version", version)
	}
	problem.Write(w, e.status, e.code, e.message)
}

// detached returns a context for what must be done although a client has gone, with a bound.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Minute)
}

// protocol is what this package's sessions are marked with.
const protocol = "tus"
