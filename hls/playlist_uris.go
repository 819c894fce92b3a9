package hls

import "strings"

// uriPlace is where a playlist has a URI.
type uriPlace struct {
	start, end int    // in the text
	tag        string // "#EXT-X-MAP", or "" for a line that is a URI
}

// ofKey says whether the URI is that of a key (RFC 8216 sections 4.3.2.4 and 4.3.4.5).
func (p uriPlace) ofKey() bool { return p.tag == "#EXT-X-KEY" || p.tag == "#EXT-X-SESSION-KEY" }

// uriPlaces returns where the URIs of a playlist are, in their order: lines that are no
// tags, and attributes with the name URI (RFC 8216 sections 4.1 and 4.2). It knows
// attribute lists, so that a NAME that reads like an attribute is none.
func uriPlaces(text string) []uriPlace {
	var out []uriPlace
	for at := 0; at < len(text); {
		end := len(text)
		if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
			end = at + n
		}
		line := text[at:end]
		trimmed := strings.TrimRight(line, " \t\r")
		lead := len(trimmed) - len(strings.TrimLeft(trimmed, " \t"))
		trimmed = trimmed[lead:]
		switch {
		case trimmed == "":
		case trimmed[0] != '#':
			out = append(out, uriPlace{start: at + lead, end: at + lead + len(trimmed)})
		case strings.HasPrefix(trimmed, "#EXT"):
			if tag, list, ok := strings.Cut(trimmed, ":"); ok {
				if from, to, ok := uriAttribute(list); ok {
					base := at + lead + len(tag) + 1
					out = append(out, uriPlace{start: base + from, end: base + to, tag: tag})
				}
			}
		}
		at = end + 1
	}
	return out
}

// uriAttribute returns where the value of URI is in an attribute list, without its quotes.
func uriAttribute(list string) (from, to int, ok bool) {
	for at := 0; at < len(list); {
		eq := strings.IndexByte(list[at:], '=')
		if eq < 0 {
			return 0, 0, false
		}
		name := strings.TrimSpace(list[at : at+eq])
		value := at + eq + 1
		end := value
		if value < len(list) && list[value] == '"' {
			n := strings.IndexByte(list[value+1:], '"')
			if n < 0 {
				return 0, 0, false
			}
			end = value + 1 + n
			if name == "URI" {
				return value + 1, end, true
			}
		}
		comma := strings.IndexByte(list[end:], ',')
		if comma < 0 {
			return 0, 0, false
		}
		at = end + comma + 1
	}
	return 0, 0, false
}

// URIs returns the URIs of objects in a playlist, multivariant or media: of the lines and the
// attributes (RFC 8216 sections 4.1 and 4.2), but for those of keys, which are no objects of the
// Store. They are as they stand there, relative or not.
func URIs(playlist []byte) []string {
	text := string(playlist)
	var out []string
	for _, p := range uriPlaces(text) {
		if !p.ofKey() {
			out = append(out, text[p.start:p.end])
		}
	}
	return out
}
