package hls

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The groups of EXT-X-MEDIA; audio of a Track.Group has its name behind a hyphen.
const (
	audioGroup    = "audio"
	subtitleGroup = "subtitles"
)

const (
	// preferredBandwidth is the average bit rate of the variant that comes first
	// (authoring specification 1.32).
	preferredBandwidth = 2_000_000
)

// rendition is what the multivariant playlist says of one track.
type rendition struct {
	Track
	codecs        string
	uri           string     // path relative to the multivariant playlist, not escaped
	peak, average int64      // bits per second
	iframes       *rendition // of the same track, nil where there is none
}

// encodeMultivariant writes the multivariant playlist (RFC 8216 section 4.3.4). Every
// video rendition goes with the audio renditions of its group; a presentation without
// video has a variant for each audio.
func encodeMultivariant(renditions []rendition) []byte {
	var video, audio, subtitles []rendition
	for _, r := range renditions {
		switch r.Kind {
		case Video:
			video = append(video, r)
		case Subtitle:
			subtitles = append(subtitles, r)
		default:
			audio = append(audio, r)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-INDEPENDENT-SEGMENTS\n", protocolVersion)
	if len(video) == 0 {
		// They differ by language, not by bit rate: the default comes first.
		slices.SortStableFunc(audio, func(a, b rendition) int { return cmp.Compare(rank(a), rank(b)) })
		writeGroup(&b, subtitles)
		for _, r := range addLargest(audio, subtitles) {
			writeVariant(&b, r, nil, subtitles)
		}
		return b.Bytes()
	}
	var sums []rendition
	for _, group := range audioGroups(audio) {
		writeGroup(&b, group)
	}
	writeGroup(&b, subtitles)
	for _, r := range video {
		sums = append(sums, addLargest(addLargest([]rendition{r}, ofGroup(audio, r.Group)), subtitles)...)
	}
	ordered := orderVariants(sums)
	for _, r := range ordered {
		writeVariant(&b, r, ofGroup(audio, r.Group), subtitles)
	}
	for _, r := range ordered {
		if r.iframes != nil {
			writeIFrames(&b, *r.iframes)
		}
	}
	return b.Bytes()
}

// audioGroups returns the renditions by group, in the order of the groups' first.
func audioGroups(audio []rendition) (groups [][]rendition) {
	seen := map[string]bool{}
	for _, r := range audio {
		if !seen[r.Group] {
			seen[r.Group] = true
			groups = append(groups, ofGroup(audio, r.Group))
		}
	}
	return groups
}

// ofGroup returns the renditions of a group.
func ofGroup(audio []rendition, group string) (out []rendition) {
	for _, r := range audio {
		if r.Group == group {
			out = append(out, r)
		}
	}
	return out
}

// groupID returns the GROUP-ID of the renditions, which are all audio or all subtitles.
func groupID(group []rendition) string {
	switch {
	case group[0].Kind == Subtitle:
		return subtitleGroup
	case group[0].Group != "":
		return audioGroup + "-" + group[0].Group
	}
	return audioGroup
}

// addLargest adds the largest bit rates of a group to those of each rendition: any of
// the group may go with it.
func addLargest(rs, group []rendition) []rendition {
	var peak, average int64
	for _, g := range group {
		peak, average = max(peak, g.peak), max(average, g.average)
	}
	rs = slices.Clone(rs)
	for i := range rs {
		rs[i].peak += peak
		rs[i].average += average
	}
	return rs
}

// orderVariants returns the variant nearest preferredBandwidth, then the others from
// the lowest bandwidth to the highest.
func orderVariants(rs []rendition) []rendition {
	rs = slices.Clone(rs)
	slices.SortStableFunc(rs, func(a, b rendition) int { return cmp.Compare(a.average, b.average) })
	best := 0
	for i, r := range rs {
		if abs(r.average-preferredBandwidth) < abs(rs[best].average-preferredBandwidth) {
			best = i
		}
	}
	if best > 0 {
		first := rs[best]
		rs = slices.Insert(slices.Delete(rs, best, best+1), 0, first)
	}
	return rs
}

func rank(r rendition) int {
	if r.Default {
		return 0
	}
	return 1
}

func abs(n int64) int64 { return max(n, -n) }

// writeGroup writes an EXT-X-MEDIA for each of the renditions, which are all audio or
// all subtitles: names differ, and no two that are chosen automatically have one
// language. One audio is the default; of subtitles none needs to be.
func writeGroup(b *bytes.Buffer, group []rendition) {
	if len(group) == 0 {
		return
	}
	kind := "AUDIO"
	def := slices.IndexFunc(group, func(r rendition) bool { return r.Default })
	if group[0].Kind == Subtitle {
		kind = "SUBTITLES"
	} else {
		def = max(0, def)
	}
	names := map[string]bool{}
	auto := map[string]bool{}
	if def >= 0 {
		auto[language(group[def])] = true
	}
	for i, r := range group {
		lang := language(r)
		automatic := i == def || !auto[lang]
		auto[lang] = true
		l := attributes{b: b}
		l.start("#EXT-X-MEDIA:")
		l.raw("TYPE", kind)
		l.quoted("GROUP-ID", groupID(group))
		l.quoted("NAME", uniqueName(names, r))
		l.quoted("LANGUAGE", lang)
		l.raw("DEFAULT", yesNo(i == def))
		l.raw("AUTOSELECT", yesNo(automatic))
		if r.Channels > 0 {
			l.quoted("CHANNELS", strconv.Itoa(r.Channels))
		}
		l.quoted("URI", (&url.URL{Path: r.uri}).String())
		l.end()
	}
}

func language(r rendition) string {
	if lang := sanitize(r.Language); lang != "" {
		return lang
	}
	return "und"
}

// uniqueName returns the rendition's NAME, with a number where another has it already
// (RFC 8216 section 4.3.4.1.1: names differ within a group).
func uniqueName(taken map[string]bool, r rendition) string {
	name := sanitize(r.Name)
	if name == "" {
		name = sanitize(r.Language)
	}
	if name == "" || name == "und" {
		name = map[Kind]string{Audio: "Audio", Subtitle: "Subtitles"}[r.Kind]
	}
	unique := name
	for n := 2; taken[unique]; n++ {
		unique = fmt.Sprintf("%s (%d)", name, n)
	}
	taken[unique] = true
	return unique
}

func writeVariant(b *bytes.Buffer, r rendition, audio, subtitles []rendition) {
	codecs := []string{sanitize(r.codecs)}
	for _, a := range audio {
		if c := sanitize(a.codecs); !slices.Contains(codecs, c) {
			codecs = append(codecs, c)
		}
	}
	l := attributes{b: b}
	l.start("#EXT-X-STREAM-INF:")
	l.raw("BANDWIDTH", strconv.FormatInt(max(1, r.peak), 10))
	l.raw("AVERAGE-BANDWIDTH", strconv.FormatInt(max(1, r.average), 10))
	l.quoted("CODECS", strings.Join(codecs, ","))
	if r.Kind == Video {
		l.raw("RESOLUTION", fmt.Sprintf("%dx%d", r.Width, r.Height))
		l.raw("FRAME-RATE", strconv.FormatFloat(r.FrameRate.Float(), 'f', 3, 64))
		l.raw("VIDEO-RANGE", "SDR")
		l.raw("CLOSED-CAPTIONS", "NONE")
	}
	if len(audio) > 0 {
		l.quoted("AUDIO", groupID(audio))
	}
	if len(subtitles) > 0 {
		l.quoted("SUBTITLES", groupID(subtitles))
	}
	l.end()
	b.WriteString((&url.URL{Path: r.uri}).String())
	b.WriteByte('\n')
}

// writeIFrames writes an EXT-X-I-FRAME-STREAM-INF (RFC 8216 section 4.3.4.3).
func writeIFrames(b *bytes.Buffer, r rendition) {
	l := attributes{b: b}
	l.start("#EXT-X-I-FRAME-STREAM-INF:")
	l.raw("BANDWIDTH", strconv.FormatInt(max(1, r.peak), 10))
	l.raw("AVERAGE-BANDWIDTH", strconv.FormatInt(max(1, r.average), 10))
	l.quoted("CODECS", sanitize(r.codecs))
	l.raw("RESOLUTION", fmt.Sprintf("%dx%d", r.Width, r.Height))
	l.raw("VIDEO-RANGE", "SDR")
	l.quoted("URI", (&url.URL{Path: r.uri}).String())
	l.end()
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

// attributes writes one tag with an attribute list (RFC 8216 section 4.2).
type attributes struct {
	b    *bytes.Buffer
	more bool
}

func (a *attributes) start(tag string) { a.b.WriteString(tag) }
func (a *attributes) end()             { a.b.WriteByte('\n') }

func (a *attributes) raw(name, value string) {
	if a.more {
		a.b.WriteByte(',')
	}
	a.more = true
	a.b.WriteString(name)
	a.b.WriteByte('=')
	a.b.WriteString(value)
}

func (a *attributes) quoted(name, value string) {
	a.raw(name, `"`+sanitize(value)+`"`)
}

// sanitize makes s fit for a quoted string, which has no escapes: a double quote
// becomes a single one, anything that is no printable character a space.
func sanitize(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r == unicode.ReplacementChar, !unicode.IsPrint(r):
			return ' '
		}
		return r
	}, s))
}
