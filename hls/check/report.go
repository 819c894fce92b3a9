package check

import (
	"fmt"
	"strings"
	"time"
)

// Severity says how bad a finding is.
type Severity string

// The severities, from the worst.
const (
	// Error: players may fail, stall or show something else than was meant.
	Error Severity = "error"
	// Warning: a requirement is missed that some players or stores insist on.
	Warning Severity = "warning"
	// Info: a recommendation is missed, or something could not be checked.
	Info Severity = "info"
)

// Profile says what a rule is good for.
type Profile string

// The profiles.
const (
	// Conformance is RFC 8216 and what must be true of the bytes before a presentation is
	// called complete: it gates.
	Conformance Profile = "conformance"
	// Authoring is the rest of Apple's HLS Authoring Specification: it reports, with
	// warnings for what must be and infos for what should be.
	Authoring Profile = "authoring"
)

// Where is the place of a finding.
type Where struct {
	// Playlist is the playlist's URI as the Source knows it: relative to the Source's
	// root, or a whole URL. It is empty where a finding is about the whole presentation.
	Playlist string `json:"playlist,omitempty"`
	// Line counts the playlist's lines from 1; 0 where no line is to blame.
	Line int `json:"line,omitempty"`
	// Segment is the URI of the initialization or media segment, as Playlist.
	Segment string `json:"segment,omitempty"`
	// Offset is the byte in the segment's object, counted from 0, or -1.
	Offset int64 `json:"offset"`
}

// String returns the place in one line, such as "v720/index.m3u8:14 v720/3.m4s@28".
func (w Where) String() string {
	var b strings.Builder
	b.WriteString(w.Playlist)
	if w.Line > 0 {
		fmt.Fprintf(&b, ":%d", w.Line)
	}
	if w.Segment != "" {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.Segment)
		if w.Offset >= 0 {
			fmt.Fprintf(&b, "@%d", w.Offset)
		}
	}
	return b.String()
}

// Finding is one thing that a rule found.
type Finding struct {
	// Rule is the ID of the rule, see [Rules].
	Rule     string   `json:"rule"`
	Profile  Profile  `json:"profile"`
	Severity Severity `json:"severity"`
	Where    Where    `json:"where"`
	// Message is a sentence or two: what is wrong, and what to do about it.
	Message string `json:"message"`
}

// String returns the finding in one line.
func (f Finding) String() string {
	if at := f.Where.String(); at != "" {
		return fmt.Sprintf("%s %s %s: %s", f.Severity, f.Rule, at, f.Message)
	}
	return fmt.Sprintf("%s %s: %s", f.Severity, f.Rule, f.Message)
}

// Track is what was measured of one media playlist.
type Track struct {
	// URI is that of the media playlist, as in Where.
	URI string `json:"uri"`
	// Kind is "video", "audio", "subtitles", "iframes" or "" where unknown.
	Kind string `json:"kind"`
	// Name and Language are those of the EXT-X-MEDIA tag, if there is one.
	Name     string `json:"name,omitempty"`
	Language string `json:"language,omitempty"`
	// Format is "fmp4", "ts", "webvtt", "packed" or "" where unknown.
	Format string `json:"format,omitempty"`
	// Codecs is the RFC 6381 string read from the initialization segment.
	Codecs string `json:"codecs,omitempty"`
	// Width and Height are the picture as it is shown, in pixels.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// FrameRate is measured, in frames per second.
	FrameRate float64 `json:"frame_rate,omitempty"`
	// SampleRate is in hertz.
	SampleRate int  `json:"sample_rate,omitempty"`
	Channels   int  `json:"channels,omitempty"`
	Encrypted  bool `json:"encrypted,omitempty"`
	// Growing says that the playlist has no EXT-X-ENDLIST yet.
	Growing        bool `json:"growing,omitempty"`
	TargetDuration int  `json:"target_duration"` // seconds
	// Segments counts the playlist's segments, Read those whose bytes were looked at and
	// are whole.
	Segments int `json:"segments"`
	Read     int `json:"read"`
	// Size counts the bytes of the segments that were read.
	Size int64 `json:"size"`
	// Declared is the sum of EXTINF. Duration is the sum of what samples there are, and
	// Declared where the bytes could not be measured.
	Declared time.Duration `json:"declared"`
	Duration time.Duration `json:"duration"`
	// Measured says that Duration, Peak and Average come from the bytes of all segments.
	Measured bool `json:"measured"`
	// Peak and Average are measured bit rates in bits per second, as RFC 8216 section 4.1
	// defines them; 0 where sizes or durations are not known.
	Peak    int64 `json:"peak"`
	Average int64 `json:"average"`
}

// Variant is what was measured of one variant stream.
type Variant struct {
	URI        string `json:"uri"`
	Line       int    `json:"line"`
	Resolution string `json:"resolution,omitempty"`
	Codecs     string `json:"codecs,omitempty"`
	// Bandwidth and AverageBandwidth are what the multivariant playlist says, in bits per
	// second; 0 where it says nothing.
	Bandwidth        int64 `json:"bandwidth"`
	AverageBandwidth int64 `json:"average_bandwidth"`
	// Peak and Average are measured, with the largest rendition of each group that the
	// variant names; 0 where something of it could not be measured.
	Peak    int64 `json:"peak"`
	Average int64 `json:"average"`
}

// Report is the outcome of [Run].
type Report struct {
	// Master is the URI that was checked.
	Master string `json:"master"`
	// Growing says that a media playlist has no EXT-X-ENDLIST.
	Growing bool `json:"growing,omitempty"`
	// Duration is that of the shortest video or audio track.
	Duration time.Duration `json:"duration"`
	// Expected is what Options said, and Missing how much of it the shortest track lacks, 0
	// where Expected is 0 or is reached. The finding COVERAGE allows for a tolerance,
	// Missing does not.
	Expected time.Duration `json:"expected,omitempty"`
	Missing  time.Duration `json:"missing,omitempty"`
	// Findings are sorted: errors first, then in the order of rules and playlists.
	Findings []Finding `json:"findings"`
	// Omitted counts findings beyond Options.MaxFindings of a rule.
	Omitted  int       `json:"omitted,omitempty"`
	Variants []Variant `json:"variants"`
	Tracks   []Track   `json:"tracks"`
}

// Count returns how many findings have the severity.
func (r Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Err returns nil where the presentation conforms: no rule of the Conformance profile
// found an error. Otherwise it returns a [*NonconformanceError] with those findings.
func (r Report) Err() error {
	var bad []Finding
	for _, f := range r.Findings {
		if f.Profile == Conformance && f.Severity == Error {
			bad = append(bad, f)
		}
	}
	if bad == nil {
		return nil
	}
	return &NonconformanceError{Findings: bad}
}

// NonconformanceError says why a presentation does not conform.
type NonconformanceError struct {
	Findings []Finding // at least one
}

// Error names the first findings.
func (e *NonconformanceError) Error() string {
	const most = 3
	var b strings.Builder
	b.WriteString("hls/check: ")
	for i, f := range e.Findings {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(e.Findings)-most)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %s: %s", f.Rule, f.Where, f.Message)
	}
	return b.String()
}
