package check

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parser reads one playlist line by line (RFC 8216 section 4). It never fails: what is
// wrong goes to playlist.faults, each with the rule that it breaks.
type parser struct {
	pl   *playlist
	line int
	vars map[string]string // EXT-X-DEFINE
	left *budget

	// What applies to the next URI line.
	pending  *segment
	extinf   bool
	variant  *variant
	ranged   bool // EXT-X-BYTERANGE
	noOffset bool // it has no offset
	key      *key
	init     *initRef
	last     *segment
}

// budget is what all playlists of a presentation may still take.
type budget struct {
	segments int
	text     int // bytes of URIs and variables
}

const (
	maxText    = 32 << 20
	maxURI     = 16 << 10
	maxEntries = 2000 // variants and renditions each
)

// parsePlaylist parses b, the playlist at uri. vars are what a multivariant playlist
// defines for this one; what is kept is taken from left.
func parsePlaylist(uri string, b []byte, vars map[string]string, left *budget) (*playlist, map[string]string) {
	p := &parser{pl: &playlist{uri: uri, lines: map[string]int{}}, vars: map[string]string{}, left: left}
	imports := vars
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		p.line = 1
		p.fault("RFC-4.1", "The playlist starts with a byte order mark; remove it.")
		b = b[3:]
	}
	first := true
	for len(b) > 0 {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		p.line++
		text := string(bytes.TrimSuffix(line, []byte("\r")))
		if first {
			if first = false; text != "#EXTM3U" {
				p.fault("RFC-4.3.1.1", "The first line is %s and not #EXTM3U; players will not take this for a playlist.", show(text))
				if !strings.HasPrefix(text, "#EXT") && !bytes.Contains(b, []byte("\n#EXT")) {
					return p.pl, nil // a page, or anything else
				}
			}
		}
		p.text(text, imports)
	}
	if p.line == 0 {
		p.fault("RFC-4.3.1.1", "The playlist is empty; it starts with #EXTM3U.")
	}
	p.end()
	return p.pl, p.vars
}

func (p *parser) fault(rule, format string, args ...any) {
	const most = 1000
	if len(p.pl.faults) < most {
		p.pl.faults = append(p.pl.faults, fault{rule: rule, line: p.line, message: fmt.Sprintf(format, args...)})
	}
}

func (p *parser) warn(rule, format string, args ...any) {
	n := len(p.pl.faults)
	if p.fault(rule, format, args...); len(p.pl.faults) > n {
		p.pl.faults[n].severity = Warning
	}
}

func (p *parser) feature(version int, what string) {
	for _, f := range p.pl.features {
		if f.version >= version {
			return
		}
	}
	p.pl.features = append(p.pl.features, feature{version, p.line, what})
}

func (p *parser) text(text string, imports map[string]string) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		p.fault("RFC-4.1", "The line holds control characters or is not UTF-8; a playlist is UTF-8 text without them.")
	}
	switch {
	case text == "":
	case strings.HasPrefix(text, "#EXT"):
		name, value, _ := strings.Cut(text, ":")
		p.tag(strings.TrimRight(name, " \t"), value, imports)
	case text[0] == '#':
	default:
		p.uri(text)
	}
}

// uri takes a line that is neither empty nor starts with '#'.
func (p *parser) uri(text string) {
	if t := strings.TrimSpace(text); t != text {
		p.fault("RFC-4.1", "There is white space around the URI; remove it.")
		text = t
	}
	text = p.substitute(text)
	uri, ok := p.resolve(text)
	if !ok || text == "" {
		p.fault("RFC-4.1", "%s is no URI; escape what may not be in one.", show(text))
		uri = ""
	}
	if v := p.variant; v != nil {
		p.variant = nil
		v.uri = uri
		p.pl.variants = append(p.pl.variants, *v)
		return
	}
	if p.pl.multivariant() && !p.extinf {
		p.fault("RFC-4.3.4.2", "The URI %s has no EXT-X-STREAM-INF before it; players ignore it.", show(text))
		return
	}
	p.segment(uri)
}

func (p *parser) segment(uri string) {
	s := p.next()
	p.pending = nil
	s.uri = uri
	if !p.extinf {
		p.fault("RFC-4.3.2.1", "The segment has no EXTINF; every media segment has one before its URI.")
	}
	if p.ranged && p.noOffset {
		if p.last == nil || p.last.uri != uri || p.last.length == 0 {
			p.fault("RFC-4.3.2.2", "EXT-X-BYTERANGE has no offset, but the segment before is no range of the same object; write the offset.")
		} else {
			s.offset = p.last.offset + p.last.length
		}
	}
	s.sequence = p.pl.sequence + int64(len(p.pl.segments))
	s.key, s.init = p.key, p.init
	p.extinf, p.ranged, p.noOffset = false, false, false
	p.last = s
	if p.left.segments--; p.left.segments < 0 || p.left.text < 0 {
		p.pl.cut = true
		return
	}
	p.pl.segments = append(p.pl.segments, s)
}

// resolve returns what a URI refers to. Long ones use up the budget.
func (p *parser) resolve(ref string) (string, bool) {
	if p.left.text < 0 {
		p.pl.cut = true
		return "", false
	}
	uri, ok := resolve(p.pl.uri, ref)
	p.left.text -= len(uri)
	return uri, ok
}

// next returns the segment that the lines now are about.
func (p *parser) next() *segment {
	if p.pending == nil {
		p.pending = &segment{}
	}
	p.pending.line = p.line
	return p.pending
}

func (p *parser) end() {
	if p.variant != nil {
		p.fault("RFC-4.3.4.2", "EXT-X-STREAM-INF is not followed by a URI; the line behind it names the variant's playlist.")
	}
	if p.extinf {
		p.fault("RFC-4.3.2.1", "EXTINF is not followed by a URI; the playlist may have been cut off.")
	}
	p.line = 0
	pl := p.pl
	_, target := pl.lines["#EXT-X-TARGETDURATION"]
	media := target || len(pl.segments) > 0
	switch {
	case pl.multivariant() && media:
		p.line = max(pl.lines["#EXT-X-TARGETDURATION"], pl.lines["#EXTINF"])
		p.fault("RFC-4.1", "The playlist has tags of multivariant and of media playlists; it must be one or the other.")
	case pl.multivariant():
	case !target:
		p.fault("RFC-4.3.3.1", "EXT-X-TARGETDURATION is missing; every media playlist has one.")
	}
}

// substitute puts in the variables of EXT-X-DEFINE.
func (p *parser) substitute(s string) string {
	if len(p.vars) == 0 || !strings.Contains(s, "{$") {
		return s
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "{$")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if b.Len() > maxURI || p.left.text < 0 {
			return s
		}
		name, after, ok := strings.Cut(rest, "}")
		value, known := p.vars[name]
		if !ok || !known {
			p.fault("RFC8216BIS-4.3", "The variable %s is not defined; players refuse the playlist.", show(name))
			b.WriteString("{$")
			s = rest
			continue
		}
		p.left.text -= len(value)
		b.WriteString(value)
		s = after
	}
}
