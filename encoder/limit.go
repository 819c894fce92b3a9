package encoder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// LimitOptions tune Limit.
type LimitOptions struct {
	// Backlog is how many jobs may wait; another is refused with ErrBacklogFull. A part
	// of what has begun is not refused: a window behind the first, and a job whose Output
	// has other jobs that wait or run. A negative Backlog lets none wait. Defaults to
	// 1000.
	Backlog int
	// Weight returns how large a tenant's share of the slots is beside the others'; less
	// than 1 counts as 1. It is called for each job, also concurrently. Defaults to nil, 1
	// for all.
	Weight func(tenant string) int
}

// Limited is an Encoder whose jobs take turns; make one with [Limit].
type Limited struct {
	enc     Encoder
	backlog int
	weight  func(tenant string) int

	mu       sync.Mutex
	pictures lane
	sound    lane
}

var (
	_ Encoder       = (*Limited)(nil)
	_ Prober        = (*Limited)(nil)
	_ Fingerprinter = (*Limited)(nil)
)

// Limit bounds how much enc does at once: jobs run as long as their costs sum to at
// most slots (at least 1). A job whose Cost is 0 takes one slot, and one that costs
// more than all slots takes all.
//
// Sound is light, and so are pictures that are copied: a job without a video track that has
// to be encoded takes none of these slots, whatever its Cost. At most slots such jobs run
// at once beside the others, so that the sound of a film never waits for its pictures, nor
// they for it. Count on that many small processes more.
//
// Other jobs wait, up to LimitOptions.Backlog of them. The next to start is decided by,
// in this order:
//
//   - the highest Priority;
//   - the tenant that has had the least of the slots' time for its weight; who comes new,
//     or comes back, begins with an even share;
//   - the asset, which is the Output, with the fewest running jobs, and then the one that
//     came or gave a slot back longest ago;
//   - the window that comes first on the timeline, and then the job that came first.
//
// So tenants that always have jobs waiting share the slots in the ratio of their weights,
// and a short clip that comes while the windows of a long film wait starts with the next
// slot that is given back.
//
// A heavy job whose turn it is, and for which too few of the free slots are left, is not
// passed by lighter ones, except for jobs with a higher priority.
//
// A job whose context ends while it waits gives up its place at once. Limit starts no
// goroutine and needs no closing.
func Limit(enc Encoder, slots int64, opts *LimitOptions) *Limited {
	slots = max(slots, 1)
	l := &Limited{enc: enc, backlog: 1000, pictures: newLane(slots), sound: newLane(slots)}
	if opts != nil {
		l.weight = opts.Weight
		if opts.Backlog != 0 {
			l.backlog = max(opts.Backlog, 0)
		}
	}
	return l
}

// Encode waits for the job's turn and runs it. Errors of its own match ErrBacklogFull
// or ctx.Err().
func (l *Limited) Encode(ctx context.Context, job Job, emit func(Update) error) error {
	return l.queue(ctx, job)(emit)
}

// queue gives the job its place among those that wait. What it returns does the rest of
// Encode and must be called.
func (l *Limited) queue(ctx context.Context, job Job) func(emit func(Update) error) error {
	lane := &l.pictures
	if light(job.Tracks) {
		lane = &l.sound
	}
	w := lane.newWaiter(job)
	if lane == &l.sound {
		w.cost = 1
	}
	if l.weight != nil {
		w.weight = max(l.weight(job.Tenant), 1)
	}
	err := ctx.Err()
	if err == nil {
		err = l.enter(lane, w)
	}
	return func(emit func(Update) error) error {
		if err == nil {
			err = l.wait(ctx, lane, w)
		}
		if err != nil {
			return fmt.Errorf("encode job %q: %w", job.ID, err)
		}
		defer l.leave(lane, w)
		return l.enc.Encode(ctx, job, emit)
	}
}

// Probe asks the encoder that is limited, at once: probes take no slot. It returns
// errors.ErrUnsupported where that is no Prober.
func (l *Limited) Probe(ctx context.Context, src Source) (Media, error) {
	return probe(ctx, l.enc, src)
}

// Fingerprint asks the encoder that is limited. It returns errors.ErrUnsupported where
// that is no Fingerprinter.
func (l *Limited) Fingerprint(ctx context.Context) (string, error) { return fingerprint(ctx, l.enc) }

// Waiting returns how many jobs wait for their turn.
func (l *Limited) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting()
}

func (l *Limited) waiting() int { return len(l.pictures.waiting) + len(l.sound.waiting) }

// Running returns how many jobs run.
func (l *Limited) Running() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pictures.running + l.sound.running
}

// wait returns nil when w holds its slots, and gives up its place when ctx ends.
func (l *Limited) wait(ctx context.Context, lane *lane, w *waiter) error {
	select {
	case <-w.start:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	started := !lane.giveUp(w, time.Now())
	l.mu.Unlock()
	if started { // at the same moment
		l.leave(lane, w)
	}
	return ctx.Err()
}

// enter puts w among those that wait, and starts it where it can start now.
func (l *Limited) enter(lane *lane, w *waiter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	begun := w.job.Window.First > 0 || w.job.Output != "" && (l.pictures.assets[w.asset()] != nil || l.sound.assets[w.asset()] != nil)
	now := time.Now()
	if lane.enter(w, now) || begun || l.waiting() <= l.backlog {
		return nil
	}
	lane.giveUp(w, now)
	return ErrBacklogFull
}

// leave gives back the slots of a job that was started.
func (l *Limited) leave(lane *lane, w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane.leave(w, time.Now())
}

// light says whether there are tracks, and none with pictures to be encoded.
func light(tracks []TrackSpec) bool {
	return len(tracks) > 0 && !slices.ContainsFunc(tracks, TrackSpec.heavy)
}

// heavy says whether pictures have to be decoded for the track.
func (t TrackSpec) heavy() bool { return t.Kind == hls.Image || t.Kind == hls.Video && !t.Copy }

// probe asks enc, where it is a Prober.
func probe(ctx context.Context, enc Encoder, src Source) (Media, error) {
	if p, ok := enc.(Prober); ok {
		return p.Probe(ctx, src)
	}
	return Media{}, fmt.Errorf("probe with %T: %w", enc, errors.ErrUnsupported)
}

// fingerprint asks enc, where it is a Fingerprinter.
func fingerprint(ctx context.Context, enc Encoder) (string, error) {
	if f, ok := enc.(Fingerprinter); ok {
		return f.Fingerprint(ctx)
	}
	return "", fmt.Errorf("fingerprint of %T: %w", enc, errors.ErrUnsupported)
}
