package check

// subtitleRules: items of the Authoring Specification on WebVTT.
func subtitleRules() []rule {
	return []rule{
		must("M5.2", "subtitles are WebVTT or fragmented MP4", subtitleFormat),
		must("M5.3", "WebVTT segments have X-TIMESTAMP-MAP", timestampMap),
		must("M5.5", "subtitles cover the whole content", subtitleCoverage),
	}
}

func subtitleFormat(p *presentation, r *reporter) {
	for _, t := range p.media("subtitles") {
		for _, s := range t.segments {
			if m := s.media; m != nil && !m.closed && m.format != "webvtt" && m.format != "fmp4" {
				r.at(t.inSegment(s, 0), "The segment is neither WebVTT nor fragmented MP4.")
				break
			}
		}
	}
}

func timestampMap(p *presentation, r *reporter) {
	for _, t := range p.media("subtitles") {
		for _, s := range t.segments {
			if m := s.media; m != nil && m.vtt != nil && !m.vtt.mapped {
				r.at(t.inSegment(s, 0), "The segment has no X-TIMESTAMP-MAP; cues are shown at the wrong time where the media does not start at 0. For fragmented MP4 that does, write MPEGTS:0,LOCAL:00:00:00.000.")
			}
		}
	}
}

func subtitleCoverage(p *presentation, r *reporter) {
	var longest float64
	for _, t := range p.media("video", "audio") {
		longest = max(longest, t.duration)
	}
	for _, t := range p.media("subtitles") {
		if t.ended && !t.cut && longest-t.declared() > max(1, float64(t.target)) {
			r.at(t.at(0), "The subtitles last %.3f s and the content %.3f s; add segments without cues for the rest.", t.declared(), longest)
		}
	}
}
