// Package mount finds out where a handler is mounted.
package mount

import (
	"net/http"
	"strings"
)

// Locate takes the path of a request apart, wherever the handler is mounted that is asked:
// under a mux or router that leaves the path as it is, or under one that has cut off its
// beginning (http.StripPrefix). base is where the handler says it is, with a slash at its
// start and none at its end. at is the URL path of the handler without a slash at its end,
// rest what follows, without slashes around it.
func Locate(r *http.Request, base string) (at, rest string) {
	full, _, _ := strings.Cut(r.RequestURI, "?")
	rest = r.URL.Path
	// What somebody has cut off already is the start of the full path.
	at, known := strings.CutSuffix(full, r.URL.EscapedPath())
	if rest == "" || rest == "/" {
		at, known = strings.TrimSuffix(full, "/"), full != ""
	}
	if !known { // a middleware has rewritten the path
		at = ""
	}
	if tail, ok := cut(rest, base); ok && !strings.HasSuffix(at, base) {
		at, rest = at+base, tail
	} else if !known {
		at = base
	}
	return strings.TrimSuffix(at, "/"), strings.TrimSuffix(strings.TrimPrefix(rest, "/"), "/")
}

// cut cuts base from path where it is the first elements of it.
func cut(path, base string) (string, bool) {
	rest, ok := strings.CutPrefix(path, base)
	return rest, ok && (rest == "" || rest[0] == '/')
}
