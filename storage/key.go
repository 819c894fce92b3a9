package storage

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits that CheckKey enforces, in bytes.
const (
	// MaxKey is the longest key: what S3, Google Cloud Storage and Azure take.
	MaxKey = 1024
	// MaxElement is the longest path element, counted as a folder on disk spells it (see
	// CheckKey). File systems take 255 bytes; 21 of them are left for the name that an
	// element has while it is being written.
	MaxElement = 255 - 21
)

// CheckKey says whether key can name an object in every kind of store: it returns nil,
// or an error that matches [ErrInvalidKey] and says what is wrong.
//
// A key is one or more path elements with single slashes between them. Spaces, Unicode,
// brackets, quotes, percent signs and the like are allowed. Refused are:
//   - the empty key, a slash at either end, an empty element, "." and "..", and an
//     element before a slash that ends in ".." (folders can't list below those);
//   - control characters (NUL, line ends, DEL, U+0080 to U+009F), U+FFFE, U+FFFF,
//     backslashes and invalid UTF-8;
//   - more than [MaxKey] bytes in all, or [MaxElement] in one element, where each of
//     < > : " | ? * and each "__0x" counts as 8 bytes, because that is how long they
//     are when a folder escapes them;
//   - last elements that a folder keeps for itself: those ending in ".attrs", and those
//     ending as temporary files do, in a dot, 16 hexadecimal digits and ".tmp".
func CheckKey(key string) error {
	if reason := invalidKey(key); reason != "" {
		shown := key
		if len(shown) > 100 {
			shown = shown[:100] + "…"
		}
		return fmt.Errorf("%w %q: %s", ErrInvalidKey, shown, reason)
	}
	return nil
}

func invalidKey(key string) (reason string) {
	switch {
	case key == "":
		return "it is empty"
	case len(key) > MaxKey:
		return fmt.Sprintf("it has %d bytes, more than %d", len(key), MaxKey)
	case key[0] == '/':
		return "it starts with a slash"
	case key[len(key)-1] == '/':
		return "it ends with a slash"
	}
	if reason := invalidText(key); reason != "" {
		return reason
	}
	rest, more := key, true
	for more {
		var element string
		element, rest, more = strings.Cut(rest, "/")
		if reason := invalidElement(element, !more); reason != "" {
			return reason
		}
	}
	return ""
}

// invalidText looks at the characters of a key.
func invalidText(s string) (reason string) {
	if !utf8.ValidString(s) {
		return "it is not valid UTF-8"
	}
	for _, r := range s {
		switch {
		case unicode.IsControl(r):
			return fmt.Sprintf("it holds the control character %U", r)
		case r == '\\':
			return "it holds a backslash"
		case r == '\uFFFE' || r == '\uFFFF':
			return fmt.Sprintf("it holds the noncharacter %U", r)
		}
	}
	return ""
}

// invalidElement looks at one path element; last says that no slash follows it.
func invalidElement(e string, last bool) (reason string) {
	switch {
	case e == "":
		return "it has an empty element"
	case e == "." || e == "..":
		return fmt.Sprintf("an element is %q", e)
	case !last && strings.HasSuffix(e, ".."):
		return "an element before a slash ends in two dots"
	case escapedLen(e) > MaxElement:
		return fmt.Sprintf("an element has %d bytes (escaped), more than %d", escapedLen(e), MaxElement)
	case last && strings.HasSuffix(e, ".attrs"):
		return `names that end in ".attrs" are reserved`
	case last && isTemporary(e):
		return "names of temporary files are reserved"
	}
	return ""
}

// escapedLen is how many bytes a path element has at most once a folder has escaped it:
// "<" becomes "__0x3c__".
func escapedLen(e string) int {
	n := len(e) + 7*strings.Count(e, "__0x")
	for i := range len(e) {
		if strings.IndexByte(`<>:"|?*`, e[i]) >= 0 {
			n += 7
		}
	}
	return n
}

// isTemporary says whether a name ends like "clip.mp4.18c2f0a1b2c3d4e5.tmp".
func isTemporary(name string) bool {
	const digits = 16
	stem, ok := strings.CutSuffix(name, ".tmp")
	if !ok || len(stem) < digits+1 || stem[len(stem)-digits-1] != '.' {
		return false
	}
	for _, c := range []byte(stem[len(stem)-digits:]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
