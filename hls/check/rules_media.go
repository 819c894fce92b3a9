package check

// mediaRules: media playlists as wholes.
func mediaRules() []rule {
	return []rule{
		conformance("M8.6", "VOD ends; what grows is EVENT, and starts at 0", playlistType),
		conformance("RFC-3.3", "fragmented MP4 has EXT-X-MAP with an initialization segment", maps),
		conformance("RFC-4.3.2.3", "EXT-X-DISCONTINUITY is where the format or the tracks change", discontinuity),
		conformance("M8.2", "all tracks have the same target duration", sameTarget),
		conformance("M8.13", "all tracks have their discontinuities at the same places", sameDiscontinuities),
	}
}

func playlistType(p *presentation, r *reporter) {
	for _, t := range p.media() {
		switch pl := t.playlist; {
		case pl.kind == "VOD" && !pl.ended:
			r.at(t.at(t.lines["#EXT-X-PLAYLIST-TYPE"]), "EXT-X-PLAYLIST-TYPE is VOD but there is no EXT-X-ENDLIST; players wait for more. Add it, or make the playlist EVENT while it grows.")
		case pl.kind == "" && pl.ended && t.kind != "iframes":
			r.as(Warning, t.at(t.lines["#EXT-X-ENDLIST"]), "There is an EXT-X-ENDLIST but no EXT-X-PLAYLIST-TYPE; write VOD, so that players know from the start.")
		case pl.kind == "EVENT" && !pl.ended && (pl.start == nil || pl.start.float("TIME-OFFSET") != 0) && (p.master == nil || p.master.start == nil):
			r.as(Warning, t.at(t.lines["#EXT-X-PLAYLIST-TYPE"]), "The playlist grows and has no EXT-X-START:TIME-OFFSET=0; players start near its end.")
		}
	}
}

func maps(p *presentation, r *reporter) {
	for _, t := range p.media() {
		for _, s := range t.segments {
			if s.init == nil && s.media != nil && s.media.format == "fmp4" {
				r.at(t.at(s.line), "The segment is fragmented MP4, but no EXT-X-MAP comes before it; players cannot decode it.")
				break
			}
		}
		initFaults(p, t, r)
		faults(t, r)
	}
}

// encryptedMaps: section 4.3.2.5, where the bytes contradict the playlist.
func encryptedMaps(p *presentation, r *reporter) {
	syntax(p, r)
	for _, t := range p.media() {
		initFaults(p, t, r)
	}
}

// initFaults reports what initialization segments of a track broke of the rule.
func initFaults(p *presentation, t *track, r *reporter) {
	told := map[*initSegment]bool{}
	for _, s := range t.segments {
		if init := p.initOf(s); init != nil && init.fault != nil && init.fault.rule == r.rule.ID && !told[init] {
			told[init] = true
			r.at(t.inInit(s, init), "%s", init.fault.message)
		}
	}
}

func (t *track) inInit(s *segment, init *initSegment) Where {
	return Where{Playlist: t.uri, Line: s.init.line, Segment: s.init.uri, Offset: s.init.offset + init.fault.offset}
}

// discontinuity: section 4.3.2.3.
func discontinuity(p *presentation, r *reporter) {
	for _, t := range p.media() {
		for i, s := range t.segments {
			if i == 0 || s.discontinuity {
				continue
			}
			before, now := p.initOf(t.segments[i-1]), p.initOf(s)
			if before == now || before.main() == nil || now.main() == nil {
				continue
			}
			if what := changed(before, now); what != "" {
				r.at(t.at(s.line), "%s from one segment to the next without EXT-X-DISCONTINUITY; add the tag.", what)
			}
		}
	}
}

func changed(a, b *initSegment) string {
	if len(a.tracks) != len(b.tracks) {
		return "The number of tracks changes"
	}
	for i := range a.tracks {
		x, y := a.tracks[i], b.tracks[i]
		switch {
		case x.id != y.id || x.handler != y.handler || x.timescale != y.timescale:
			return "The tracks change"
		case x.codec != y.codec || x.picture.width != y.picture.width || x.picture.height != y.picture.height || x.channels != y.channels:
			return "The encoding changes"
		}
	}
	return ""
}

func sameTarget(p *presentation, r *reporter) {
	var first *track
	for _, t := range p.media("video", "audio") {
		switch {
		case t.target == 0:
		case first == nil:
			first = t
		case t.target != first.target:
			r.at(t.at(t.lines["#EXT-X-TARGETDURATION"]), "EXT-X-TARGETDURATION is %d here and %d in %s; all must have the same, the largest.", t.target, first.target, first.uri)
		}
	}
}

func sameDiscontinuities(p *presentation, r *reporter) {
	var first *track
	count := func(t *track) (n int) {
		for i, s := range t.segments {
			if i > 0 && s.discontinuity {
				n++
			}
		}
		return n
	}
	for _, t := range p.media("video", "audio") {
		if !t.ended {
			continue
		}
		if first == nil {
			first = t
		} else if a, b := count(t), count(first); a != b {
			r.at(t.at(t.lines["#EXT-X-DISCONTINUITY"]), "There are %d discontinuities here and %d in %s; they must be at the same places in all.", a, b, first.uri)
		}
	}
}
