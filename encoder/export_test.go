package encoder

import "iter"

// Shares returns who is remembered, by lane and name.
func (l *Limited) Shares() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, lane := range []*lane{&l.pictures, &l.sound} {
			for name := range lane.tenants.of {
				if !yield("tenant "+name, 1) {
					return
				}
			}
			for id := range lane.assets {
				if !yield("asset "+id.output, 1) {
					return
				}
			}
		}
	}
}
