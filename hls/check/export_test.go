package check

import (
	"bufio"
	"bytes"
	"context"
	"io"
)

// Inside, for tests.
var (
	SameCodec = sameCodec
	Resolve   = resolve
)

// ParsedPlaylist is what tests see of a playlist.
type ParsedPlaylist struct {
	Rules    []string // of the faults
	Segments int
	Negative bool // a duration or a range is
}

// ParsePlaylist parses a playlist with room for 1000 segments.
func ParsePlaylist(b []byte) ParsedPlaylist {
	pl, _ := parsePlaylist("a/b.m3u8", b, map[string]string{"x": "y"}, &budget{segments: 1000, text: 1 << 20})
	out := ParsedPlaylist{Segments: len(pl.segments)}
	for _, f := range pl.faults {
		out.Rules = append(out.Rules, f.rule)
	}
	for _, s := range pl.segments {
		out.Negative = out.Negative || s.duration < 0 || s.offset < 0 || s.length < 0
	}
	return out
}

// ReadSegment reads a segment as Run does, with at most 1 MiB of it. It returns false
// where the initialization segment is unfit.
func ReadSegment(initial, segment []byte, sized bool) (faults []string, sane, ok bool, err error) {
	init := parseInit(initial)
	if init.fault != nil {
		return nil, true, false, nil
	}
	m := &media{size: int64(len(segment))}
	in := &input{
		ctx: context.Background(), r: bufio.NewReader(bytes.NewReader(segment)), body: io.NopCloser(nil),
		size: -1, most: 1 << 20,
	}
	if sized {
		in.size = m.size
	}
	err = (&segmentReader{in: in, init: init, m: m}).boxes()
	if in.read > in.most {
		err = nil
	}
	for _, f := range m.faults {
		faults = append(faults, f.rule)
	}
	sane = in.pos <= m.size && init.main() != nil
	for _, r := range m.runs {
		if m.whole() && (r.samples <= 0 || r.samples > maxSamples || r.end < r.decode || r.duration < 0) {
			sane = false
		}
	}
	return faults, sane, true, err
}

// BitRates returns peak and average of segments of the sizes in bits and durations in
// seconds.
func BitRates(target float64, pieces ...[2]float64) (peak, average float64) {
	var in []piece
	for _, p := range pieces {
		in = append(in, piece{p[0], p[1]})
	}
	return bitRates(in, target)
}
