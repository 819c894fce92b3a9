package hls

import (
	"net/http"
	"strconv"
	"strings"
)

// byteRange is one range of a Range header (RFC 9110 section 14.1.2).
type byteRange struct {
	first  int64 // -1 for a suffix
	last   int64 // inclusive, -1 for the end
	suffix int64 // how many bytes at the end
}

// parseRange returns the range that the header asks for, nil for the whole: there is
// none, or several, or another unit, or it is malformed, and all of these may be
// ignored.
func parseRange(h http.Header) *byteRange {
	values := h.Values("Range")
	if len(values) != 1 {
		return nil
	}
	unit, set, ok := strings.Cut(values[0], "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Contains(set, ",") {
		return nil
	}
	first, last, ok := strings.Cut(strings.Trim(set, " \t"), "-")
	if !ok {
		return nil
	}
	if first == "" {
		n, ok := parsePosition(last)
		if !ok {
			return nil
		}
		return &byteRange{first: -1, last: -1, suffix: n}
	}
	from, ok := parsePosition(first)
	if !ok {
		return nil
	}
	if last == "" {
		return &byteRange{first: from, last: -1}
	}
	to, ok := parsePosition(last)
	if !ok || to < from {
		return nil
	}
	return &byteRange{first: from, last: to}
}

// parsePosition reads digits only: no sign, no space. A number beyond an int64 is a
// position behind every end, so it becomes the largest one.
func parsePosition(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	_ = err // out of range: n is the largest int64
	return n, true
}

// resolve returns the offset and length, in bytes, of the range in an object of the
// size, and false where there is no such byte.
func (b byteRange) resolve(size int64) (offset, length int64, ok bool) {
	if b.first < 0 {
		n := min(b.suffix, size)
		return size - n, n, n > 0
	}
	if b.first >= size {
		return 0, 0, false
	}
	end := size
	if b.last >= 0 && b.last < size {
		end = b.last + 1
	}
	return b.first, end - b.first, true
}
