package upload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/vodkit/vodkit/internal/problem"
)

// Refusal is a host's refusal in words for whoever uploads: what Options.Admit and
// Options.Accept, and HandlerOptions.Authorize, Prepare and their like return to have it
// shown. The text of any other error stays in the log.
type Refusal struct {
	// Status is the HTTP status, from 400 to 599. Defaults to 403.
	Status int
	// Code is for programs, such as "plan_limit". Defaults to "refused". A video that
	// Options.Accept refuses has the code rejected in any case.
	Code string
	// Message is a sentence for people. Defaults to one that gives no reason.
	Message string
	// RetryAfter is when to try again, told in whole seconds. Defaults to 0, not said.
	RetryAfter time.Duration
	// Err is the reason, for the log. Defaults to nil.
	Err error
}

var _ error = (*Refusal)(nil)

// Error returns what is for the log.
func (e *Refusal) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.message()
}

// Unwrap returns Err.
func (e *Refusal) Unwrap() error { return e.Err }

// HTTPStatus returns the status that it is answered with.
func (e *Refusal) HTTPStatus() int {
	if e.Status < 400 || e.Status > 599 {
		return http.StatusForbidden
	}
	return e.Status
}

func (e *Refusal) message() string {
	if e.Message == "" {
		return "This is not accepted here."
	}
	return e.Message
}

// writeDenied answers what the host's hook refused with err.
func writeDenied(w http.ResponseWriter, err error) {
	var e *Refusal
	if !errors.As(err, &e) {
		problem.Denied(w, err)
		return
	}
	code := e.Code
	if code == "" {
		code = codeRefused
	}
	status := e.HTTPStatus()
	if status == http.StatusUnauthorized {
		problem.Challenge(w.Header())
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	problem.Write(w, status, code, e.message())
}

// vetoError is an error of Options.Admit. It matches ErrRefused.
type vetoError struct{ err error }

func (e *vetoError) Error() string        { return fmt.Sprintf("%v: %v", ErrRefused, e.err) }
func (e *vetoError) Unwrap() error        { return e.err }
func (e *vetoError) Is(target error) bool { return target == ErrRefused }

// errHook marks what keeps a hook of the host's from answering.
var errHook = errors.New("a hook of the host's failed")

// hook calls a hook of the host's and makes an error of a panic, which matches errHook
// and errPanic.
func (p *Pipeline) hook(ctx context.Context, name string, call func(ctx context.Context) error) (err error) {
	if panicked := p.survive(name, func() { err = call(ctx) }); panicked != nil {
		return fmt.Errorf("%w: %w", errHook, panicked)
	}
	return err
}
