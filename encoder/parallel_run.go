package encoder

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// fanout is one job that runs in parts.
type fanout struct {
	enc    Encoder
	job    Job
	plan   division
	beside int // Job.Beside of windows

	// pictured is closed when the first segment has its pictures, see await.
	pictured chan struct{}

	mu     sync.Mutex // guards what follows; held while emit runs, which is never concurrent
	merger merger
	cancel context.CancelFunc
	active map[*part]context.CancelFunc
	failed error // why all is stopped
	// cut is the window that ended the timeline too early, and short what it said; the
	// sound's error is there without a window.
	cut   *part
	short error
}

// part is a window, or the sound.
type part struct {
	job     Job
	sound   bool
	length  time.Duration   // of its part of the timeline
	next    map[string]int  // number of the segment that is due, by track
	made    time.Duration   // how much of length
	done    <-chan struct{} // closed when it is to stop
	waited  bool            // as await does
	stopped bool            // nothing that it emits counts any more
}

func newFanout(enc Encoder, job Job, d division, workers int, emit func(Update) error) *fanout {
	f := &fanout{
		enc: enc, job: job, plan: d, merger: newMerger(job, d, emit), active: map[*part]context.CancelFunc{},
		pictured: make(chan struct{}), beside: workers - 1,
	}
	if l, limited := enc.(*Limited); limited {
		f.beside = min(f.beside, l.pictures.most(job)-1)
	}
	if len(d.missing) == 0 || d.missing[0].First > 0 {
		close(f.pictured) // there are some already
	}
	return f
}

// run starts one window after the other, as workers become free, with the first of them
// the sound, and returns when all have ended.
func (f *fanout) run(parent context.Context, windows []Window, workers int) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	f.cancel = cancel
	var wg sync.WaitGroup
	all := true
	start := func(p *part, then func()) {
		run, ok := f.begin(ctx, p)
		if !ok {
			all = false
			return
		}
		wg.Go(func() {
			defer then()
			f.encode(p, run)
		})
	}
	free := make(chan struct{}, workers)
	for number, w := range windows {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
		}
		if start(f.windowPart(w, number, len(windows)-number-1), func() { <-free }); !all {
			break
		}
		if number == 0 && len(f.plan.sound) > 0 { // behind the window, which may be refused
			start(f.soundPart(), func() {})
		}
	}
	if len(windows) == 0 {
		start(f.soundPart(), func() {})
	}
	wg.Wait()
	return f.result(parent, all)
}

func (f *fanout) soundPart() *part {
	job := f.job
	job.ID += "-sound"
	job.Tracks, job.Done = f.plan.sound, nil
	job.Cost = 0 // that of the pictures
	return newPart(job, job.Grid.Duration(), true)
}

func (f *fanout) windowPart(w Window, number, behind int) *part {
	job := f.job
	job.ID += "-w" + strconv.Itoa(number)
	job.Tracks, job.Done, job.Window = f.plan.video, nil, w
	if w.First > 0 { // the start is what somebody waits for
		job.Beside = min(f.beside, behind) // nothing takes the place of the last ones
	}
	return newPart(job, job.Grid.between(w.First, w.First+w.Segments), false)
}

func newPart(job Job, length time.Duration, sound bool) *part {
	p := &part{job: job, sound: sound, length: length, next: map[string]int{}}
	for _, t := range job.Tracks {
		p.next[t.ID] = job.Window.First
	}
	return p
}

// begin makes p one of those that run, unless it should not any more. What it returns
// runs p and must be called.
func (f *fanout) begin(ctx context.Context, p *part) (run func(emit func(Update) error) error, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil || f.behindCut(p) {
		return nil, false
	}
	ctx, f.active[p] = context.WithCancel(ctx)
	p.done = ctx.Done()
	if l, limited := f.enc.(*Limited); limited { // the goroutines may run in another order
		return l.queue(ctx, p.job), true
	}
	return func(emit func(Update) error) error { return f.enc.Encode(ctx, p.job, emit) }, true
}

// behindCut says whether the timeline ends before p.
func (f *fanout) behindCut(p *part) bool {
	return f.cut != nil && !p.sound && p.job.Window.First > f.cut.job.Window.First
}

// encode runs a part that has its place in the queue.
func (f *fanout) encode(p *part, run func(emit func(Update) error) error) {
	err := gaveUp("encode ended its goroutine")
	defer func() { f.ended(p, err) }()
	err = f.try(p, run)
}

func (f *fanout) try(p *part, run func(emit func(Update) error) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = broke(v)
		}
	}()
	if err := run(func(u Update) error { return f.update(p, u) }); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.stopped {
		return errStopped
	}
	return f.merger.finished(p)
}

// gaveUp is the error of what neither returned nor panicked.
func gaveUp(what string) error {
	return &Error{Code: CodeEncoderFailed, Message: "The encoder gave up without a word. Try again.", Err: errors.New(what)}
}

// broke is the error of what panicked with v; the panicking function's deferred call
// makes it.
func broke(v any) error {
	return &Error{Code: CodeEncoderFailed, Message: "The encoder broke. Try again, and tell the service's operator if that does not help.",
		Err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
}

// errStopped ends an encode whose output is of no use.
var errStopped = errors.New("stopped: the timeline ends before this window")

// awaitPictures bounds how long the sound waits for the first pictures: they may be in a
// queue that it has no part in.
const awaitPictures = 15 * time.Second

// await has the sound's second segment wait for the first pictures. Somebody waits for those to
// play, and the sound would be made in a good part of the time that they take.
func (f *fanout) await(p *part, u Update) {
	if !p.sound || p.waited || u.Segment == nil || u.Segment.Number == 0 || !isSound(p.job, u.Segment.Track) {
		return
	}
	p.waited = true
	select {
	case <-f.pictured:
		return
	default:
	}
	late := time.NewTimer(awaitPictures)
	defer late.Stop()
	select {
	case <-f.pictured:
	case <-p.done:
	case <-late.C:
	}
}

// isSound says whether the job encodes sound for the track.
func isSound(job Job, track string) bool {
	for _, t := range job.Tracks {
		if t.ID == track {
			return t.Kind == hls.Audio && !t.Copy
		}
	}
	return false
}

// picture notes that a window goes on or has ended. The caller holds mu.
func (f *fanout) picture(p *part, ended bool) {
	if p.sound || p.job.Window.First > 0 {
		return
	}
	for _, next := range p.next {
		if next == 0 && !ended {
			return
		}
	}
	select {
	case <-f.pictured:
	default:
		close(f.pictured)
	}
}

// update takes what a part emits.
func (f *fanout) update(p *part, u Update) error {
	f.await(p, u)
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.picture(p, false)
	switch {
	case f.merger.err != nil:
		return f.merger.err
	case p.stopped:
		return errStopped
	}
	if err := f.merger.take(p, u); err != nil {
		p.stopped = true
		f.fail(err)
		return err
	}
	return nil
}

// ended takes the result of a part.
func (f *fanout) ended(p *part, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active[p]()
	delete(f.active, p)
	f.picture(p, true)
	var e *Error
	switch {
	case err == nil || p.stopped:
	case !errors.As(err, &e) || e.Code != CodeTruncated:
		f.fail(err)
	case p.sound:
		if f.short == nil {
			f.short = err
		}
	case f.cut == nil || p.job.Window.First < f.cut.job.Window.First:
		f.cut, f.short = p, err
		for q, cancel := range f.active {
			if f.behindCut(q) {
				q.stopped = true
				cancel()
			}
		}
	}
}

// fail stops all for a reason; the first counts.
func (f *fanout) fail(err error) {
	if f.failed == nil {
		f.failed = err
	}
	f.cancel()
}

// result is what Encode returns when all parts have ended; all says that every window
// has run.
func (f *fanout) result(parent context.Context, all bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case parent.Err() != nil && (f.failed != nil || !all):
		return fmt.Errorf("encode %s: %w", f.job.ID, parent.Err())
	case f.failed != nil:
		return fmt.Errorf("encode %s: %w", f.job.ID, f.failed)
	case f.short != nil:
		return fmt.Errorf("encode %s: %w", f.job.ID, f.short)
	}
	return nil
}
