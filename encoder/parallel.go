package encoder

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// ParallelOptions tune Parallel.
type ParallelOptions struct {
	// First is how many segments the first window of a job has, where Job.Done has nothing of
	// the start: the fewer, the sooner something can be played. Defaults to 1.
	First int
	// Longest is about how long windows become; each is twice as long as the one before
	// until then, but none has more than a worker's share of what is left. Defaults to 1
	// minute.
	Longest time.Duration
	// Workers is how many windows of one job may wait or run in the encoder at once; its
	// sound comes on top. Defaults to runtime.NumCPU().
	Workers int
}

// Windowed is an Encoder that encodes the windows of a timeline side by side; make one
// with [Parallel].
type Windowed struct {
	enc     Encoder
	first   int
	longest time.Duration
	workers int
}

var (
	_ Encoder       = (*Windowed)(nil)
	_ Prober        = (*Windowed)(nil)
	_ Fingerprinter = (*Windowed)(nil)
)

// Parallel encodes each job as windows of its timeline, in jobs of their own: first a
// short one, so that the video can be played soon, then longer ones. Windows begin in
// the order of the timeline, up to ParallelOptions.Workers of them at once, and what they
// emit is handed on as it comes: in order within a window, and with an Init for a track
// once. All sound, and pictures that are copied, are one more job over the whole timeline,
// which begins with the first window and waits, for 15 seconds at most, behind its first
// segment until that has its pictures; images are made with what is encoded. To bound how
// much runs at once over several jobs, wrap a [Limited].
//
// What Job.Done has is not made again, so far as all video and image tracks have it, or a sound
// track has all of it. A job with nothing left to do succeeds at once.
//
// A job is handed on as it is where its Media is not Windowable, where it has no video
// track to be encoded or a Window already, and where its timeline is unknown or shorter than two
// segments.
//
// Where a window ends with CodeTruncated, the timeline ends there: later windows are
// stopped, those before are finished, and then that error is returned. The sound is
// finished in any case. Every other failure stops all. What an encoder panics with is a
// failure too. Where a window's Init differs from that of the windows before, the job
// fails with CodeEncoderFailed, because the two could not be played as one.
//
// Progress.Position is the sum of what has been made of the windows, and Speed compares
// that with the time since the first of them got to work.
func Parallel(enc Encoder, opts *ParallelOptions) *Windowed {
	w := &Windowed{enc: enc, first: 1, longest: time.Minute, workers: runtime.NumCPU()}
	if opts != nil {
		if opts.First > 0 {
			w.first = opts.First
		}
		if opts.Longest > 0 {
			w.longest = opts.Longest
		}
		if opts.Workers > 0 {
			w.workers = opts.Workers
		}
	}
	return w
}

// Encode runs the job in windows and returns when all have ended.
func (w *Windowed) Encode(ctx context.Context, job Job, emit func(Update) error) error {
	d, ok := divide(job)
	switch {
	case !ok:
		return w.enc.Encode(ctx, job, emit)
	case ctx.Err() != nil:
		return fmt.Errorf("encode %s: %w", job.ID, ctx.Err())
	case d.nothing():
		return nil
	}
	return newFanout(w.enc, job, d, w.workers, emit).run(ctx, windows(job.Grid, d.missing, w.first, segmentsIn(w.longest, job.Grid), w.workers), w.workers)
}

// Probe asks the encoder that is wrapped. It returns errors.ErrUnsupported where that is
// no Prober.
func (w *Windowed) Probe(ctx context.Context, src Source) (Media, error) {
	return probe(ctx, w.enc, src)
}

// Fingerprint asks the encoder that is wrapped: how a timeline is cut into windows does
// not decide what can be joined. It returns errors.ErrUnsupported where that is no
// Fingerprinter.
func (w *Windowed) Fingerprint(ctx context.Context) (string, error) { return fingerprint(ctx, w.enc) }
