package encoder

import (
	"fmt"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// merger makes the updates of parts those of one job. fanout.mu guards it.
type merger struct {
	emit  func(Update) error
	err   error // what emit has returned
	inits map[string]hls.Init
	total int // segments of the timeline

	bySound  bool          // there are no windows, so that the sound's progress is the job's
	position time.Duration // the last that was emitted
	before   time.Duration // what was made before the job began
	made     time.Duration // by the parts that count
	begun    time.Time     // when the first of them got to work
}

func newMerger(job Job, d division, emit func(Update) error) merger {
	m := merger{emit: emit, inits: map[string]hls.Init{}, total: job.Grid.Segments(), bySound: len(d.missing) == 0}
	if !m.bySound {
		m.before = job.Grid.Duration()
		for _, w := range d.missing {
			m.before -= job.Grid.between(w.First, w.First+w.Segments)
		}
	}
	return m
}

// take hands on an update of p. Its errors are that of emit, or an [*Error] about what
// does not fit together.
func (m *merger) take(p *part, u Update) error {
	switch {
	case u.Init != nil:
		if _, ok := p.next[u.Init.Track]; !ok {
			return unfit("init segment of track %q, which is not in the job", u.Init.Track)
		}
		known, ok := m.inits[u.Init.Track]
		if ok && known != *u.Init {
			return unfit("init segment %q of track %q differs from %q", u.Init.Key, u.Init.Track, known.Key)
		}
		if ok {
			return nil
		}
		m.inits[u.Init.Track] = *u.Init
	case u.Segment != nil:
		s := u.Segment
		if due, ok := p.next[s.Track]; !ok || s.Number != due {
			return unfit("segment %d of track %q comes where number %d is due", s.Number, s.Track, due)
		}
		if !p.sound && s.Number >= p.end() {
			return unfit("segment %d of track %q comes behind the end of its window, %d", s.Number, s.Track, p.end())
		}
		p.next[s.Track]++
	case u.Progress != nil:
		return m.progress(p, *u.Progress)
	}
	return m.send(u)
}

// end returns the number behind a window's last.
func (p *part) end() int { return p.job.Window.First + p.job.Window.Segments }

// unfit says that parts cannot be joined.
func unfit(format string, args ...any) error {
	return &Error{Code: CodeEncoderFailed, Message: "The encoder made windows of the video that do not fit together. Try again.",
		Err: fmt.Errorf(format, args...)}
}

// finished checks and counts a part that its encoder says is done.
func (m *merger) finished(p *part) error {
	if !p.sound && p.end() < m.total { // the timeline's last segment may be too short to be one
		for _, t := range p.job.Tracks {
			if due := p.next[t.ID]; due < p.end() {
				return unfit("segment %d of track %q was left out", due, t.ID)
			}
		}
	}
	if p.made >= p.length {
		return nil
	}
	return m.progress(p, Progress{Position: p.length})
}

// progress emits how far all parts are together.
func (m *merger) progress(p *part, u Progress) error {
	if p.sound && !m.bySound {
		return nil
	}
	now := time.Now()
	if m.begun.IsZero() {
		m.begun = now
		if u.Speed > 0 {
			m.begun = now.Add(-time.Duration(float64(u.Position) / u.Speed))
		}
	}
	made := max(p.made, min(u.Position, p.length))
	m.made += made - p.made
	p.made = made
	m.position = max(m.position, m.before+m.made)
	out := Progress{Position: m.position}
	if wall := now.Sub(m.begun); wall > 0 {
		out.Speed = m.made.Seconds() / wall.Seconds()
	}
	return m.send(Update{Progress: &out})
}

// send hands on an update. Whatever emit ends with, it is not called again, and every
// part is told the same.
func (m *merger) send(u Update) error {
	if m.err == nil {
		m.err = gaveUp("emit ended its goroutine") // unless it returns
		m.err = m.call(u)
	}
	return m.err
}

func (m *merger) call(u Update) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = broke(v)
		}
	}()
	return m.emit(u)
}
