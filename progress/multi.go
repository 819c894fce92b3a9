package progress

import (
	"context"
	"slices"
)

// Multi returns a Sink that hands every event to each of the sinks, in their order.
// Nil ones are skipped, so that optional sinks need no branch.
func Multi(sinks ...Sink) Sink {
	return multi(slices.DeleteFunc(slices.Clone(sinks), func(s Sink) bool { return s == nil }))
}

type multi []Sink

var _ Sink = multi(nil)

func (m multi) Report(ctx context.Context, e Event) {
	for _, s := range m {
		s.Report(ctx, e)
	}
}
