package sign

import (
	"errors"
	"net/http"
)

// What is wrong with what the host hands in.
var (
	// ErrInvalidKey says that keys can't be used as they are.
	ErrInvalidKey = errors.New("hls/sign: invalid key")
	// ErrInvalidClaims says that no token can be made of claims.
	ErrInvalidClaims = errors.New("hls/sign: invalid claims")
)

// Why a request is refused. Each has a method HTTPStatus() int, which hls.Handler and
// upload.Handler answer with: 401 where there is no token that is valid, 403 where there
// is one that opens something else. The texts are for logs; clients never see them.
var (
	// ErrNoToken says that the request carries no token. 401.
	ErrNoToken error = &refusal{http.StatusUnauthorized, "the request carries no token"}
	// ErrMalformed says that what was sent is no token, or not one of this version. 401.
	ErrMalformed error = &refusal{http.StatusUnauthorized, "malformed token"}
	// ErrSignature says that none of the keys has signed the token as it is. 401.
	ErrSignature error = &refusal{http.StatusUnauthorized, "the token is not signed with a key that is known"}
	// ErrExpired says that the token was good once. 401.
	ErrExpired error = &refusal{http.StatusUnauthorized, "the token has expired"}
	// ErrScope says that the token opens something else. 403.
	ErrScope error = &refusal{http.StatusForbidden, "the token opens something else"}
	// ErrViewer says that the token was made for somebody else. 403.
	ErrViewer error = &refusal{http.StatusForbidden, "the token is another viewer's"}
	// ErrAddress says that the token was made for other addresses. 403.
	ErrAddress error = &refusal{http.StatusForbidden, "the token is not for this address"}
)

// refusal is an error with the status that it is answered with.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return "hls/sign: " + e.text }

// HTTPStatus returns 401 or 403.
func (e *refusal) HTTPStatus() int { return e.status }
