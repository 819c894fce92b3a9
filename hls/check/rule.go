package check

import (
	"fmt"
	"slices"
)

// Rule is one thing that is checked.
type Rule struct {
	// ID is stable. "RFC-4.3.3.1" is a section of RFC 8216, "RFC8216BIS-4.3" one of its
	// successor, "M9.13" and "S1.30" are items of Apple's HLS Authoring Specification that
	// must and should hold, "ISO-8.8.12" is a section of ISO 14496-12, "RFC-6381" is RFC
	// 6381. Words are vodkit's own.
	ID      string  `json:"id"`
	Profile Profile `json:"profile"`
	// Severity is that of the rule's findings, unless they are milder cases.
	Severity Severity `json:"severity"`
	// Title says in a few words what must be.
	Title string `json:"title"`
}

// rule is a Rule and how it is checked.
type rule struct {
	Rule
	apply func(*presentation, *reporter)
}

// Rules returns all rules, in the order in which they are applied.
func Rules() []Rule {
	var out []Rule
	for _, r := range table() {
		out = append(out, r.Rule)
	}
	return out
}

// table returns the rules. Each group has a file.
func table() []rule {
	return slices.Concat(
		objectRules(), syntaxRules(), multivariantRules(), mediaRules(), fragmentRules(),
		timelineRules(), bandwidthRules(), codecRules(), coverageRules(),
		authoringVariantRules(), authoringMediaRules(), authoringVideoRules(), authoringAudioRules(),
		subtitleRules(), trickRules(), deliveryRules(),
	)
}

func conformance(id, title string, apply func(*presentation, *reporter)) rule {
	return rule{Rule{id, Conformance, Error, title}, apply}
}

// must is an item of the Authoring Specification that must hold, and does not gate.
func must(id, title string, apply func(*presentation, *reporter)) rule {
	return rule{Rule{id, Authoring, Warning, title}, apply}
}

// should is an item of the Authoring Specification that should hold.
func should(id, title string, apply func(*presentation, *reporter)) rule {
	return rule{Rule{id, Authoring, Info, title}, apply}
}

// note tells of what was not checked.
func note(id, title string, apply func(*presentation, *reporter)) rule {
	return rule{Rule{id, Conformance, Info, title}, apply}
}

// reporter collects the findings of one rule.
type reporter struct {
	rule     Rule
	most     int
	findings []Finding
	omitted  int
}

func (r *reporter) at(w Where, format string, args ...any) {
	r.as(r.rule.Severity, w, format, args...)
}

func (r *reporter) as(s Severity, w Where, format string, args ...any) {
	if len(r.findings) >= r.most {
		r.omitted++
		return
	}
	r.findings = append(r.findings, Finding{Rule: r.rule.ID, Profile: r.rule.Profile, Severity: s, Where: w, Message: fmt.Sprintf(format, args...)})
}

// at returns a place in the playlist.
func (p *playlist) at(line int) Where { return Where{Playlist: p.uri, Line: line, Offset: -1} }

// inSegment returns a place in the bytes of a segment; offset counts from the start of
// its range.
func (p *playlist) inSegment(s *segment, offset int64) Where {
	w := Where{Playlist: p.uri, Line: s.line, Segment: s.uri, Offset: -1}
	if offset >= 0 {
		w.Offset = s.offset + offset
	}
	return w
}
