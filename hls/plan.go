package hls

import (
	"fmt"
	"slices"
	"strings"
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
		case t.Kind != Video && t.Kind != Audio && t.Kind != Subtitle:
			return bad("track %q is of kind %q", t.ID, t.Kind)
		case t.Kind == Video && (t.Width <= 0 || t.Height <= 0):
			return bad("track %q is %d by %d pixels", t.ID, t.Width, t.Height)
		case t.Kind == Video && (t.FrameRate.Num <= 0 || t.FrameRate.Den <= 0):
			return bad("track %q has the frame rate %v", t.ID, t.FrameRate)
		case t.Group != "" && !validTrackID(t.Group):
			return bad("track %q is of the group %q; lower-case letters, digits and '-' are allowed", t.ID, t.Group)
		}
		groups[t.Group] = groups[t.Group] || t.Kind == Audio
		seen[t.ID] = true
		media = media || t.Kind != Subtitle
	}
	if !media {
		return bad("subtitles alone")
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
	return p
}
