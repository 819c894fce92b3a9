package encoder

import "time"

// share is how much of the slots' time a tenant has had.
type share struct {
	weight           float64
	waiting, running int   // jobs
	held             int64 // slots
	// used is in slot seconds over weight, up to since.
	used  float64
	since time.Time
	last  uint64 // when it was last served, counted in jobs
}

// had returns what the share has had up to now, what runs included.
func (s *share) had(now time.Time) float64 {
	return s.used + float64(s.held)*now.Sub(s.since).Seconds()/s.weight
}

// settle counts what has run so far.
func (s *share) settle(now time.Time) { s.used, s.since = s.had(now), now }

// before says whether s has had less than t; or as much, and has less now; or as much,
// and was served longer ago.
func (s *share) before(t *share, now time.Time) bool {
	if a, b := s.had(now), t.had(now); a != b {
		return a < b
	}
	if a, b := float64(s.running)/s.weight, float64(t.running)/t.weight; a != b {
		return a < b
	}
	return s.last < t.last
}

// shares are those of all tenants. An even share is what someone would have had who had
// always had jobs since all began: who comes new, or back, begins there, so that nobody
// saves up for later, and those who were here before are not put off for ever.
type shares struct {
	of    map[string]*share
	even  float64 // up to since
	since time.Time
	began uint64 // jobs so far
}

// enter counts a job that waits.
func (m *shares) enter(name string, weight float64, now time.Time) {
	m.settle(now)
	s := m.of[name]
	if s == nil {
		s = &share{since: now}
		m.of[name] = s
	} else {
		s.settle(now)
	}
	s.weight = weight
	if s.waiting+s.running == 0 {
		s.used = max(s.used, m.even)
	}
	s.waiting++
}

// begin moves a job from those that wait to those that run.
func (m *shares) begin(name string, cost int64, now time.Time) {
	m.settle(now)
	m.began++
	s := m.of[name]
	s.settle(now)
	s.held += cost
	s.waiting--
	s.running++
	s.last = m.began
}

// leave ends a job that waits, or one that runs and had cost slots.
func (m *shares) leave(name string, cost int64, now time.Time) {
	m.settle(now)
	s := m.of[name]
	s.settle(now)
	if cost > 0 {
		s.held -= cost
		s.running--
	} else {
		s.waiting--
	}
	m.forget()
}

// settle counts the even share. Who is alone has had just that.
func (m *shares) settle(now time.Time) {
	var held int64
	var weights, had float64
	here := 0
	for _, s := range m.of {
		if s.waiting+s.running > 0 {
			here++
			held += s.held
			weights += s.weight
			had = s.had(now)
		}
	}
	switch {
	case here == 1:
		m.even = had
	case here > 1:
		m.even += float64(held) * now.Sub(m.since).Seconds() / weights
	}
	m.since = now
}

// forget drops those without jobs who would begin with an even share if they came back,
// and all of them when nobody is here.
func (m *shares) forget() {
	here := false
	for _, s := range m.of {
		here = here || s.waiting+s.running > 0
	}
	for name, s := range m.of {
		if s.waiting+s.running == 0 && (!here || s.used <= m.even) {
			delete(m.of, name)
		}
	}
	if !here {
		m.even = 0
	}
}
