package check

import "strings"

// authoringAudioRules: items of the Authoring Specification on audio.
func authoringAudioRules() []rule {
	return []rule{
		must("M2.3", "there is stereo AAC", stereoAAC),
		must("M2.17", "a segment has one audio stream", oneAudio),
		should("S2.4", "HE-AAC has at most 64 kb/s", heAAC),
	}
}

func stereoAAC(p *presentation, r *reporter) {
	var other *track
	for _, t := range p.media() {
		if t.init == nil || t.main == nil {
			if t.kind == "audio" || t.format == "ts" {
				return // it may be there
			}
			continue
		}
		for _, m := range t.init.tracks {
			if m.handler != "soun" {
				continue
			}
			if strings.HasPrefix(m.codec, "mp4a.40") && m.channels <= 2 {
				return
			}
			other = t
		}
	}
	if other != nil {
		r.at(other.initPlace(), "No audio is stereo AAC, which is what every device plays; add a rendition.")
	}
}

func oneAudio(p *presentation, r *reporter) {
	for _, t := range p.media() {
		if t.init != nil && t.init.count("soun") > 1 {
			r.at(t.initPlace(), "There are %d audio streams in one segment; make each a rendition of its own.", t.init.count("soun"))
		}
	}
}

func heAAC(p *presentation, r *reporter) {
	for _, t := range p.media("audio") {
		if t.main != nil && (t.main.codec == "mp4a.40.5" || t.main.codec == "mp4a.40.29") && t.sized && t.average > 1.1*64_000 {
			r.at(t.at(0), "HE-AAC has %.0f bits per second; over 64000 plain AAC sounds better.", t.average)
		}
	}
}
