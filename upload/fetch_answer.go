package upload

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// version is what tells one version of an origin's file from another.
type version struct {
	etag, modified string // the strong validator, one of them or none
	size           int64
	known          bool // size is how many bytes there are
}

// versionOf returns the version that the headers of an answer to the whole tell of. Weak
// validators may stand for two files (RFC 9110 section 8.8.1), and so do times that are
// not at least a second old (section 8.8.2.2).
func versionOf(h http.Header) version {
	etag := h.Get("ETag")
	switch {
	case strings.HasPrefix(etag, `"`):
		return version{etag: etag}
	case etag != "":
		return version{}
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	date, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil || date.Sub(modified) < time.Second {
		return version{}
	}
	return version{modified: h.Get("Last-Modified")}
}

// strong says whether a range of this very version can be asked for.
func (v version) strong() bool { return v.etag != "" || v.modified != "" }

// condition asks for the bytes of this version from offset on.
func (v version) condition(h http.Header, offset int64) {
	if offset == 0 {
		return
	}
	h.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
	if v.etag != "" {
		h.Set("If-Range", v.etag)
	} else {
		h.Set("If-Range", v.modified)
	}
}

// differs says whether the headers of a partial answer tell of another version. Such an
// answer may leave out what the asker knows (RFC 9110 section 15.3.7).
func (v version) differs(h http.Header) bool {
	if etag := h.Get("ETag"); etag != "" && v.etag != "" {
		return etag != v.etag
	}
	modified := h.Get("Last-Modified")
	return modified != "" && v.modified != "" && modified != v.modified
}

// take looks at an answer: is it what was asked for, and may it be taken?
func (o *origin) take(resp *http.Response) error {
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") && resp.StatusCode < 300 {
		return unavailableOrigin(true, fmt.Errorf("Content-Encoding %q", e), "The server at the address sends the file compressed. Use an address that has the file as it is.")
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return o.takeWhole(resp)
	case http.StatusPartialContent:
		return o.takeRange(resp)
	case http.StatusRequestedRangeNotSatisfiable:
		if o.offset > 0 {
			return o.begin(errors.New("the server does not have the range"))
		}
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		o.rest(resp)
		return statusOfOrigin(resp.StatusCode, false)
	}
	if resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented {
		o.rest(resp)
		return statusOfOrigin(resp.StatusCode, false)
	}
	return statusOfOrigin(resp.StatusCode, true)
}

// rest notes how long the origin wants to be left alone.
func (o *origin) rest(resp *http.Response) {
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		o.after = min(time.Duration(min(s, 3600))*time.Second, mostAfter)
	}
}

// takeWhole takes the file from its start on. Where a range was asked for, the server has
// none, or another version: what came before is of no use.
func (o *origin) takeWhole(resp *http.Response) error {
	is := versionOf(resp.Header)
	is.size, is.known = resp.ContentLength, resp.ContentLength >= 0
	o.kind = resp.Header.Get("Content-Type")
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		o.name = params["filename"]
	}
	var again error
	if o.offset > 0 {
		if again = o.forget(errors.New("the server has no ranges, or another version of the file")); !errors.Is(again, errAgain) {
			return again
		}
	}
	o.is = is
	if is.known && is.size > o.order.MaxSize {
		return tooLargeOrigin(o.order.MaxSize)
	}
	if want := o.order.Announced; is.known && want > 0 && is.size != want {
		return otherSize(is.size, want)
	}
	return again
}

// takeRange takes the rest of the file.
func (o *origin) takeRange(resp *http.Response) error {
	from, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case o.offset == 0: // nobody asked for a range
		return statusOfOrigin(resp.StatusCode, true)
	case !ok || from != o.offset:
		return o.begin(fmt.Errorf("the server answered with the range %q to that from %d on", resp.Header.Get("Content-Range"), o.offset))
	case o.is.differs(resp.Header), o.is.known && total >= 0 && total != o.is.size:
		return o.begin(errors.New("the server has another version of the file"))
	}
	if !o.is.known && total >= 0 {
		o.is.size, o.is.known = total, true
	}
	return nil
}

// parseContentRange reads the first byte and the number of all bytes, -1 for unknown,
// from a Content-Range (RFC 9110 section 14.4).
func parseContentRange(s string) (from, total int64, ok bool) {
	unit, rest, _ := strings.Cut(s, " ")
	span, all, slash := strings.Cut(rest, "/")
	first, last, dash := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !slash || !dash {
		return 0, 0, false
	}
	from, ok1 := digits(first)
	to, ok2 := digits(last)
	if !ok1 || !ok2 || to < from {
		return 0, 0, false
	}
	if all == "*" {
		return from, -1, true
	}
	total, ok = digits(all)
	return from, total, ok && to < total
}

// digits reads a number that is written in digits alone.
func digits(s string) (int64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
