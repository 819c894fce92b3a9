package check

import "math"

// syntaxRules: both kinds of playlists are written as RFC 8216 section 4 says.
func syntaxRules() []rule {
	return []rule{
		conformance("RFC-4.1", "a playlist is UTF-8 text, of one kind, with URIs", syntax),
		conformance("RFC-4.2", "attribute lists and values have the right form", syntax),
		conformance("RFC-4.3.1.1", "a playlist starts with EXTM3U", syntax),
		conformance("RFC-4.3.1.2", "there is at most one EXT-X-VERSION, and it is a number", syntax),
		conformance("RFC-4.3.2.1", "every segment has an EXTINF", syntax),
		conformance("RFC-4.3.2.2", "byte ranges have an offset and are in their object", syntax),
		conformance("RFC-4.3.2.4", "EXT-X-KEY has METHOD, and URI unless that is NONE", syntax),
		conformance("RFC-4.3.2.5", "EXT-X-MAP has a URI, and an IV where it is encrypted", encryptedMaps),
		conformance("RFC-4.3.2.6", "EXT-X-PROGRAM-DATE-TIME is a date", syntax),
		conformance("RFC-4.3.3", "tags of a media playlist are there once", syntax),
		conformance("RFC-4.3.3.1", "EXT-X-TARGETDURATION is at least 1 and every rounded EXTINF", targetDuration),
		conformance("RFC-4.3.3.2", "sequence numbers come before the first segment", syntax),
		conformance("RFC-4.3.3.5", "EXT-X-PLAYLIST-TYPE is EVENT or VOD", syntax),
		conformance("RFC-4.3.4.1", "EXT-X-MEDIA has TYPE, GROUP-ID, NAME, and the rest fits its TYPE", mediaTags),
		conformance("RFC-4.3.4.2", "EXT-X-STREAM-INF has BANDWIDTH and the URI of a media playlist behind it", streamInf),
		conformance("RFC-4.3.4.3", "EXT-X-I-FRAME-STREAM-INF has BANDWIDTH and URI", syntax),
		conformance("RFC-4.3.5", "EXT-X-INDEPENDENT-SEGMENTS and EXT-X-START are there once", syntax),
		conformance("RFC-4.3.5.2", "EXT-X-START has TIME-OFFSET", syntax),
		conformance("RFC-7", "EXT-X-VERSION is high enough for what the playlist uses", version),
		conformance("RFC8216BIS-4.3", "variables are defined", syntax),
	}
}

// syntax reports what the parser and the reading of bytes found of the rule.
func syntax(p *presentation, r *reporter) {
	for _, pl := range p.playlists() {
		for _, f := range pl.faults {
			if f.rule != r.rule.ID {
				continue
			}
			s := f.severity
			if s == "" {
				s = r.rule.Severity
			}
			r.as(s, pl.at(f.line), "%s", f.message)
		}
	}
	bytesRule(p, r)
}

func version(p *presentation, r *reporter) {
	for _, pl := range p.playlists() {
		has := max(pl.version, 1)
		var worst *feature
		for i, f := range pl.features {
			if f.version > has {
				worst = &pl.features[i]
			}
		}
		switch {
		case worst != nil:
			r.at(pl.at(worst.line), "%s asks for EXT-X-VERSION %d, but the playlist says %d; raise it.", worst.what, worst.version, has)
		case pl.lines["#EXT-X-MAP"] > 0 && has == 6 && !pl.iframeOnly:
			r.as(Warning, pl.at(pl.lines["#EXT-X-VERSION"]), "EXT-X-VERSION is 6; players expect 7 for fragmented MP4.")
		}
	}
}

func targetDuration(p *presentation, r *reporter) {
	syntax(p, r)
	for _, t := range p.media() {
		if t.target == 0 {
			continue
		}
		for _, s := range t.segments {
			if n := int64(math.Floor(s.duration + 0.5)); n > t.target {
				r.at(t.at(s.timed), "EXTINF of %g s rounds to %d, more than EXT-X-TARGETDURATION, which is %d; it must be at least the longest segment.", s.duration, n, t.target)
				break
			}
		}
	}
}
