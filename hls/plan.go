package hls

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxSegmentDuration bounds the nominal duration of a segment, in seconds.
const maxSegmentDuration = 3600

// check says whether the plan can be published; errors match ErrInvalidPlan.
func (p Presentation) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalidPlan, fmt.Sprintf(format, args...))
	}
	d := p.SegmentDuration
	if d.Num <= 0 || d.Den <= 0 || d.Float() > maxSegmentDuration {
		return bad("a segment duration of %v seconds", d)
	}
	var before time.Duration
	for n, at := range p.Cuts {
		if at <= before || at-before > maxSegmentDuration*time.Second {
			return bad("segment %d from %v to %v", n, before, at)
		}
		before = at
	}
	if len(p.Tracks) == 0 {
		return bad("no tracks")
	}
	seen, media := map[string]bool{}, false
	groups := map[string]bool{} // of audio
	for _, t := range p.Tracks {
		switch {
		case !validTrackID(t.ID):
			return bad("track ID %q; lower-case letters, digits and '-' are allowed", t.ID)
		case seen[t.ID]:
			return bad("two tracks with the ID %q", t.ID)
		case t.Kind != Video && t.Kind != Audio && t.Kind != Subtitle && t.Kind != Image:
			return bad("track %q is of kind %q", t.ID, t.Kind)
		case (t.Kind == Video || t.Kind == Image) && (t.Width <= 0 || t.Height <= 0):
			return bad("track %q is %d by %d pixels", t.ID, t.Width, t.Height)
		case t.Kind == Video && (t.FrameRate.Num <= 0 || t.FrameRate.Den <= 0):
			return bad("track %q has the frame rate %v", t.ID, t.FrameRate)
		case t.Kind == Image && (t.Interval.Num <= 0 || t.Interval.Den <= 0):
			return bad("track %q has a picture every %v seconds", t.ID, t.Interval)
		case t.Group != "" && !validTrackID(t.Group):
			return bad("track %q is of the group %q; lower-case letters, digits and '-' are allowed", t.ID, t.Group)
		}
		groups[t.Group] = groups[t.Group] || t.Kind == Audio
		seen[t.ID] = true
		media = media || t.Kind == Video || t.Kind == Audio
	}
	if !media {
		return bad("neither video nor audio")
	}
	for _, t := range p.Tracks {
		if t.Kind == Video && !groups[t.Group] && slices.ContainsFunc(p.Tracks, isAudio) {
			return bad("no audio is of the group %q, as track %q is", t.Group, t.ID)
		}
	}
	return nil
}

func isAudio(t Track) bool { return t.Kind == Audio }

func validTrackID(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// clone returns a copy that shares nothing with p.
func (p Presentation) clone() Presentation {
	p.Tracks = slices.Clone(p.Tracks)
	p.Cuts = slices.Clone(p.Cuts)
	return p
}

// nominal returns how long segment n should be, in seconds, and whether others may come
// after it.
func (p Presentation) nominal(n int) (seconds float64, more bool) {
	switch {
	case len(p.Cuts) == 0:
		return p.SegmentDuration.Float(), true
	case n >= len(p.Cuts):
		return 0, false
	case n == 0:
		return p.Cuts[0].Seconds(), true
	}
	return (p.Cuts[n] - p.Cuts[n-1]).Seconds(), true
}

// longest returns the nominal duration of the longest segment but the last.
func (p Presentation) longest() Rational {
	longest := p.SegmentDuration
	var before time.Duration
	for _, at := range p.Cuts {
		if d := at - before; d.Seconds() > longest.Float() {
			longest = Rational{Num: int64(d), Den: int64(time.Second)}
		}
		before = at
	}
	return longest
}
