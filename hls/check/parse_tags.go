package check

import (
	"math"
	"net/url"
	"strings"
	"time"
)

// once are the tags that a playlist may have once (RFC 8216 sections 4.3.1.2, 4.3.3 and
// 4.3.5).
func once(tag string) (rule string, ok bool) {
	switch tag {
	case "#EXT-X-VERSION":
		return "RFC-4.3.1.2", true
	case "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-ENDLIST",
		"#EXT-X-PLAYLIST-TYPE", "#EXT-X-I-FRAMES-ONLY":
		return "RFC-4.3.3", true
	case "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-START":
		return "RFC-4.3.5", true
	}
	return "", false
}

func (p *parser) tag(tag, value string, imports map[string]string) {
	if rule, ok := once(tag); ok && p.pl.lines[tag] > 0 {
		p.fault(rule, "%s is there twice, first in line %d; it may appear once.", tag[1:], p.pl.lines[tag])
		return
	}
	if p.pl.lines[tag] == 0 {
		p.pl.lines[tag] = p.line
	}
	switch tag {
	case "#EXT-X-VERSION":
		p.versionTag(value)
	case "#EXT-X-INDEPENDENT-SEGMENTS":
		p.pl.independent = true
	case "#EXT-X-START":
		a := p.attributes(value, "RFC-4.3.5.2", "TIME-OFFSET")
		p.pl.start = &a
	case "#EXT-X-DEFINE":
		p.define(value, imports)
	case "#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-MEDIA":
		p.multivariantTag(tag, value)
	case "#EXTINF":
		p.extinfTag(value)
	case "#EXT-X-BYTERANGE", "#EXT-X-DISCONTINUITY", "#EXT-X-KEY", "#EXT-X-MAP", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-GAP":
		p.segmentTag(tag, value)
	case "#EXT-X-DATERANGE", "#EXT-X-SESSION-DATA", "#EXT-X-SESSION-KEY":
		p.attributes(value, "")
	default:
		p.mediaTag(tag, value)
	}
}

// attributes parses the list of a tag and checks the forms of what it knows. What is
// required and absent breaks rule.
func (p *parser) attributes(value, rule string, required ...string) attributes {
	a := parseAttributes(value, p.line, func(format string, args ...any) { p.fault("RFC-4.2", format, args...) })
	for i, at := range a.list {
		a.list[i].value = p.substitute(at.value)
		if f, ok := attributeForm(at.name); ok && !f.valid(a.list[i]) {
			p.fault("RFC-4.2", "%s is %s; it must be %s.", at.name, written(at), f.name)
		}
	}
	for _, name := range required {
		if !a.has(name) {
			p.fault(rule, "The tag has no %s; it is required.", name)
		}
	}
	return a
}

func written(at attribute) string {
	if at.quoted {
		return `the quoted string ` + show(at.value)
	}
	return strings.Trim(show(at.value), `"`)
}

func (p *parser) versionTag(value string) {
	n, ok := decimalInteger(value)
	if !ok || n < 1 || n > 100 {
		p.fault("RFC-4.3.1.2", "EXT-X-VERSION is %s; it must be a small whole number.", show(value))
		p.pl.version = math.MaxInt // not too low as well
		return
	}
	p.pl.version = int(n)
}

func (p *parser) define(value string, imports map[string]string) {
	a := p.attributes(value, "")
	p.feature(8, "EXT-X-DEFINE")
	const most = 1000
	if len(p.vars) > most {
		return
	}
	switch {
	case a.has("NAME"):
		p.vars[a.get("NAME")] = a.get("VALUE")
	case a.has("IMPORT"):
		v, ok := imports[a.get("IMPORT")]
		if !ok {
			p.fault("RFC8216BIS-4.3", "The multivariant playlist does not define %s; players refuse the playlist.", show(a.get("IMPORT")))
		}
		p.vars[a.get("IMPORT")] = v
	case a.has("QUERYPARAM"):
		if u, err := url.Parse(p.pl.uri); err == nil {
			p.vars[a.get("QUERYPARAM")] = u.Query().Get(a.get("QUERYPARAM"))
		}
	}
}

func (p *parser) multivariantTag(tag, value string) {
	if max(len(p.pl.variants), len(p.pl.renditions), len(p.pl.iframes)) >= maxEntries {
		if !p.pl.cut {
			p.fault("LIMIT", "There are more than %d variants or renditions; the rest was not checked.", maxEntries)
		}
		p.pl.cut = true
		return
	}
	switch tag {
	case "#EXT-X-STREAM-INF":
		if p.variant != nil {
			p.fault("RFC-4.3.4.2", "The EXT-X-STREAM-INF before is not followed by a URI; the line behind it names the variant's playlist.")
		}
		p.variant = &variant{attributes: p.attributes(value, "RFC-4.3.4.2", "BANDWIDTH")}
	case "#EXT-X-I-FRAME-STREAM-INF":
		v := variant{attributes: p.attributes(value, "RFC-4.3.4.3", "BANDWIDTH", "URI")}
		v.uri, _ = p.reference(v.attributes)
		p.pl.iframes = append(p.pl.iframes, v)
	case "#EXT-X-MEDIA":
		r := rendition{attributes: p.attributes(value, "RFC-4.3.4.1", "TYPE", "GROUP-ID", "NAME")}
		r.uri, _ = p.reference(r.attributes)
		if strings.HasPrefix(r.get("INSTREAM-ID"), "SERVICE") {
			p.feature(7, "an INSTREAM-ID of SERVICE")
		}
		p.pl.renditions = append(p.pl.renditions, r)
	}
}

// reference resolves the URI of a tag.
func (p *parser) reference(a attributes) (string, bool) {
	ref, ok := a.lookup("URI")
	if !ok {
		return "", false
	}
	uri, ok := p.resolve(ref)
	if !ok || ref == "" {
		p.fault("RFC-4.1", "%s is no URI; escape what may not be in one.", show(ref))
		return "", false
	}
	return uri, true
}

func (p *parser) extinfTag(value string) {
	s := p.next()
	if p.extinf {
		p.fault("RFC-4.3.2.1", "The EXTINF before has no URI behind it.")
	}
	p.extinf = true
	text, _, comma := strings.Cut(value, ",")
	d, ok := decimalFloat(strings.TrimSpace(text))
	if !ok || d > 1e6 || math.IsNaN(d) {
		p.fault("RFC-4.3.2.1", "EXTINF is %s; it must be a duration in seconds and a comma.", show(value))
		return
	}
	if !comma || text != strings.TrimSpace(text) {
		p.warn("RFC-4.3.2.1", "EXTINF is %s; write the duration and a comma directly behind it.", show(value))
	}
	s.duration, s.timed = d, p.line
	if strings.Contains(text, ".") {
		p.feature(3, "EXTINF with decimals")
	}
}

func (p *parser) segmentTag(tag, value string) {
	s := p.next()
	switch tag {
	case "#EXT-X-BYTERANGE":
		p.feature(4, "EXT-X-BYTERANGE")
		length, offset, err := byteRange(value)
		if err != nil {
			p.fault("RFC-4.3.2.2", "EXT-X-BYTERANGE: %v; write a length, and @ and an offset.", err)
			return
		}
		s.length, s.offset = length, max(offset, 0)
		p.ranged, p.noOffset = true, offset < 0
	case "#EXT-X-DISCONTINUITY":
		s.discontinuity = true
	case "#EXT-X-GAP":
		s.gap = true
	case "#EXT-X-PROGRAM-DATE-TIME":
		if _, err := time.Parse(time.RFC3339Nano, value); err != nil {
			if _, err := time.Parse("2006-01-02T15:04:05.999999999Z0700", value); err != nil {
				p.fault("RFC-4.3.2.6", "EXT-X-PROGRAM-DATE-TIME is %s; write a date such as 2010-02-19T14:54:23.031+08:00.", show(value))
			}
		}
	case "#EXT-X-KEY":
		p.keyTag(value)
	case "#EXT-X-MAP":
		p.mapTag(value)
	}
}

func (p *parser) keyTag(value string) {
	a := p.attributes(value, "RFC-4.3.2.4", "METHOD")
	k := &key{attributes: a, method: a.get("METHOD")}
	if k.method == "NONE" || k.method == "" {
		if len(a.list) > 1 {
			p.fault("RFC-4.3.2.4", "EXT-X-KEY of the method NONE has other attributes; remove them.")
		}
		p.key = nil
		return
	}
	if !a.has("URI") {
		p.fault("RFC-4.3.2.4", "EXT-X-KEY has no URI; players cannot get the key.")
	}
	k.uri, _ = p.reference(a)
	if a.has("IV") {
		p.feature(2, "the IV of EXT-X-KEY")
	}
	if a.has("KEYFORMAT") || a.has("KEYFORMATVERSIONS") {
		p.feature(5, "KEYFORMAT")
	}
	p.key = k
}

func (p *parser) mapTag(value string) {
	a := p.attributes(value, "RFC-4.3.2.5", "URI")
	if p.pl.lines["#EXT-X-I-FRAMES-ONLY"] > 0 {
		p.feature(5, "EXT-X-MAP")
	} else {
		p.feature(6, "EXT-X-MAP")
	}
	if p.key != nil && p.key.method == "AES-128" && !p.key.has("IV") {
		p.fault("RFC-4.3.2.5", "The initialization segment is encrypted, but EXT-X-KEY has no IV; give one, or put EXT-X-MAP before EXT-X-KEY and leave it clear.")
	}
	m := &initRef{line: p.line, key: p.key}
	p.init = m
	uri, ok := p.reference(a)
	if !ok {
		return
	}
	if r, ok := a.lookup("BYTERANGE"); ok {
		length, offset, err := byteRange(r)
		if err != nil {
			p.fault("RFC-4.3.2.5", "BYTERANGE of EXT-X-MAP: %v; write a length, and @ and an offset.", err)
			return
		}
		m.length, m.offset = length, max(offset, 0)
	}
	m.uri = uri
}

// mediaTag takes the tags of a whole media playlist.
func (p *parser) mediaTag(tag, value string) {
	switch tag {
	case "#EXT-X-TARGETDURATION":
		n, ok := decimalInteger(value)
		if !ok || n < 1 || n > 1e6 {
			p.fault("RFC-4.3.3.1", "EXT-X-TARGETDURATION is %s; it must be a whole number of seconds, at least 1.", show(value))
			return
		}
		p.pl.target = n
	case "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE":
		n, ok := decimalInteger(value)
		if !ok || n > 1<<60 {
			p.fault("RFC-4.3.3.2", "%s is %s; it must be a whole number.", tag[1:], show(value))
			return
		}
		if len(p.pl.segments) > 0 {
			p.fault("RFC-4.3.3.2", "%s comes behind the first segment; it must come before.", tag[1:])
			return
		}
		if tag == "#EXT-X-MEDIA-SEQUENCE" {
			p.pl.sequence = n
		}
	case "#EXT-X-PLAYLIST-TYPE":
		if p.pl.kind = value; value != "VOD" && value != "EVENT" {
			p.fault("RFC-4.3.3.5", "EXT-X-PLAYLIST-TYPE is %s; it must be EVENT or VOD.", show(value))
		}
	case "#EXT-X-ENDLIST":
		p.pl.ended = true
	case "#EXT-X-I-FRAMES-ONLY":
		p.pl.iframeOnly = true
		p.feature(4, "EXT-X-I-FRAMES-ONLY")
	case "#EXT-X-SKIP":
		p.feature(9, "EXT-X-SKIP")
	}
}
