package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

var (
	errStalled = errors.New("encoder stalled")
	errTooSlow = errors.New("encoder took too long")
	errExit    = errors.New("encoder ended badly")
)

// Encode runs one ffmpeg for the job, and one before it for subtitles.
func (e *Encoder) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	if !supported {
		return errors.ErrUnsupported
	}
	seal, err := e.sealer(ctx, job)
	if err != nil {
		return orContext(ctx, err)
	}
	in, err := e.open(ctx, job.Source)
	if err != nil {
		return orContext(ctx, err)
	}
	defer func() { _ = in.close() }()
	able, err := e.able(ctx)
	if err != nil {
		return orContext(ctx, err)
	}
	part, err := spanOf(job)
	if err != nil {
		return unfit(err)
	}
	if len(job.Tracks) == 0 {
		return unfit(errors.New("no tracks"))
	}
	text, rest := apart(job)
	for _, job := range []encoder.Job{text, rest} {
		if len(job.Tracks) == 0 {
			continue
		}
		r := &run{e: e, job: job, part: part, in: in, able: able, sealer: seal, emit: emit, act: newActivity(), tracks: map[string]covered{}}
		if err := r.encode(ctx); err != nil {
			return err
		}
		if err := r.finished(); err != nil {
			return err
		}
	}
	return nil
}

// run is one ffmpeg at work on one job.
type run struct {
	e    *Encoder
	job  encoder.Job
	part span // of the timeline
	in   *input
	able abilities
	act  *activity
	// sealer is nil where nothing is encrypted.
	sealer *sealer
	// position and speed are the last that were reported; they belong to who reads the
	// progress.
	position time.Duration
	speed    float64

	mu      sync.Mutex // emit is never called concurrently
	emit    func(encoder.Update) error
	emitErr error
	tracks  map[string]covered
}

func (r *run) encode(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	pipes, err := r.openPipes()
	if err != nil {
		return &encoder.Error{Code: encoder.CodeEncoderFailed, Message: "No pipes could be opened for the encoder. Try again later.", Err: err}
	}
	defer pipes.close()
	args, err := r.args(pipes.progressFD, pipes.progressFD+1)
	if err != nil {
		return unfit(err)
	}
	c := r.e.command(r.e.opts.FFmpeg, r.in, args)
	c.files = pipes.inherited
	c.yields = r.part.first > 0 // somebody may wait for the start of a video, and its sound is soon done
	p, err := start(ctx, c)
	if err != nil {
		return orContext(parent, err)
	}
	pipes.closeWriters()
	r.act.move()

	store := &watchedStore{Store: r.e.store, act: r.act}
	// A killed process may leave pipes that end between two fragments: only its exit
	// tells that the last segment is whole.
	opts := &pack.Options{Fragments: r.part.fragments(r.job.Grid), Encrypt: r.encrypt(), Finish: func(context.Context) error {
		if p.wait() != nil {
			return errExit
		}
		return nil
	}}
	var readers errgroup.Group
	readers.Go(func() error {
		err := readProgress(reader(pipes.progress, r.act.touch), r.part.frames(), r.report)
		return r.ended(cancel, pipes.progress, err)
	})
	for i, t := range r.job.Tracks {
		readers.Go(func() error {
			err := r.pack(ctx, store, t, reader(pipes.outputs[i], r.act.move), opts)
			return r.ended(cancel, pipes.outputs[i], err)
		})
	}
	var watch sync.WaitGroup
	watch.Go(func() { r.act.watch(ctx, r.e.opts.StallTimeout, r.wallTime(), cancel) })

	readErr := readers.Wait()
	procErr := p.wait()
	why := context.Cause(ctx)
	cancel(nil)
	watch.Wait()
	return r.verdict(parent, outcome{read: readErr, process: procErr, store: store.failed(), ended: why, tail: p.stderr})
}

// args is the command line of the run.
func (r *run) args(progressFD, firstOut int) ([]string, error) {
	if r.job.Tracks[0].Kind == hls.Subtitle {
		return r.e.textArgs(r.job, r.in, progressFD, firstOut)
	}
	return r.e.encodeArgs(r.job, r.in, progressFD, firstOut, r.able)
}

// unfit says that a job asks for what its source does not have.
func unfit(err error) error {
	return &encoder.Error{Code: encoder.CodeEncoderFailed, Permanent: true, Message: "The job does not fit its source.", Err: err}
}

// ended stops the process where its reader failed, and reads what is left so that the
// process is never blocked on a pipe that nobody reads.
func (r *run) ended(cancel context.CancelCauseFunc, pipe io.Reader, err error) error {
	if err != nil && !streamEnded(err) {
		cancel(err)
	}
	_, _ = io.Copy(io.Discard, pipe)
	return err
}

// streamEnded says whether err only tells that the process wrote too little: then the
// process knows why.
func streamEnded(err error) bool {
	return errors.Is(err, pack.ErrTruncated) || errors.Is(err, pack.ErrNoFragments) || errors.Is(err, errExit)
}

// wallTime returns how long the encode may take.
func (r *run) wallTime() time.Duration {
	return r.e.opts.MaxWallTime + time.Duration(float64(r.part.work(r.job))/r.e.opts.MinSpeed)
}

// packed forwards what hls/pack has stored.
func (r *run) packed(ev pack.Event) error {
	r.mu.Lock()
	r.cover(ev)
	r.mu.Unlock()
	return r.send(encoder.Update{Init: ev.Init, Segment: ev.Segment})
}

// report forwards progress, which never passes the end of the window.
func (r *run) report(p encoder.Progress) error {
	if p.Position > r.position {
		r.position = p.Position
		r.act.move()
	}
	r.speed = p.Speed
	if end := r.part.duration(); end > 0 {
		p.Position = min(p.Position, end)
	}
	if r.job.Tracks[0].Kind == hls.Subtitle {
		return nil // the pictures and the sound are still to come
	}
	return r.send(encoder.Update{Progress: &p})
}

// finished reports that all is made, which ffmpeg does not say of a short window.
func (r *run) finished() error {
	end := r.part.duration()
	if end <= 0 {
		return nil
	}
	if err := r.report(encoder.Progress{Position: end, Speed: r.speed}); err != nil {
		return fmt.Errorf("encode %s: %w", r.job.ID, err)
	}
	return nil
}

func (r *run) send(u encoder.Update) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.emitErr != nil {
		return r.emitErr
	}
	defer r.act.ours()()
	r.emitErr = r.emit(u)
	return r.emitErr
}

// outcome is how the parts of a run ended.
type outcome struct {
	read, process, store error
	ended                error // why the context ended, if it did
	tail                 *stderrTail
}

// verdict finds the cause among the failures that one cause brings about.
func (r *run) verdict(parent context.Context, o outcome) error {
	var e *encoder.Error
	switch {
	case parent.Err() != nil:
		return fmt.Errorf("encode %s: %w", r.job.ID, parent.Err())
	case r.emitErr != nil:
		return fmt.Errorf("encode %s: %w", r.job.ID, r.emitErr)
	case errors.Is(o.ended, errTooSlow):
		return tooSlow(r.wallTime(), o.tail)
	case errors.Is(o.ended, errStalled):
		return &encoder.Error{Code: encoder.CodeStalled, Stderr: o.tail.String(),
			Message: "The encoder made no progress for " + r.e.opts.StallTimeout.String() + " and was stopped. Try again later."}
	case r.in.failed() != nil:
		return sourceError(r.in.failed())
	case full(o.store):
		return &encoder.Error{Code: encoder.CodeNoSpace, Err: o.store,
			Message: "The storage is full, so the encoded video could not be stored. Try again when there is room."}
	case o.store != nil:
		return &encoder.Error{Code: encoder.CodeStorage, Err: o.store,
			Message: "The encoded video could not be stored. Try again when the store answers and has room."}
	case errors.As(o.read, &e): // a key could not be had
		return e
	case o.read != nil && !streamEnded(o.read):
		return unpackable(o.read, o.tail)
	case errors.As(o.process, &e): // it has not run
		return e
	case o.tail.sawOutOfMemory() && r.e.opts.MaxMemory > 0 && (o.process != nil || o.read != nil):
		return tooMuchMemory(r.e.opts.MaxMemory, o.tail, errors.Join(o.process, o.read))
	case o.tail.sawTruncated():
		return &encoder.Error{Code: encoder.CodeTruncated, Permanent: true, Stderr: o.tail.String(),
			Message: "The file ends before its own index does, so part of it is missing. Upload it again, whole."}
	case o.tail.sawTooLarge() && (o.process != nil || o.read != nil):
		return tooLarge(r.e.opts.MaxPixels, o.tail)
	case o.process != nil:
		return failed(o.tail, o.process)
	case o.read != nil:
		e = &encoder.Error{Code: encoder.CodeCorrupt, Permanent: true, Stderr: o.tail.String(), Err: o.read,
			Message: "No picture or no sound came out of the file, so it is damaged or in a variant that is not supported. Export it again and upload that."}
		return e
	}
	return r.short(o.tail)
}

// pipes are a run's ends of the pipes to the child, and what the child inherits.
type pipes struct {
	inherited  []*os.File // descriptor 3 and up
	writers    []*os.File
	progress   *os.File
	outputs    []*os.File
	progressFD int
}

func (r *run) openPipes() (*pipes, error) {
	p := &pipes{progressFD: firstFD}
	if r.in.file != nil {
		p.inherited = append(p.inherited, r.in.file)
		p.progressFD++
	}
	for n := range len(r.job.Tracks) + 1 {
		pr, pw, err := os.Pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		p.inherited, p.writers = append(p.inherited, pw), append(p.writers, pw)
		if n == 0 {
			p.progress = pr
		} else {
			p.outputs = append(p.outputs, pr)
		}
	}
	return p, nil
}

func (p *pipes) closeWriters() {
	for _, f := range p.writers {
		_ = f.Close()
	}
	p.writers = nil
}

func (p *pipes) close() {
	p.closeWriters()
	if p.progress != nil {
		_ = p.progress.Close()
	}
	for _, f := range p.outputs {
		_ = f.Close()
	}
}
