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

const (
	// preferredBandwidth is the average bit rate of the variant that comes first
	// (authoring specification 1.32).
	preferredBandwidth = 2_000_000
	audioGroup         = "audio"
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
// video rendition goes with the one group of audio renditions; a presentation without
// video has a variant for each audio.
func encodeMultivariant(renditions []rendition) []byte {
	var video, audio []rendition
	for _, r := range renditions {
		if r.Kind == Video {
			video = append(video, r)
		} else {
			audio = append(audio, r)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-INDEPENDENT-SEGMENTS\n", protocolVersion)
	if len(video) == 0 {
		// They differ by language, not by bit rate: the default comes first.
		slices.SortStableFunc(audio, func(a, b rendition) int { return cmp.Compare(rank(a), rank(b)) })
		for _, r := range audio {
			writeVariant(&b, r, nil)
		}
		return b.Bytes()
	}
	writeAudioGroup(&b, audio)
	// The largest of each: any audio may go with any video.
	var peak, average int64
	for _, a := range audio {
		peak, average = max(peak, a.peak), max(average, a.average)
	}
	for i := range video {
		video[i].peak += peak
		video[i].average += average
	}
	ordered := orderVariants(video)
	for _, r := range ordered {
		writeVariant(&b, r, audio)
	}
	for _, r := range ordered {
		if r.iframes != nil {
			writeIFrames(&b, *r.iframes)
		}
	}
	return b.Bytes()
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

// writeAudioGroup writes an EXT-X-MEDIA for each audio rendition: one of them is the
// default, names differ, and no two that are chosen automatically have one language.
func writeAudioGroup(b *bytes.Buffer, audio []rendition) {
	def := max(0, slices.IndexFunc(audio, func(r rendition) bool { return r.Default }))
	names := map[string]bool{}
	auto := map[string]bool{}
	if len(audio) > 0 {
		auto[language(audio[def])] = true
	}
	for i, r := range audio {
		lang := language(r)
		automatic := i == def || !auto[lang]
		auto[lang] = true
		l := attributes{b: b}
		l.start("#EXT-X-MEDIA:")
		l.raw("TYPE", "AUDIO")
		l.quoted("GROUP-ID", audioGroup)
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
		name = "Audio"
	}
	unique := name
	for n := 2; taken[unique]; n++ {
		unique = fmt.Sprintf("%s (%d)", name, n)
	}
	taken[unique] = true
	return unique
}

func writeVariant(b *bytes.Buffer, r rendition, audio []rendition) {
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
		l.quoted("AUDIO", audioGroup)
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
