package check

import (
	"errors"
	"io/fs"
)

// objectRules: what is named is there, and could be looked at.
func objectRules() []rule {
	return []rule{
		conformance("READ", "every playlist, initialization and media segment is there", readable),
		conformance("LIMIT", "nothing is larger than the options allow", limits),
		note("ENCRYPTED", "encrypted segments are checked where there is a key", encrypted),
		note("FORMAT", "segments are fragmented MP4, so that their bytes can be checked", formats),
		note("SAMPLED", "all segments are looked at", sampledOnly),
		note("LIVE", "the presentation is video on demand", live),
	}
}

func readable(p *presentation, r *reporter) {
	for _, m := range p.missing {
		switch {
		case errors.Is(m.err, ErrPlaylist):
		case errors.Is(m.err, fs.ErrNotExist):
			r.at(m.where, "The object is not there: %v. Store it, or take it out of the playlist.", m.err)
		case errors.Is(m.err, fs.ErrPermission):
			r.at(m.where, "The object may not be read: %v.", m.err)
		default:
			r.at(m.where, "The object could not be read: %v. Check again.", m.err)
		}
	}
	if p.master != nil && len(p.master.variants) == 0 && p.master.lines["#EXT-X-STREAM-INF"] == 0 {
		r.at(p.master.at(0), "The multivariant playlist has no variants; there is nothing to play.")
	}
	for _, t := range p.media() {
		faults(t, r)
		if len(t.segments) == 0 && !t.cut {
			r.at(t.at(0), "The playlist has no segments; there is nothing to play.")
		}
	}
}

func limits(p *presentation, r *reporter) {
	for _, m := range p.missing {
		if errors.Is(m.err, ErrPlaylist) {
			r.at(m.where, "%v; it was not read.", m.err)
		}
	}
	if p.master != nil {
		for _, f := range p.master.faults {
			if f.rule == r.rule.ID {
				r.at(p.master.at(f.line), "%s", f.message)
			}
		}
		if p.tooMany {
			r.at(p.master.at(0), "There are more media playlists than the %d that are read; the rest was not checked.", p.opts.MaxPlaylists)
		}
	}
	for _, t := range p.media() {
		if t.cut {
			r.at(t.at(0), "The presentation has more segments than the %d that are read; the rest was not checked.", p.opts.MaxSegments)
		}
		faults(t, r)
	}
}

func encrypted(p *presentation, r *reporter) {
	for _, t := range p.media() {
		n := 0
		for _, s := range t.segments {
			if s.media != nil && s.media.closed {
				n++
			}
		}
		if n > 0 {
			r.at(t.at(t.lines["#EXT-X-KEY"]), "%d of %d segments are encrypted and there is no key for them: their bytes were not checked.", n, len(t.segments))
		}
	}
}

func formats(p *presentation, r *reporter) {
	for _, t := range p.media() {
		names := map[string]string{"ts": "MPEG-TS", "packed": "packed audio", "": "of an unknown format"}
		seen := map[string]bool{}
		for _, s := range t.segments {
			if s.media == nil || s.media.closed || len(s.media.faults) > 0 {
				continue
			}
			name, other := names[s.media.format]
			if other && !seen[name] {
				seen[name] = true
				r.at(t.inSegment(s, -1), "Segments of this playlist are %s: only their sizes and the playlist were checked.", name)
			}
		}
	}
}

func sampledOnly(p *presentation, r *reporter) {
	for _, t := range p.media() {
		if t.skipped {
			r.at(t.at(0), "%d of %d segments were looked at; measured bit rates and the whole duration are not known.", p.opts.Sample, len(t.segments))
		}
	}
}

func live(p *presentation, r *reporter) {
	for _, t := range p.media() {
		if !t.ended && t.kind != "iframes" && t.playlist.kind != "VOD" && t.playlist.kind != "EVENT" {
			r.at(t.at(0), "The playlist has neither EXT-X-PLAYLIST-TYPE nor EXT-X-ENDLIST: it is live, and was checked as it was for a moment.")
		}
	}
}

// faults reports what the bytes of a track's segments broke of the rule.
func faults(t *track, r *reporter) {
	for _, s := range t.segments {
		if s.media == nil {
			continue
		}
		for _, f := range s.media.faults {
			if f.rule == r.rule.ID {
				r.at(t.inSegment(s, f.offset), "%s", f.message)
			}
		}
	}
}

// bytesRule is a rule that only the reading of segments can break.
func bytesRule(p *presentation, r *reporter) {
	for _, t := range p.media() {
		faults(t, r)
	}
}
