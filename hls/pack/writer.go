package pack

import (
	"bytes"
	"context"
	"errors"
)

// errStopped ends the reading side when the writing side has failed; the caller sees
// the writer's error instead.
var errStopped = errors.New("writer has stopped")

// writer runs jobs one after the other in the caller's goroutine, beside the
// goroutine that reads the stream: an encoder whose pipe is not drained while a
// segment travels to a far bucket stands still with all its tracks. One job runs and
// none waits, so two segments are in memory at most.
type writer struct {
	jobs   chan func(context.Context) error // closed by the reading side
	spare  chan *bytes.Buffer
	failed chan struct{} // closed when run gives up
}

func newWriter() *writer {
	w := &writer{
		jobs:   make(chan func(context.Context) error),
		spare:  make(chan *bytes.Buffer, 2),
		failed: make(chan struct{}),
	}
	w.spare <- new(bytes.Buffer)
	w.spare <- new(bytes.Buffer)
	return w
}

// run runs jobs until one fails. It returns when the reading side has ended, whatever
// a job does: in a test, emit may well end the goroutine.
func (w *writer) run(ctx context.Context) error {
	ended := false
	defer func() {
		if !ended {
			close(w.failed)
			for open := true; open; { // until the reading side has seen it
				_, open = <-w.jobs
			}
		}
	}()
	for job := range w.jobs {
		if err := job(ctx); err != nil {
			return err
		}
	}
	ended = true
	return nil
}

// do hands over a job once the one before is done.
func (w *writer) do(ctx context.Context, job func(context.Context) error) error {
	select {
	case w.jobs <- job:
		return nil
	case <-w.failed:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// buffer returns an empty buffer; a job gives it back with release. A cutter that
// holds one and hands it over before it asks for another never waits for long.
func (w *writer) buffer(ctx context.Context) (*bytes.Buffer, error) {
	select {
	case b := <-w.spare:
		b.Reset()
		return b, nil
	case <-w.failed:
		return nil, errStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *writer) release(b *bytes.Buffer) { w.spare <- b }

// stopped says whether a job has failed or ctx has ended.
func (w *writer) stopped(ctx context.Context) error {
	select {
	case <-w.failed:
		return errStopped
	default:
		return ctx.Err()
	}
}
