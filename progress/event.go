// Package progress tells how far an asset is.
//
// An [Event] is the whole state of one asset at one moment, not a difference: a
// reader that misses some is right again with the next. Producers hand events to a
// [Sink], which never blocks them. A service wires its sinks together once and hands
// the result to whatever produces events (upload.Pipeline):
//
//	hub := sse.NewHub(&sse.Options{Authorize: authorize})
//	done := progress.NewHandlers(&progress.HandlersOptions{
//		OnComplete: func(ctx context.Context, e progress.Event) { mail(ctx, e.Asset) },
//		Logger:     logger,
//	})
//	sink := progress.Multi(hub, done, progress.Throttle(metrics, 10*time.Second))
//	defer done.Close(ctx) // after the producer has been shut down
//
// [Multi] fans out, [Throttle] thins, [Chan] is a channel, [Handlers] calls back on
// completion and failure, and package progress/sse streams events to browsers. A sink
// of one's own is a [SinkFunc], or a type that passes progresstest.RunSink.
//
// A producer passes what it reports through a [Guard], which holds it to what Event
// promises, and measures speed and remaining time with an [Estimator].
package progress

import (
	"context"
	"time"
)

// Sink receives events. Report never blocks its caller beyond a moment: a sink that
// needs time (a network, a slow reader) queues or drops by itself. It may be called
// concurrently; events of one asset arrive in order. Report must not keep ctx.
type Sink interface {
	Report(ctx context.Context, e Event)
}

// SinkFunc makes a function a Sink.
type SinkFunc func(ctx context.Context, e Event)

// Report calls f.
func (f SinkFunc) Report(ctx context.Context, e Event) { f(ctx, e) }

// Status is where an asset stands.
type Status string

// The four states. COMPLETE and ERROR are terminal: an attempt has exactly one
// terminal event, and it is the last. A retry or a replaced source is a new attempt
// and starts at READY.
const (
	Ready    Status = "READY"    // accepted and kept, waiting for its turn
	Running  Status = "RUNNING"  // being probed, encoded or published
	Complete Status = "COMPLETE" // every rendition is whole and published
	Error    Status = "ERROR"    // ended without; Event.Error says why
)

// Terminal says whether s is COMPLETE or ERROR: the attempt has ended.
func (s Status) Terminal() bool { return s == Complete || s == Error }

// Stage is what is being done to a READY or RUNNING asset.
type Stage string

// The stages, in their order.
const (
	StageQueued     Stage = "queued"
	StageFetching   Stage = "fetching" // the source comes from another server
	StageProbing    Stage = "probing"
	StageEncoding   Stage = "encoding"
	StagePublishing Stage = "publishing"
)

// Event is the state of one asset. In JSON durations are seconds with a fraction and
// what is unknown is left out (see [Event.MarshalJSON]).
type Event struct {
	Asset  string
	Tenant string
	// Attempt names the encoding that the event tells of. Within one attempt Fraction,
	// Position and Front never go back.
	Attempt string
	Status  Status
	Stage   Stage // "" once terminal
	// Fraction is how much of the attempt is done, from 0 to 1; never NaN. 1 only when
	// COMPLETE.
	Fraction float64
	// Position is how much of the timeline has been encoded, Duration how long it is (0
	// while unknown), Front how far it can be played from the start.
	Position, Duration, Front time.Duration
	// Speed is encoded time over wall time: 2 means twice real time. 0 while unknown.
	Speed float64
	// ETA is the time that the rest will take, 0 while unknown.
	ETA time.Duration
	// Queue is the asset's place among those that wait, 1 for the next, 0 for none.
	Queue int
	// Playlist is where the video can be played, once it can: the key of the
	// multivariant playlist in the Store, or whatever the host maps it to.
	Playlist string
	// Error says why the attempt failed; nil unless Status is ERROR.
	Error *Failure
	// Time is when this became true.
	Time time.Time
}

// Milestone says whether next differs from prev in more than how far it is: in its
// attempt, status, stage or failure, or in that it can be played now. Sinks that thin
// events hold up everything but milestones.
func Milestone(prev, next Event) bool {
	return prev.Attempt != next.Attempt || prev.Status != next.Status || prev.Stage != next.Stage ||
		prev.Playlist != next.Playlist || !sameFailure(prev.Error, next.Error)
}

func sameFailure(a, b *Failure) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Failure is why an asset is in ERROR.
type Failure struct {
	// Code is stable and for programs: see the table of codes in package upload.
	Code string `json:"code"`
	// Message is a sentence for people that says what to do.
	Message string `json:"message"`
	// Permanent says that the same source will fail again; false means that a retry may
	// help.
	Permanent bool `json:"permanent"`
}

// Codes of failures that end an asset without the encoder's fault.
const (
	CodeCancelled = "cancelled" // someone cancelled the encode
	CodeDeleted   = "deleted"   // someone deleted the asset
)
