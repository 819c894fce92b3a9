// Package problem writes the one JSON form that every vodkit handler answers an
// error in:
//
//	{"error": {"code": "not_found", "message": "There is no asset \"x\"."}}
//
// The code is stable and for programs, the message is a sentence for people.
package problem

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
)

// Codes shared by the handlers. upload/doc.go has the table of all of them.
const (
	BadRequest       = "bad_request"
	Unauthorized     = "unauthorized"
	Forbidden        = "forbidden"
	NotFound         = "not_found"
	MethodNotAllowed = "method_not_allowed"
	Internal         = "internal"
	Unavailable      = "unavailable"
)

// Body is the JSON that Write writes.
type Body struct {
	Error Detail `json:"error"`
}

// Detail is the inside of Body.
type Detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Write answers with status and the JSON error form. The response is never cached.
func Write(w http.ResponseWriter, status int, code, message string) {
	h := w.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h.Del("ETag")
	h.Del("Last-Modified")
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Body{Detail{code, message}})
}

// Challenge adds the challenge that is due with 401 (RFC 9110 section 15.5.2), unless there
// is one. Browsers ask nobody for this one.
func Challenge(h http.Header) {
	if h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", "Bearer")
	}
}

// Denied answers a request that the host's Authorize refused with err: the status
// that an error in err's chain names with HTTPStatus() int, 404 for
// fs.ErrNotExist, else 403. The text of err stays inside: it may tell too much.
func Denied(w http.ResponseWriter, err error) {
	status := http.StatusForbidden
	var s interface{ HTTPStatus() int }
	switch {
	case errors.As(err, &s) && s.HTTPStatus() >= 400 && s.HTTPStatus() < 600:
		status = s.HTTPStatus()
	case errors.Is(err, fs.ErrNotExist):
		status = http.StatusNotFound
	}
	switch status {
	case http.StatusUnauthorized:
		Challenge(w.Header())
		Write(w, status, Unauthorized, "Sign in first: this request carries no valid credentials.")
	case http.StatusNotFound:
		Write(w, status, NotFound, "There is nothing at this address.")
	case http.StatusForbidden:
		Write(w, status, Forbidden, "You may not do this.")
	default:
		Write(w, status, Forbidden, http.StatusText(status)+".")
	}
}
