package check

import (
	"net/url"
	"strings"
)

// playlist is a parsed playlist, of either kind.
type playlist struct {
	uri         string // as the Source knows it
	contentType string
	size        int64
	delivered   *Delivery
	faults      []fault

	version     int
	features    []feature // what asks for a version
	independent bool
	start       *attributes
	lines       map[string]int // first line of each tag

	// Multivariant.
	variants   []variant
	iframes    []variant // EXT-X-I-FRAME-STREAM-INF
	renditions []rendition

	// Media.
	target     int64  // seconds, 0 where there is none
	kind       string // EXT-X-PLAYLIST-TYPE
	ended      bool
	iframeOnly bool
	segments   []*segment
	sequence   int64
	cut        bool // more segments than Options allow
}

// fault is what the parser found wrong.
type fault struct {
	rule     string
	line     int
	message  string
	severity Severity // of the rule where it is ""
}

// feature is something that asks for an EXT-X-VERSION.
type feature struct {
	version int
	line    int
	what    string
}

type variant struct {
	attributes
	uri string // resolved
}

type rendition struct {
	attributes
	uri string // resolved, "" where the media is in the variants
}

// segment is a media segment as the playlist has it, and later what its bytes say.
type segment struct {
	uri           string // resolved
	line          int
	duration      float64 // EXTINF in seconds
	timed         int     // the line of EXTINF, 0 where there is none
	discontinuity bool    // EXT-X-DISCONTINUITY comes before it
	gap           bool    // EXT-X-GAP
	sequence      int64
	offset        int64 // of the byte range
	length        int64 // 0: the whole object
	key           *key
	init          *initRef
	media         *media // nil where it was not read
}

// key is an EXT-X-KEY that applies.
type key struct {
	attributes
	method string
	uri    string // resolved
}

// initRef is an EXT-X-MAP that applies.
type initRef struct {
	line           int
	uri            string // resolved, "" where the tag is wrong
	offset, length int64
	key            *key
}

// multivariant says that the playlist has tags that only multivariant ones have.
func (p *playlist) multivariant() bool {
	return len(p.variants)+len(p.renditions)+len(p.iframes) > 0 || p.lines["#EXT-X-SESSION-DATA"]+p.lines["#EXT-X-SESSION-KEY"] > 0
}

// declared returns the sum of EXTINF in seconds.
func (p *playlist) declared() float64 {
	var sum float64
	for _, s := range p.segments {
		sum += s.duration
	}
	return sum
}

// resolve returns what a URI in the playlist at base refers to, in the form that a
// Source takes, or false where it is no URI.
func resolve(base, ref string) (string, bool) {
	if len(ref) > maxURI || len(base) > 2*maxURI {
		return "", false
	}
	r, err := url.Parse(ref)
	if err != nil {
		return "", false
	}
	b := &url.URL{Path: "/" + base}
	if absolute(base) {
		if b, err = url.Parse(base); err != nil {
			return "", false
		}
	}
	u := b.ResolveReference(r)
	u.Fragment, u.RawFragment = "", ""
	if u.Scheme != "" || u.Host != "" {
		return u.String(), true
	}
	return strings.TrimPrefix(u.Path, "/"), true
}

func absolute(uri string) bool {
	scheme, _, ok := strings.Cut(uri, "://")
	return ok && scheme != "" && !strings.ContainsAny(scheme, "/?#")
}
