package hls

import (
	"fmt"
	"slices"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// maxAhead bounds how far a segment's number may be ahead of the first missing one, so
// that a mistaken number does not pass for a gap.
const maxAhead = 1 << 20

// track is the state of one track. Publisher.mu guards it.
type track struct {
	plan  Track
	init  *Init
	segs  []Segment       // accepted, contiguous from number 0; only ever appended to
	ahead map[int]Segment // accepted behind a hole

	event      int  // how many of segs the growing playlist has
	tried      int  // how many it may have: a write that failed may have come through
	eventEnded bool // the growing playlist has ENDLIST
	final      bool // the final playlist is there
	trick      bool // the I-frame playlist is there
}

// hasKeyframes says whether there can be an I-frame playlist.
func (t *track) hasKeyframes() bool {
	return t.plan.Kind == Video && !slices.ContainsFunc(t.segs, func(s Segment) bool { return len(s.Keyframes) == 0 })
}

// duration returns how long the first n segments last.
func (t *track) duration(n int) time.Duration {
	if t.init == nil {
		return 0
	}
	return seconds(totalTicks(t.segs[:n]), t.init.Timescale)
}

// growTo returns how many segments the growing playlist should have when n are common
// to all tracks. It never takes one back.
func (t *track) growTo(n int) int { return max(t.tried, min(n, len(t.segs))) }

// tooLong says whether a segment's EXTINF might round to more than the target duration.
// A millisecond is for the rounding error that EXTINF carries.
func tooLong(s Segment, init Init, target int) bool {
	return millis(s.Duration, init.Timescale)+1 >= int64(target)*1000+500
}

func (p *Publisher) acceptInit(init Init) (due bool, err error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: init segment %q of track %q: %s", ErrInvalidUpdate, init.Key, init.Track, fmt.Sprintf(format, args...))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.byID[init.Track]
	switch {
	case t == nil:
		return false, bad("the presentation has no such track")
	case t.plan.Kind == Subtitle || t.plan.Kind == Image:
		return false, bad("a track of kind %s has none", t.plan.Kind)
	case init.Timescale == 0:
		return false, bad("no timescale")
	case sanitize(init.Codecs) == "":
		return false, bad("no codecs")
	}
	if err := storage.CheckKey(p.prefix + "/" + p.attempt + "/" + init.Key); err != nil {
		return false, bad("%v", err)
	}
	if t.init != nil {
		if t.init.Timescale != init.Timescale || t.init.Codecs != init.Codecs {
			return false, bad("%s in 1/%d s, but the track has %s in 1/%d s", init.Codecs, init.Timescale, t.init.Codecs, t.init.Timescale)
		}
		return p.due(), nil
	}
	if p.sealed {
		return false, fmt.Errorf("hls: init segment %q: %w", init.Key, ErrEnded)
	}
	for _, s := range t.segs {
		if tooLong(s, init, p.target) {
			return false, bad("segment %d is longer than the target duration of %d s", s.Number, p.target)
		}
	}
	for _, s := range t.ahead {
		if tooLong(s, init, p.target) {
			return false, bad("segment %d is longer than the target duration of %d s", s.Number, p.target)
		}
	}
	t.init, p.restored = &init, false
	return p.due(), nil
}

func (p *Publisher) acceptSegment(s Segment) (due bool, err error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: segment %d %q of track %q: %s", ErrInvalidUpdate, s.Number, s.Key, s.Track, fmt.Sprintf(format, args...))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.byID[s.Track]
	switch {
	case t == nil:
		return false, bad("the presentation has no such track")
	case s.Number < 0 || s.Number > len(t.segs)+maxAhead:
		return false, bad("the number is out of range")
	case s.Duration <= 0:
		return false, bad("it lasts %d ticks", s.Duration)
	case s.Size <= 0:
		return false, bad("it has %d bytes", s.Size)
	case s.KeyID != "" && len(s.Keyframes) > 0:
		return false, bad("it is encrypted, so that nobody can read its keyframes alone")
	case s.KeyID != "" && t.plan.Kind == Image:
		return false, bad("it is encrypted, and images are not")
	}
	if s.KeyID != "" {
		if err := ValidKeyID(s.KeyID); err != nil {
			return false, bad("%v", err)
		}
	}
	for _, k := range s.Keyframes {
		if k.Offset < 0 || k.Size <= 0 || k.Offset > s.Size-k.Size || k.Duration <= 0 {
			return false, bad("a keyframe of %d bytes at %d that lasts %d ticks", k.Size, k.Offset, k.Duration)
		}
	}
	if err := storage.CheckKey(p.prefix + "/" + p.attempt + "/" + s.Key); err != nil {
		return false, bad("%v", err)
	}
	if s.Poster != nil {
		if err := storage.CheckKey(p.prefix + "/" + p.attempt + "/" + s.Poster.Key); err != nil {
			return false, bad("poster: %v", err)
		}
	}
	if _, held := t.ahead[s.Number]; held || s.Number < len(t.segs) {
		return p.due(), nil // the first one stays
	}
	if t.init != nil && tooLong(s, *t.init, p.target) {
		return false, bad("it lasts %v, longer than the target duration of %d s", seconds(s.Duration, t.init.Timescale), p.target)
	}
	if p.sealed {
		return false, fmt.Errorf("hls: segment %q: %w", s.Key, ErrEnded)
	}
	t.ahead[s.Number], p.restored = s, false
	for {
		next, ok := t.ahead[len(t.segs)]
		if !ok {
			break
		}
		delete(t.ahead, len(t.segs))
		t.segs = append(t.segs, next)
	}
	return p.due(), nil
}

// ended says whether the track's last segment is there, as far as one can tell: it is
// shorter than its nominal duration or the plan's last, and none comes after it.
func (p *Publisher) ended(t *track) bool {
	if t.init == nil || len(t.segs) == 0 || len(t.ahead) > 0 {
		return false
	}
	n := len(t.segs) - 1
	nominal, more := p.plan.nominal(n)
	return !more || seconds(t.segs[n].Duration, t.init.Timescale).Seconds() < nominal-targetSlack
}

// common returns how many segments of every track may be in growing playlists: as many
// as all tracks have that have not ended.
func (p *Publisher) common() int {
	least, most := -1, 0
	for _, t := range p.played {
		if t.init == nil || len(t.segs) == 0 {
			return 0
		}
		most = max(most, len(t.segs))
		if !p.ended(t) && (least < 0 || len(t.segs) < least) {
			least = len(t.segs)
		}
	}
	if least < 0 {
		return most
	}
	return least
}

// due says whether something can be published that is not yet.
func (p *Publisher) due() bool {
	if p.opts.DeferMaster || p.sealed || p.restored {
		return false
	}
	n := p.common()
	return n > 0 && (!p.playable || slices.ContainsFunc(p.played, func(t *track) bool {
		return t.event < t.growTo(n)
	}))
}

// updateFront computes the front from what is published: as far as the shortest
// track that may still grow, or the whole when none may.
func (p *Publisher) updateFront() {
	if !p.playable {
		return
	}
	var least, most time.Duration
	grows := false
	for _, t := range p.played {
		n := t.event
		if p.finished {
			n = len(t.segs)
		}
		d := t.duration(n)
		most = max(most, d)
		if p.finished || (n == len(t.segs) && p.ended(t)) {
			continue
		}
		if !grows || d < least {
			least = d
		}
		grows = true
	}
	if !grows {
		least = most
	}
	p.front = max(p.front, least)
}
