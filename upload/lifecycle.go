package upload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// lastWords is how long what must still be written may take after a cancellation; once
// the ctx of Shutdown has ended it is Options.LastWords at most.
const lastWords = 15 * time.Second

// errShutdown is the cause that ends what runs when Shutdown cannot wait.
var errShutdown = errors.New("the pipeline is shutting down")

// lifecycle starts the workers once, lets operations in while it runs, and ends both.
type lifecycle struct {
	over chan struct{} // closed when nothing more is taken on

	mu    sync.Mutex
	phase phase
	lost  error // why nothing more is taken on before Shutdown

	work      sync.WaitGroup // workers and operations
	claimCtx  context.Context
	stopClaim context.CancelFunc
	runCtx    context.Context
	stopRuns  context.CancelCauseFunc
	wordCtx   context.Context // ends last words
	stopWords context.CancelFunc
	ended     chan struct{} // closed when all has ended
}

type phase int

const (
	phaseNew phase = iota
	phaseStarting
	phaseRunning
	phaseStopping
)

func newLifecycle() lifecycle { return lifecycle{over: make(chan struct{})} }

// err says why nothing is taken on, nil while something is.
func (l *lifecycle) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state()
}

func (l *lifecycle) state() error {
	switch {
	case l.phase == phaseStopping:
		return fmt.Errorf("pipeline is %w: it has been shut down", ErrClosed)
	case l.phase != phaseRunning:
		return fmt.Errorf("pipeline is %w: it has not been started", ErrClosed)
	case l.lost != nil:
		return fmt.Errorf("pipeline takes on nothing more: %w", l.lost)
	}
	return nil
}

// lose ends what runs and takes on nothing more, because of err, and says whether that
// is news.
func (l *lifecycle) lose(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase != phaseRunning || l.lost != nil {
		return false
	}
	l.lost = err
	close(l.over)
	l.stopClaim()
	l.stopRuns(errLost)
	return true
}

// starting makes the contexts that workers and operations live in.
func (l *lifecycle) starting() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.phase {
	case phaseStopping:
		return fmt.Errorf("%w: it has been shut down", ErrClosed)
	case phaseStarting, phaseRunning:
		return errors.New("it has been started already")
	}
	l.phase = phaseStarting
	// The contexts outlive Start's: they end with Shutdown.
	l.claimCtx, l.stopClaim = context.WithCancel(context.Background())
	l.runCtx, l.stopRuns = context.WithCancelCause(context.Background())
	l.wordCtx, l.stopWords = context.WithCancel(context.Background())
	l.ended = make(chan struct{})
	return nil
}

// startFailed allows another start.
func (l *lifecycle) startFailed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopClaim()
	l.stopRuns(nil)
	l.stopWords()
	if l.phase == phaseStarting {
		l.phase = phaseNew
	}
	close(l.ended)
}

// started runs the workers, and finally when all work has ended.
func (l *lifecycle) started(workers []func(), finally func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == phaseStarting { // else Shutdown was called meanwhile
		l.phase = phaseRunning
	}
	for _, w := range workers {
		l.work.Go(w)
	}
	go func() {
		defer close(l.ended)
		<-l.claimCtx.Done() // from here on nothing is added to work
		l.work.Wait()
		finally()
		l.stopRuns(nil)
		l.stopWords()
	}()
}

// claims is the context in which new work is taken on; it ends when Shutdown begins.
func (l *lifecycle) claims() context.Context { return l.claimCtx }

// words returns the context of what must still be written: it ends with ctx, after
// limit, and when Shutdown waits no longer.
func (l *lifecycle) words(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	l.mu.Lock()
	wordCtx := l.wordCtx
	l.mu.Unlock()
	if wordCtx == nil {
		return ctx, cancel // before Start
	}
	stop := context.AfterFunc(wordCtx, cancel)
	return ctx, func() { stop(); cancel() }
}

// begin lets an operation in and returns its context, which ends with ctx and when
// Shutdown cannot wait any more, and the function that ends the operation.
func (l *lifecycle) begin(ctx context.Context) (context.Context, func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.state(); err != nil {
		return nil, nil, err
	}
	l.work.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.runCtx, func() { cancel(context.Cause(l.runCtx)) })
	return ctx, func() {
		stop()
		cancel(nil)
		l.work.Done()
	}, nil
}

// stop ends everything: at once what only waits, when ctx ends what runs, and when wait
// has passed from then on whatever is still being written.
func (l *lifecycle) stop(ctx context.Context, wait time.Duration) error {
	l.mu.Lock()
	before := l.phase
	l.phase = phaseStopping
	if before != phaseStopping && l.lost == nil {
		close(l.over)
	}
	if before == phaseRunning || before == phaseStarting {
		l.stopClaim()
	}
	ended := l.ended
	l.mu.Unlock()
	if ended == nil {
		return nil // it was never started
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	l.stopRuns(errShutdown)
	last := time.AfterFunc(wait, l.stopWords)
	defer last.Stop()
	grace := time.NewTimer(2 * lastWords)
	defer grace.Stop()
	select {
	case <-ended:
		return ctx.Err()
	case <-grace.C:
		return fmt.Errorf("%w: something does not stop", ctx.Err())
	}
}
