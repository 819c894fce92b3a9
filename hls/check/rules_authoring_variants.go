package check

import (
	"math"
	"strconv"
	"strings"
)

// authoringVariantRules: items of the Authoring Specification on the multivariant
// playlist.
func authoringVariantRules() []rule {
	return []rule{
		must("M9.1", "every variant has CODECS", present("CODECS", "players load the segments to learn what they are", nil)),
		must("M9.2", "every video variant has the RESOLUTION of its pictures", resolution),
		must("M9.14", "every variant has AVERAGE-BANDWIDTH", present("AVERAGE-BANDWIDTH", "players choose by the peak alone", nil)),
		must("M9.15", "every video variant has the FRAME-RATE of its pictures", frameRate),
		must("M9.16", "variants say their VIDEO-RANGE unless all are SDR", videoRange),
		must("M1.24", "there is an SDR variant", sdr),
		must("M9.9", "there are several video bit rates", severalRates),
		must("M9.21", "there is a variant of at most 192 kb/s for cellular networks", cellular),
		must("M9.12", "playlists have EXT-X-INDEPENDENT-SEGMENTS", independent),
		should("S1.30", "the peak is at most twice the average", peakToAverage),
		should("S1.32", "a variant near 2000 kb/s comes first", firstVariant),
		should("S1.33", "all variants have one aspect ratio", aspectRatio),
		should("S9.5", "audio and video are separate", separate),
		must("M8.10", "renditions have a LANGUAGE", languages),
		must("M9.6", "audio renditions have CHANNELS", channels),
	}
}

// isVideo says whether the variant has pictures.
func (p *presentation) isVideo(v *variant) bool {
	if t := p.byURI[v.uri]; t != nil && t.main != nil {
		return t.kind == "video"
	}
	return codecsKind(v.get("CODECS")) == "video"
}

// present returns a check that variants have an attribute; of is nil or says which.
func present(name, why string, of func(*presentation, *variant) bool) func(*presentation, *reporter) {
	return func(p *presentation, r *reporter) {
		if p.master == nil {
			return
		}
		for i := range p.master.variants {
			v := &p.master.variants[i]
			if !v.has(name) && (of == nil || of(p, v)) {
				r.at(p.master.at(v.line), "The variant has no %s; %s.", name, why)
			}
		}
		for i := range p.master.iframes {
			if v := &p.master.iframes[i]; !v.has(name) && (name == "CODECS" || name == "RESOLUTION") {
				r.at(p.master.at(v.line), "The I-frame variant has no %s; %s.", name, why)
			}
		}
	}
}

func resolution(p *presentation, r *reporter) {
	present("RESOLUTION", "players cannot fit it to their display", (*presentation).isVideo)(p, r)
	if p.master == nil {
		return
	}
	for _, list := range [][]variant{p.master.variants, p.master.iframes} {
		for i := range list {
			v := &list[i]
			t := p.byURI[v.uri]
			if !v.has("RESOLUTION") || t == nil || t.main == nil || t.main.handler != "vide" || t.main.width == 0 {
				continue
			}
			w, h := v.resolution("RESOLUTION")
			m := t.main
			if w == 0 || (int(w) == m.width && int(h) == m.height) || (int(w) == m.picture.width && int(h) == m.picture.height) {
				continue
			}
			r.at(p.master.at(v.line), "RESOLUTION is %dx%d, but the pictures are %dx%d by the initialization segment.", w, h, m.width, m.height)
		}
	}
}

func frameRate(p *presentation, r *reporter) {
	present("FRAME-RATE", "players cannot avoid what their display is too slow for", (*presentation).isVideo)(p, r)
	if p.master == nil {
		return
	}
	for i := range p.master.variants {
		v := &p.master.variants[i]
		t := p.byURI[v.uri]
		if !v.has("FRAME-RATE") || t == nil || t.kind != "video" || t.playlist == nil {
			continue
		}
		if rate, said := t.rate(), v.float("FRAME-RATE"); rate > 0 && math.Abs(rate-said) > max(0.05, 0.02*rate) {
			r.at(p.master.at(v.line), "FRAME-RATE is %g, but %.3f frames per second were measured.", said, rate)
		}
	}
}

func videoRange(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	for i := range p.master.variants {
		v := &p.master.variants[i]
		t := p.byURI[v.uri]
		if t == nil || t.main == nil || t.main.handler != "vide" {
			continue
		}
		is, said := t.main.picture.videoRange(), v.get("VIDEO-RANGE")
		switch {
		case said == "" && is != "SDR":
			r.at(p.master.at(v.line), "The pictures are %s, but the variant has no VIDEO-RANGE, which means SDR; write VIDEO-RANGE=%s.", is, is)
		case said != "" && said != is && (is != "SDR" || t.main.picture.transfer != 0):
			r.at(p.master.at(v.line), "VIDEO-RANGE is %s, but the transfer function of the pictures is that of %s.", said, is)
		}
	}
}

func sdr(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	hdr := 0
	for i := range p.master.variants {
		switch p.master.variants[i].get("VIDEO-RANGE") {
		case "PQ", "HLG":
			hdr = max(hdr, p.master.variants[i].line)
		default:
			return
		}
	}
	if hdr > 0 {
		r.at(p.master.at(hdr), "All variants are HDR; add SDR ones for displays that show no other.")
	}
}

func severalRates(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	rates := map[int64]bool{}
	line := 0
	for i := range p.master.variants {
		if v := &p.master.variants[i]; p.isVideo(v) {
			rates[v.integer("BANDWIDTH")] = true
			line = v.line
		}
	}
	if line > 0 && len(rates) < 2 {
		r.at(p.master.at(line), "There is one video bit rate; without a second, players cannot adapt to the network.")
	}
}

func cellular(p *presentation, r *reporter) {
	if p.master == nil || len(p.master.variants) == 0 {
		return
	}
	least := int64(math.MaxInt64)
	for i := range p.master.variants {
		if b := p.master.variants[i].integer("BANDWIDTH"); b > 0 {
			least = min(least, b)
		}
	}
	if least > 192_000 && least < math.MaxInt64 {
		r.at(p.master.at(0), "The lowest BANDWIDTH is %d; for cellular networks there must be a variant of at most 192000 bits per second.", least)
	}
}

func independent(p *presentation, r *reporter) {
	if p.master != nil && p.master.independent {
		return
	}
	if p.master != nil {
		r.at(p.master.at(0), "There is no EXT-X-INDEPENDENT-SEGMENTS; players cannot know that they may start with any segment.")
		return
	}
	for _, t := range p.media("video") {
		if !t.independent {
			r.at(t.at(0), "There is no EXT-X-INDEPENDENT-SEGMENTS; players cannot know that they may start with any segment.")
		}
	}
}

func peakToAverage(p *presentation, r *reporter) {
	for _, t := range p.media("video") {
		if t.sized && t.ended && t.peak > 2*t.average {
			r.at(t.at(0), "The measured peak of %.0f bits per second is %.0f %% of the average of %.0f; at most 200 %% is advised. Cap the bit rate.", t.peak, 100*t.peak/t.average, t.average)
		}
	}
}

func firstVariant(p *presentation, r *reporter) {
	if p.master == nil || len(p.master.variants) < 2 {
		return
	}
	const want = 2_000_000
	rate := func(v *variant) int64 {
		if a := v.integer("AVERAGE-BANDWIDTH"); a > 0 {
			return a
		}
		return v.integer("BANDWIDTH")
	}
	distance := func(v *variant) int64 { return max(rate(v)-want, want-rate(v)) }
	first := &p.master.variants[0]
	best := first
	for i := range p.master.variants {
		if v := &p.master.variants[i]; p.isVideo(v) && distance(v) < distance(best) {
			best = v
		}
	}
	if distance(best)+want/10 < distance(first) {
		r.at(p.master.at(first.line), "The first variant has %d bits per second; the one with %d in line %d is nearer to 2000000, which players should start with.", rate(first), rate(best), best.line)
	}
}

func aspectRatio(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	var first *variant
	for i := range p.master.variants {
		v := &p.master.variants[i]
		w, h := v.resolution("RESOLUTION")
		if w == 0 || h == 0 {
			continue
		}
		if first == nil {
			first = v
			continue
		}
		fw, fh := first.resolution("RESOLUTION")
		// A pixel more or less is the rounding to even sizes.
		if a, b := float64(w)/float64(h), float64(fw)/float64(fh); math.Abs(a/b-1) > 2/float64(min(h, fh)) {
			r.at(p.master.at(v.line), "RESOLUTION %dx%d has another aspect ratio than %dx%d in line %d; the picture changes its shape when players switch.", w, h, fw, fh, first.line)
		}
	}
}

func separate(p *presentation, r *reporter) {
	for _, t := range p.media("video") {
		if t.init != nil && t.main != nil && t.init.count("vide") > 0 && t.init.count("soun") > 0 {
			r.at(t.at(0), "Audio and video are in the same segments; apart, audio need not be loaded again with every quality.")
		}
	}
}

func languages(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	for i := range p.master.renditions {
		if m := &p.master.renditions[i]; m.get("TYPE") != "VIDEO" && !m.has("LANGUAGE") {
			r.at(p.master.at(m.line), "The rendition has no LANGUAGE; write an RFC 5646 tag, und where it is not known.")
		}
	}
}

func channels(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	for i := range p.master.renditions {
		m := &p.master.renditions[i]
		if m.get("TYPE") != "AUDIO" {
			continue
		}
		said, ok := m.lookup("CHANNELS")
		if !ok {
			r.at(p.master.at(m.line), "The audio rendition has no CHANNELS; players cannot prefer surround sound, or avoid it.")
			continue
		}
		t := p.byURI[m.uri]
		if t == nil || t.main == nil || t.main.handler != "soun" || !strings.HasPrefix(t.main.codec, "mp4a") {
			continue
		}
		count, _, _ := strings.Cut(said, "/")
		if n, err := strconv.Atoi(count); err != nil || n != t.main.channels {
			r.at(p.master.at(m.line), "CHANNELS is %s, but the initialization segment says %d.", show(said), t.main.channels)
		}
	}
}
