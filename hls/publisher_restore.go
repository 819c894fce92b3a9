package hls

import "fmt"

// Restore takes what an earlier Publisher of the attempt had accepted, in any order,
// and publishes nothing: the next Init or Segment that is new does, or Finish. It comes
// before any of those. All that is in the attempt's growing playlists has to be among it (see
// PublisherOptions.Record), since they are written anew from it and may only grow.
//
// Errors are those of Init and Segment.
func (p *Publisher) Restore(inits []Init, segments []Segment) error {
	for _, init := range inits {
		if _, err := p.acceptInit(init); err != nil {
			return fmt.Errorf("hls: restore: %w", err)
		}
	}
	for _, s := range segments {
		if _, err := p.acceptSegment(s); err != nil {
			return fmt.Errorf("hls: restore: %w", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restored, p.resumed = true, true
	return nil
}
