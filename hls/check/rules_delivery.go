package check

import (
	"slices"
	"strings"
)

// deliveryRules: how objects are served.
func deliveryRules() []rule {
	return []rule{
		must("M8.18", "media is served without redirects", redirects),
		must("M10.1", "playlists are served compressed", compressed),
		should("S10.4", "objects have the right media types", mediaTypes),
	}
}

func redirects(p *presentation, r *reporter) {
	for _, t := range p.media() {
		for _, s := range t.segments {
			if m := s.media; m != nil && m.delivered != nil && m.delivered.Redirects > 0 {
				r.at(t.inSegment(s, -1), "The segment was redirected to %s; players must not be redirected for media. Name the final URL in the playlist.", m.delivered.URL)
				break
			}
		}
	}
}

// compressed: a playlist of a packet is not worth it.
func compressed(p *presentation, r *reporter) {
	const small = 1400
	for _, pl := range p.playlists() {
		if d := pl.delivered; d != nil && d.Encoding == "" && pl.size > small {
			r.at(pl.at(0), "The server sent the playlist without compression although gzip was accepted; it shrinks to a fraction.")
		}
	}
}

func mediaTypes(p *presentation, r *reporter) {
	for _, pl := range p.playlists() {
		if pl.contentType != "" && !slices.Contains([]string{"application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl"}, strings.ToLower(pl.contentType)) {
			r.at(pl.at(0), "The media type is %s; playlists are application/vnd.apple.mpegurl.", pl.contentType)
		}
	}
	want := map[string][]string{
		"fmp4":   {"video/iso.segment", "video/mp4", "audio/mp4", "application/mp4"},
		"ts":     {"video/mp2t"},
		"webvtt": {"text/vtt"},
	}
	for _, t := range p.media() {
		for _, s := range t.segments {
			if s.media == nil || s.media.contentType == "" {
				continue
			}
			types := want[s.media.format]
			if types != nil && !slices.Contains(types, strings.ToLower(s.media.contentType)) {
				r.at(t.inSegment(s, -1), "The media type is %s; for this format it is %s.", s.media.contentType, types[0])
				break
			}
		}
	}
}
