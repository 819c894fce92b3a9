package deliver

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// maxRanges is how many ranges of one request are answered apart: no player asks for more
// than a few, and each is an object to be opened.
const maxRanges = 16

// byteRange is one range of a Range header (RFC 9110 section 14.1.2).
type byteRange struct {
	first  int64 // -1 for a suffix
	last   int64 // inclusive, -1 for the end
	suffix int64 // how many bytes at the end
}

// span is a range of an object whose size is known.
type span struct{ offset, length int64 }

// parseRanges returns the ranges that the header asks for, none for the whole: there are
// none or very many, the unit is another, or it is malformed, and all of these may be ignored.
func parseRanges(h http.Header) []byteRange {
	values := h["Range"]
	if len(values) != 1 {
		return nil
	}
	unit, set, ok := strings.Cut(values[0], "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Count(set, ",") >= maxRanges {
		return nil
	}
	var ranges []byteRange
	for item := range strings.SplitSeq(set, ",") {
		if item = strings.Trim(item, " \t"); item == "" {
			continue // lists may have empty elements (section 5.6.1)
		}
		rng, ok := parseRange(item)
		if !ok {
			return nil
		}
		ranges = append(ranges, rng)
	}
	return ranges
}

func parseRange(s string) (byteRange, bool) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return byteRange{}, false
	}
	if first == "" {
		n, ok := parsePosition(last)
		return byteRange{first: -1, last: -1, suffix: n}, ok
	}
	from, ok := parsePosition(first)
	if !ok || last == "" {
		return byteRange{first: from, last: -1}, ok
	}
	to, ok := parsePosition(last)
	return byteRange{first: from, last: to}, ok && to >= from
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

// resolveAll returns the ranges that an object of the size has, none for the whole: none
// was asked for, or together they are more than that. It is false where there were ranges and the
// object has none of them.
func resolveAll(ranges []byteRange, size int64) (spans []span, ok bool) {
	var sum int64
	for _, rng := range ranges {
		if offset, length, ok := rng.resolve(size); ok {
			spans = append(spans, span{offset, length})
			sum += length
		}
	}
	if len(spans) > 1 && sum > size {
		return nil, true
	}
	return spans, len(ranges) == 0 || len(spans) > 0
}

// contentRange is the value of Content-Range (RFC 9110 section 14.4).
func contentRange(offset, length, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, size)
}
