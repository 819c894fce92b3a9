package check

import (
	"math"
	"time"
)

// measure computes what the bytes of each track say.
func (p *presentation) measure() {
	for _, t := range p.media() {
		p.measureTrack(t)
	}
}

func (p *presentation) measureTrack(t *track) {
	for _, s := range t.segments {
		if init := p.initOf(s); init.main() != nil {
			t.init, t.main = init, init.main()
			break
		}
	}
	t.timed = len(t.segments) > 0 && !t.skipped && !t.cut && !t.iframeOnly
	t.sized = len(t.segments) > 0 && t.target > 0 && !t.skipped && !t.cut
	first := true
	for _, s := range t.segments {
		m := s.media
		t.encrypted = t.encrypted || s.key != nil
		if s.gap {
			t.timed, t.sized = false, false
			continue
		}
		if m.whole() {
			t.read++
			t.size += max(m.size, 0)
		}
		if m != nil && t.format == "" {
			t.format = m.format
		}
		if !m.whole() || m.size < 0 {
			t.sized = false
		}
		r, track := p.run(s)
		if r == nil {
			t.timed = false
			continue
		}
		scale := float64(track.timescale)
		t.duration += float64(r.duration) / scale
		t.samples += r.samples
		t.frame = max(t.frame, float64(r.frame)/scale)
		if first {
			first = false
			t.start = max(float64(r.start)/scale, 0)
		}
	}
	p.kindOf(t)
	if !t.timed {
		t.duration = t.declared()
	}
	if t.sized {
		t.peak, t.average = bitRates(t.pieces(p), float64(t.target))
	}
}

// kindOf believes the boxes more than the multivariant playlist.
func (p *presentation) kindOf(t *track) {
	switch {
	case t.iframeOnly:
		t.kind = "iframes"
	case t.main == nil:
		if t.kind == "" && t.format == "ts" {
			t.kind = "video"
		}
		if t.kind == "" && t.format == "packed" {
			t.kind = "audio"
		}
	case t.main.handler == "vide":
		t.kind = "video"
	case t.main.handler == "soun":
		t.kind = "audio"
	}
}

// run returns what a segment holds of its main track, nil where it was not read or has a
// fault.
func (p *presentation) run(s *segment) (*run, *initTrack) {
	track := p.initOf(s).main()
	if r := s.media.run(track); r != nil {
		return r, track
	}
	return nil, nil
}

// piece is the size and the duration of a segment.
type piece struct {
	bits    float64
	seconds float64
}

// pieces returns the segments' sizes and durations: those of the samples where they are
// all known, else EXTINF.
func (t *track) pieces(p *presentation) []piece {
	var out []piece
	for _, s := range t.segments {
		d := s.duration
		if t.timed {
			r, track := p.run(s)
			d = float64(r.duration) / float64(track.timescale)
		}
		out = append(out, piece{float64(s.media.size) * 8, d})
	}
	return out
}

// bitRates returns the peak segment bit rate and the average in bits per second (RFC 8216
// section 4.1): the peak is the largest bit rate of a contiguous run of segments that
// lasts between 0.5 and 1.5 target durations. Where no run does, it is the average.
func bitRates(pieces []piece, target float64) (peak, average float64) {
	const slack = 1e-9 // of adding up
	pieces = coarse(pieces, target/1000)
	var bits, seconds float64
	for i, p := range pieces {
		bits += p.bits
		seconds += p.seconds
		var b, d float64
		for _, q := range pieces[i:] {
			b += q.bits
			d += q.seconds
			if d > 1.5*target+slack {
				break
			}
			if d >= 0.5*target-slack && d > 0 {
				peak = max(peak, b/d)
			}
		}
	}
	if seconds > 0 {
		average = bits / seconds
	}
	if peak == 0 {
		peak = average
	}
	return peak, average
}

// coarse joins pieces that are shorter than least with the next, so that there are not
// too many in a target duration, whatever a playlist says.
func coarse(pieces []piece, least float64) []piece {
	out := make([]piece, 0, len(pieces))
	join := false
	for _, p := range pieces {
		if join {
			last := &out[len(out)-1]
			last.bits += p.bits
			last.seconds += p.seconds
			join = last.seconds < least
			continue
		}
		out = append(out, p)
		join = p.seconds < least
	}
	return out
}

// seconds turns seconds into a Duration.
func seconds(f float64) time.Duration {
	if f > math.MaxInt64/2/float64(time.Second) {
		return math.MaxInt64 / 2
	}
	return time.Duration(math.Round(f * float64(time.Second)))
}

// variantRates returns the measured peak and average of a variant, with the largest
// rendition of each group; ok is false where something was not measured.
func (p *presentation) variantRates(v *variant) (peak, average float64, ok bool) {
	own, groups, ok := p.reach(v)
	if !ok || !own.sized {
		return 0, 0, false
	}
	peak, average = own.peak, own.average
	for _, g := range groups {
		var a, b float64
		for _, t := range g {
			if !t.sized {
				return 0, 0, false
			}
			a, b = max(a, t.peak), max(b, t.average)
		}
		peak, average = peak+a, average+b
	}
	return peak, average, true
}

// content returns the duration of the shortest video or audio track in seconds, and the
// longest target duration; ok is false where there is none.
func (p *presentation) content() (shortest, target float64, ok bool) {
	for _, t := range p.media("video", "audio") {
		if !ok || t.duration < shortest {
			shortest = t.duration
		}
		target = max(target, float64(t.target))
		ok = true
	}
	return shortest, target, ok
}

// summary fills in what the report tells beside findings.
func (p *presentation) summary(r *Report) {
	r.Growing = p.growing()
	if d, _, ok := p.content(); ok {
		r.Duration = seconds(d)
	}
	if _, missing := p.missingContent(); missing > 0 {
		r.Missing = missing
	}
	for _, t := range p.tracks {
		r.Tracks = append(r.Tracks, t.report())
	}
	if p.master == nil {
		return
	}
	for i := range p.master.variants {
		v := &p.master.variants[i]
		peak, average, _ := p.variantRates(v)
		r.Variants = append(r.Variants, Variant{
			URI: v.uri, Line: v.line, Resolution: v.get("RESOLUTION"), Codecs: v.get("CODECS"),
			Bandwidth: v.integer("BANDWIDTH"), AverageBandwidth: v.integer("AVERAGE-BANDWIDTH"),
			Peak: int64(math.Ceil(peak)), Average: int64(math.Ceil(average)),
		})
	}
}

func (t *track) report() Track {
	out := Track{URI: t.uri, Kind: t.kind}
	if t.rendition != nil {
		out.Name, out.Language = t.rendition.get("NAME"), t.rendition.get("LANGUAGE")
	}
	if t.playlist == nil {
		return out
	}
	out.Format, out.Encrypted, out.Growing = t.format, t.encrypted, !t.ended
	out.TargetDuration, out.Segments, out.Read, out.Size = int(t.target), len(t.segments), t.read, t.size
	out.Declared, out.Duration, out.Measured = seconds(t.declared()), seconds(t.duration), t.timed && t.sized
	out.Peak, out.Average = int64(math.Ceil(t.peak)), int64(math.Ceil(t.average))
	if t.main == nil {
		return out
	}
	for i, m := range t.init.tracks {
		if i > 0 {
			out.Codecs += ","
		}
		out.Codecs += m.codec
		if m.handler == "soun" && out.Channels == 0 {
			out.Channels, out.SampleRate = m.channels, m.sampleRate
		}
	}
	if t.main.handler == "vide" {
		out.Width, out.Height = t.main.width, t.main.height
		out.FrameRate = math.Round(t.rate()*1000) / 1000
	}
	return out
}

// rate returns the measured frames per second, 0 where unknown.
func (t *track) rate() float64 {
	if !t.timed || t.duration <= 0 {
		return 0
	}
	return float64(t.samples) / t.duration
}
