package deliver

import (
	"net/http"
	"strings"
	"time"
)

// validators are what a request's conditions are held against.
type validators struct {
	etag string // with its quotes, "" for none
	// modified is the time of the last change, zero where unknown.
	modified time.Time
	// mutable says that the object may change within a second, so that its time proves
	// nothing.
	mutable bool
}

// conditional says whether the request has conditions.
func conditional(h http.Header) bool {
	for _, name := range [...]string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return h.Get("If-Range") != "" && h.Get("Range") != ""
}

// evaluate returns 412, 304, or 0 to go on (RFC 9110 section 13.2.2). The method is GET
// or HEAD.
func (v validators) evaluate(h http.Header) int {
	if match := h.Values("If-Match"); len(match) > 0 {
		if !v.matches(match, false) {
			return http.StatusPreconditionFailed
		}
	} else if t, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && !v.modified.IsZero() {
		if v.modified.Truncate(time.Second).After(t) {
			return http.StatusPreconditionFailed
		}
	}
	if none := h.Values("If-None-Match"); len(none) > 0 {
		if v.matches(none, true) {
			return http.StatusNotModified
		}
	} else if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && !v.modified.IsZero() && !v.mutable {
		if !v.modified.Truncate(time.Second).After(t) {
			return http.StatusNotModified
		}
	}
	return 0
}

// ifRange says whether a Range of the request holds (RFC 9110 section 13.1.5).
func (v validators) ifRange(h http.Header) bool {
	cond := strings.TrimSpace(h.Get("If-Range"))
	switch {
	case cond == "":
		return true
	case strings.HasPrefix(cond, `"`):
		return cond == v.etag
	case strings.HasPrefix(cond, "W/"): // weak, or no entity tag at all
		return false
	}
	t, err := http.ParseTime(cond)
	return err == nil && !v.mutable && !v.modified.IsZero() && v.modified.Truncate(time.Second).Equal(t)
}

// matches says whether a list of entity tags has v's, or is "*". Weak comparison takes
// a weak tag for its strong one; strong comparison never holds for a weak one.
func (v validators) matches(lists []string, weak bool) bool {
	for _, list := range lists {
		list = strings.TrimLeft(list, " \t,")
		if strings.TrimRight(list, " \t") == "*" {
			return true
		}
		for list != "" {
			rest, isWeak := strings.CutPrefix(list, "W/")
			if !strings.HasPrefix(rest, `"`) {
				break // malformed: what was read before counts
			}
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				break
			}
			tag := rest[:end+2]
			if tag == v.etag && (weak || !isWeak) {
				return true
			}
			list = strings.TrimLeft(rest[end+2:], " \t,")
		}
	}
	return false
}

// Plain says whether the request is a GET for the whole, without conditions.
func Plain(r *http.Request) bool {
	h := r.Header
	return r.Method == http.MethodGet && h["Range"] == nil && h["If-None-Match"] == nil && h["If-Modified-Since"] == nil &&
		h["If-Match"] == nil && h["If-Unmodified-Since"] == nil
}

// QuoteETag returns the entity tag of a Store's ETag, "" where it makes none.
func QuoteETag(etag string) string {
	if etag == "" || strings.ContainsFunc(etag, func(r rune) bool { return r <= ' ' || r == '"' || r >= 0x7f }) {
		return ""
	}
	return `"` + etag + `"`
}
