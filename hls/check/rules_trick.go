package check

// trickRules: I-frame playlists.
func trickRules() []rule {
	return []rule{
		must("M6.1", "there are I-frame playlists", iframePlaylists),
		must("M6.8", "I-frame playlists have EXT-X-I-FRAMES-ONLY", iframesOnly),
		conformance("M6.10", "the byte range of an I-frame includes its moof", bytesRule),
		should("S6.2", "there is an I-frame every second", iframeEverySecond),
	}
}

func iframePlaylists(p *presentation, r *reporter) {
	if p.master == nil || len(p.master.iframes) > 0 || p.growing() {
		return
	}
	for _, t := range p.media("video") {
		if !t.encrypted { // byte ranges inside CBC cannot be decrypted
			r.at(p.master.at(0), "There is no EXT-X-I-FRAME-STREAM-INF; players cannot show pictures while they seek.")
			return
		}
	}
}

func iframesOnly(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	for i := range p.master.iframes {
		v := &p.master.iframes[i]
		if t := p.byURI[v.uri]; t != nil && t.playlist != nil && !t.iframeOnly {
			r.at(p.master.at(v.line), "%s has no EXT-X-I-FRAMES-ONLY; players would take whole segments for pictures.", show(t.uri))
		}
	}
}

func iframeEverySecond(p *presentation, r *reporter) {
	for _, t := range p.media("iframes") {
		if n := len(t.segments); n > 1 && t.declared()/float64(n) > 1.05 {
			r.at(t.at(0), "There is an I-frame every %.3f s; one every second is advised.", t.declared()/float64(n))
		}
	}
}
