package sign

import (
	"net/http"
	"strings"
)

// maxFound is how many tokens of one request are looked at.
const maxFound = 8

// place is where in a request a token was.
type place int

const (
	inQuery place = iota + 1
	inHeader
	inCookie
)

// found is a token of a request, or what stands in its place.
type found struct {
	token string
	by    place
}

// find returns what the request has where tokens are, in the order that counts. There
// may be more than one: a program that sends the token of another service in its header
// besides our cookie, or cookies for a folder and one above it.
func (g *Gate) find(r *http.Request) []found {
	var all []found
	add := func(token string, by place) {
		if token != "" && len(all) < maxFound {
			all = append(all, found{token, by})
		}
	}
	if r.URL.RawQuery != "" {
		for _, token := range r.URL.Query()[g.opts.Param] {
			add(token, inQuery)
		}
	}
	for _, value := range r.Header.Values("Authorization") {
		if scheme, token, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "Bearer") {
			add(strings.TrimSpace(token), inHeader)
		}
	}
	for _, cookie := range r.CookiesNamed(g.opts.Cookie) {
		add(cookie.Value, inCookie)
	}
	return all
}
