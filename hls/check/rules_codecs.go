package check

import "strings"

// codecRules: what the multivariant playlist says of formats, against the boxes.
func codecRules() []rule {
	return []rule{conformance("RFC-6381", "CODECS names what is in the segments", codecsMatch)}
}

func codecsMatch(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	for i := range p.master.variants {
		v := &p.master.variants[i]
		declared, ok := v.lookup("CODECS")
		own, groups, known := p.reach(v)
		if !ok || own == nil {
			continue
		}
		tracks := []*track{own}
		for _, g := range groups {
			tracks = append(tracks, g...)
		}
		p.compareCodecs(r, v, codecList(declared), tracks, known)
	}
	for i := range p.master.iframes {
		v := &p.master.iframes[i]
		declared, ok := v.lookup("CODECS")
		if t := p.byURI[v.uri]; ok && t != nil && t.playlist != nil {
			p.compareCodecs(r, v, codecList(declared), []*track{t}, true)
		}
	}
}

// codecList returns the elements of CODECS, no more than can be meant.
func codecList(s string) []string {
	const most = 50
	list := strings.SplitN(s, ",", most+1)
	return list[:min(len(list), most)]
}

// compareCodecs reports codecs of the tracks that are not declared, and declared ones
// that no track has, where all tracks are known.
func (p *presentation) compareCodecs(r *reporter, v *variant, declared []string, tracks []*track, known bool) {
	used := make([]bool, len(declared))
	lacks := false
	told := map[string]bool{}
	for _, t := range tracks {
		if t.init == nil {
			known = false
			continue
		}
		for _, track := range t.init.tracks {
			if track.handler != "vide" && track.handler != "soun" {
				known = known && track.handler != "subt" && track.handler != "text"
				continue
			}
			found := false
			for i, d := range declared {
				if sameCodec(d, track.codec) {
					used[i], found = true, true
				}
			}
			if !found && !told[track.codec] {
				told[track.codec], lacks = true, true
				r.at(p.master.at(v.line), "CODECS is %s, but the segments of %s are %s by their initialization segment; players decide by CODECS whether they can play the variant.", show(v.get("CODECS")), t.uri, track.codec)
			}
		}
	}
	for i, d := range declared {
		if !used[i] && known && !lacks {
			r.as(Warning, p.master.at(v.line), "CODECS names %s, but nothing that the variant plays is of it; players that lack it refuse the variant for no reason.", show(d))
		}
	}
}
