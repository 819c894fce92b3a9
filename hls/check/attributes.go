package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// attribute is one pair of an attribute list (RFC 8216 section 4.2).
type attribute struct {
	name, value string // the value without its quotes
	quoted      bool
}

// attributes is a parsed attribute list.
type attributes struct {
	line int
	list []attribute
}

// get returns the value of an attribute, "" where it is absent.
func (a attributes) get(name string) string {
	v, _ := a.lookup(name)
	return v
}

func (a attributes) lookup(name string) (string, bool) {
	for _, at := range a.list {
		if at.name == name {
			return at.value, true
		}
	}
	return "", false
}

func (a attributes) has(name string) bool {
	_, ok := a.lookup(name)
	return ok
}

// integer returns a decimal-integer, 0 where it is absent or none.
func (a attributes) integer(name string) int64 {
	n, _ := decimalInteger(a.get(name))
	return n
}

// float returns a decimal-floating-point, 0 where it is absent or none.
func (a attributes) float(name string) float64 {
	f, _ := decimalFloat(a.get(name))
	return f
}

// resolution returns a decimal-resolution, zeros where it is absent or none.
func (a attributes) resolution(name string) (w, h int64) {
	w, h, _ = decimalResolution(a.get(name))
	return w, h
}

// parseAttributes parses an attribute list strictly. What is wrong with it is told to
// fault, and the rest is read as far as it can be.
func parseAttributes(s string, line int, fault func(format string, args ...any)) attributes {
	a := attributes{line: line}
	seen := map[string]bool{}
	for s != "" {
		if t := strings.TrimLeft(s, " \t"); t != s {
			fault("There is white space before an attribute; write attributes with nothing but a comma between them.")
			s = t
			continue
		}
		eq := strings.IndexByte(s, '=')
		if eq < 0 {
			fault("%s is no attribute; write NAME=value.", show(s))
			return a
		}
		at := attribute{name: s[:eq]}
		if !attributeName(at.name) {
			fault("%s is no attribute name; only A to Z, 0 to 9 and '-' may be in it.", show(at.name))
			at.name = strings.TrimSpace(at.name)
		}
		s = s[eq+1:]
		if strings.HasPrefix(s, `"`) {
			end := strings.IndexByte(s[1:], '"')
			if end < 0 {
				fault("The quoted string of %s does not end; there is no way to write a quote or a line break inside one.", at.name)
				return a
			}
			at.value, at.quoted, s = s[1:1+end], true, s[end+2:]
		} else {
			end := strings.IndexByte(s, ',')
			if end < 0 {
				end = len(s)
			}
			at.value, s = s[:end], s[end:]
			if at.value == "" || strings.ContainsAny(at.value, "\" \t") {
				fault("The value %s of %s is neither a quoted string nor one without quotes, spaces and commas.", show(at.value), at.name)
			}
		}
		if seen[at.name] {
			fault("%s is there twice; an attribute may appear once.", at.name)
		} else {
			seen[at.name] = true
			a.list = append(a.list, at)
		}
		if s == "" {
			break
		}
		if s[0] != ',' {
			fault("Behind the value of %s comes %s; attributes are separated by a comma.", at.name, show(s))
			next := strings.IndexByte(s, ',')
			if next < 0 {
				return a
			}
			s = s[next:]
		}
		if s = s[1:]; s == "" {
			fault("The list ends with a comma; remove it.")
		}
	}
	return a
}

func attributeName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

// show quotes a piece of a playlist for a message, cut where it is long.
func show(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

// form is how the value of an attribute must be written.
type form struct {
	name  string
	valid func(at attribute) bool
}

func unquoted(name string, valid func(string) bool) form {
	return form{name, func(at attribute) bool { return !at.quoted && valid(at.value) }}
}

func oneOf(values ...string) form {
	return unquoted("one of "+strings.Join(values, ", "), func(s string) bool {
		for _, v := range values {
			if s == v {
				return true
			}
		}
		return false
	})
}

// attributeForm returns how the attribute of a tag must be written, or false where that
// is not known. Attributes mean the same in every tag that has them.
func attributeForm(name string) (form, bool) {
	switch name {
	case "BANDWIDTH", "AVERAGE-BANDWIDTH", "PROGRAM-ID":
		return unquoted("a decimal integer", func(s string) bool { _, ok := decimalInteger(s); return ok }), true
	case "RESOLUTION":
		return unquoted("a resolution such as 1280x720", func(s string) bool { _, _, ok := decimalResolution(s); return ok }), true
	case "FRAME-RATE", "SCORE":
		return unquoted("a decimal number", func(s string) bool { _, ok := decimalFloat(s); return ok }), true
	case "TIME-OFFSET":
		return unquoted("a decimal number, with a sign or not", func(s string) bool {
			_, ok := decimalFloat(strings.TrimPrefix(s, "-"))
			return ok
		}), true
	case "DEFAULT", "AUTOSELECT", "FORCED", "PRECISE":
		return oneOf("YES", "NO"), true
	case "METHOD":
		return unquoted("a name such as AES-128", func(s string) bool { return s != "" }), true
	case "TYPE":
		return oneOf("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"), true
	case "VIDEO-RANGE":
		return oneOf("SDR", "HLG", "PQ"), true
	case "IV":
		return unquoted("a hexadecimal number of 128 bits", hexadecimal), true
	case "CLOSED-CAPTIONS":
		return form{"a quoted string or NONE", func(at attribute) bool { return at.quoted || at.value == "NONE" }}, true
	case "CODECS", "SUPPLEMENTAL-CODECS", "AUDIO", "VIDEO", "SUBTITLES", "URI", "GROUP-ID", "LANGUAGE", "ASSOC-LANGUAGE", "NAME",
		"INSTREAM-ID", "CHARACTERISTICS", "CHANNELS", "KEYFORMAT", "KEYFORMATVERSIONS", "BYTERANGE",
		"DATA-ID", "STABLE-VARIANT-ID", "STABLE-RENDITION-ID", "PATHWAY-ID":
		return form{"a quoted string", func(at attribute) bool { return at.quoted }}, true
	}
	return form{}, false
}

// decimalInteger parses 0 to 2^64-1, as far as int64 holds it.
func decimalInteger(s string) (int64, bool) {
	if s == "" || len(s) > 20 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, false
	}
	return int64(min(n, math.MaxInt64)), true
}

// decimalFloat parses an unsigned decimal number without an exponent.
func decimalFloat(s string) (float64, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" || len(s) > 40 {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func decimalResolution(s string) (w, h int64, ok bool) {
	a, b, _ := strings.Cut(s, "x")
	w, ok = decimalInteger(a)
	if ok {
		h, ok = decimalInteger(b)
	}
	return w, h, ok && w < 1<<20 && h < 1<<20
}

func hexadecimal(s string) bool {
	if len(s) < 3 || len(s) > 34 || s[0] != '0' || s[1]|0x20 != 'x' {
		return false
	}
	return strings.Trim(s[2:], "0123456789abcdefABCDEF") == ""
}

// byteRange parses n[@o]; offset is -1 where it is absent.
func byteRange(s string) (length, offset int64, err error) {
	n, o, has := strings.Cut(s, "@")
	length, ok := decimalInteger(n)
	offset = -1
	if ok && has {
		offset, ok = decimalInteger(o)
	}
	if !ok || length == 0 || length > 1<<60 || offset > 1<<60 {
		return 0, 0, fmt.Errorf("%s is no byte range", show(s))
	}
	return length, offset, nil
}
