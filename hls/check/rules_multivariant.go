package check

import "strings"

// multivariantRules: renditions and variants fit together (RFC 8216 section 4.3.4).
func multivariantRules() []rule {
	return []rule{
		conformance("RFC-4.3.4.1.1", "renditions of a group have different names, and one default", groups),
		conformance("RFC-4.3.4.2.1", "the groups that a variant names are there", groupsExist),
	}
}

// mediaTags checks EXT-X-MEDIA one by one (section 4.3.4.1).
func mediaTags(p *presentation, r *reporter) {
	syntax(p, r)
	if p.master == nil {
		return
	}
	for i := range p.master.renditions {
		m := &p.master.renditions[i]
		where := p.master.at(m.line)
		if m.has("DEFAULT") && m.get("DEFAULT") == "YES" && m.get("AUTOSELECT") == "NO" {
			r.at(where, "DEFAULT is YES but AUTOSELECT is NO; a default rendition is selected automatically.")
		}
		if m.has("FORCED") && m.get("TYPE") != "SUBTITLES" {
			r.at(where, "FORCED is only for SUBTITLES; remove it.")
		}
		switch m.get("TYPE") {
		case "CLOSED-CAPTIONS":
			if m.has("URI") {
				r.at(where, "CLOSED-CAPTIONS are in the video and have no URI; remove it.")
			}
			if !instream(m.get("INSTREAM-ID")) {
				r.at(where, "INSTREAM-ID of CLOSED-CAPTIONS is %s; it must be CC1 to CC4 or SERVICE1 to SERVICE63.", show(m.get("INSTREAM-ID")))
			}
		case "SUBTITLES":
			if !m.has("URI") {
				r.at(where, "SUBTITLES have no URI; their playlist is nowhere else.")
			}
			fallthrough
		default:
			if m.has("INSTREAM-ID") && m.has("TYPE") {
				r.at(where, "INSTREAM-ID is only for CLOSED-CAPTIONS; remove it.")
			}
		}
	}
}

func instream(id string) bool {
	if n, ok := strings.CutPrefix(id, "SERVICE"); ok {
		v, ok := decimalInteger(n)
		return ok && v >= 1 && v <= 63
	}
	return id == "CC1" || id == "CC2" || id == "CC3" || id == "CC4"
}

func groups(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	type member struct{ group, kind, what string }
	seen := map[member]int{}
	first := func(m *rendition, what string) int {
		k := member{m.get("GROUP-ID"), m.get("TYPE"), what}
		if line := seen[k]; line > 0 {
			return line
		}
		seen[k] = m.line
		return 0
	}
	for i := range p.master.renditions {
		m := &p.master.renditions[i]
		where := p.master.at(m.line)
		if line := first(m, "name "+m.get("NAME")); line > 0 && m.has("NAME") {
			r.at(where, "NAME %s is in the group already, in line %d; viewers could not tell them apart.", show(m.get("NAME")), line)
		}
		if m.get("DEFAULT") == "YES" {
			if line := first(m, "default"); line > 0 {
				r.at(where, "The group has a default already, in line %d; it may have one.", line)
			}
		}
		if m.get("AUTOSELECT") == "YES" || m.get("DEFAULT") == "YES" {
			key := "auto " + m.get("LANGUAGE") + "|" + m.get("ASSOC-LANGUAGE") + "|" + m.get("FORCED") + "|" + m.get("CHARACTERISTICS") + "|" + m.get("CHANNELS")
			if line := first(m, key); line > 0 && m.get("TYPE") != "CLOSED-CAPTIONS" {
				r.at(where, "AUTOSELECT is YES for two renditions that a player cannot choose between, the other in line %d; let one be NO, or tell them apart by LANGUAGE or CHARACTERISTICS.", line)
			}
		}
	}
}

func groupsExist(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	for i := range p.master.variants {
		v := &p.master.variants[i]
		for _, kind := range []string{"AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"} {
			id, ok := v.lookup(kind)
			if !ok || kind == "CLOSED-CAPTIONS" && id == "NONE" {
				continue
			}
			if len(p.group(kind, id)) == 0 {
				r.at(p.master.at(v.line), "The variant names the %s group %s, but no EXT-X-MEDIA of that TYPE has this GROUP-ID.", kind, show(id))
			}
		}
	}
}

// streamInf: a variant points at a media playlist (section 4.3.4.2).
func streamInf(p *presentation, r *reporter) {
	syntax(p, r)
	for _, t := range p.tracks {
		if t.nested {
			r.at(p.master.at(t.line), "%s is a multivariant playlist; a variant names a media playlist.", show(t.uri))
		}
	}
}
