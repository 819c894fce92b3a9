package encoder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"
)

// LimitOptions tune Limit.
type LimitOptions struct {
	// Backlog is how many jobs may wait; another is refused with ErrBacklogFull. A
	// negative Backlog lets none wait. Defaults to 1000.
	Backlog int
}

// Limited is an Encoder whose jobs take turns; make one with [Limit].
type Limited struct {
	enc     Encoder
	slots   int64
	backlog int
	free    *semaphore.Weighted // slots; acquired under mu only, and never waited for

	mu      sync.Mutex
	waiting []*waiter // in order of arrival
	running int       // jobs
	tenants map[string]*tenant
	served  uint64 // jobs started so far
}

// waiter is a job in the waiting room.
type waiter struct {
	job  Job
	cost int64
	// first says that the job has been the next to start and found too few free slots:
	// none of its priority overtakes it any more.
	first bool
	start chan struct{} // closed, under mu, when the job may start
}

// tenant is somebody with jobs that wait or run.
type tenant struct {
	waiting, running int
	served           uint64 // when one of its jobs last started, counted in jobs
}

var (
	_ Encoder = (*Limited)(nil)
	_ Prober  = (*Limited)(nil)
)

// Limit bounds how much enc does at once: jobs run as long as their costs sum to at
// most slots (at least 1). A job whose Cost is 0 takes one slot, and one that costs
// more than all slots takes all.
//
// Other jobs wait, up to LimitOptions.Backlog of them. The next to start is the one
// with the highest Priority; among equals, that of the tenant with the fewest running
// jobs, of the tenant that was served longest ago, and then the one that came first.
// Nothing lighter slips in before a heavy job whose turn it is, except for jobs with
// a higher priority.
//
// A job whose context ends while it waits gives up its place at once. Limit starts no
// goroutine and needs no closing.
func Limit(enc Encoder, slots int64, opts *LimitOptions) *Limited {
	l := &Limited{enc: enc, slots: max(slots, 1), backlog: 1000, tenants: map[string]*tenant{}}
	l.free = semaphore.NewWeighted(l.slots)
	if opts != nil && opts.Backlog != 0 {
		l.backlog = max(opts.Backlog, 0)
	}
	return l
}

// Encode waits for the job's turn and runs it. Errors of its own match ErrBacklogFull
// or ctx.Err().
func (l *Limited) Encode(ctx context.Context, job Job, emit func(Update) error) error {
	w := &waiter{job: job, cost: min(max(job.Cost, 1), l.slots), start: make(chan struct{})}
	if err := l.wait(ctx, w); err != nil {
		return fmt.Errorf("encode job %q: %w", job.ID, err)
	}
	defer l.leave(w)
	return l.enc.Encode(ctx, job, emit)
}

// Probe asks the encoder that is limited, at once: probes take no slot. It returns
// errors.ErrUnsupported where that is no Prober.
func (l *Limited) Probe(ctx context.Context, src Source) (Media, error) {
	if p, ok := l.enc.(Prober); ok {
		return p.Probe(ctx, src)
	}
	return Media{}, fmt.Errorf("probe with %T: %w", l.enc, errors.ErrUnsupported)
}

// Waiting returns how many jobs wait for their turn.
func (l *Limited) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// Running returns how many jobs run.
func (l *Limited) Running() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running
}

// wait returns nil when w holds its slots.
func (l *Limited) wait(ctx context.Context, w *waiter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.enter(w); err != nil {
		return err
	}
	select {
	case <-w.start:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.waiting, w)
	if i >= 0 {
		l.remove(i)
		l.dispatch() // w may have been in the way of others
	}
	l.mu.Unlock()
	if i < 0 { // it was started at the same moment
		l.leave(w)
	}
	return ctx.Err()
}

// enter puts w among those that wait, and starts it where it can start now.
func (l *Limited) enter(w *waiter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenants[w.job.Tenant]
	if t == nil {
		t = &tenant{}
		l.tenants[w.job.Tenant] = t
	}
	t.waiting++
	l.waiting = append(l.waiting, w)
	l.dispatch()
	if len(l.waiting) > l.backlog { // w could not start and is the last
		l.remove(len(l.waiting) - 1)
		return ErrBacklogFull
	}
	return nil
}

// leave gives back the slots of a job that was started.
func (l *Limited) leave(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free.Release(w.cost)
	l.running--
	l.tenants[w.job.Tenant].running--
	l.forget(w.job.Tenant)
	l.dispatch()
}

// dispatch starts jobs in their order until the next one finds too few free slots.
func (l *Limited) dispatch() {
	for len(l.waiting) > 0 {
		i := l.next()
		w := l.waiting[i]
		if !l.free.TryAcquire(w.cost) {
			w.first = true
			return
		}
		t := l.tenants[w.job.Tenant]
		t.running++
		l.running++
		l.served++
		t.served = l.served
		l.remove(i)
		close(w.start)
	}
}

// next returns the index of the job whose turn it is.
func (l *Limited) next() int {
	best := 0
	for i := 1; i < len(l.waiting); i++ {
		if l.before(l.waiting[i], l.waiting[best]) {
			best = i
		}
	}
	return best
}

// before says whether a starts before b, which came earlier.
func (l *Limited) before(a, b *waiter) bool {
	if a.job.Priority != b.job.Priority {
		return a.job.Priority > b.job.Priority
	}
	if a.first != b.first {
		return a.first
	}
	s, t := l.tenants[a.job.Tenant], l.tenants[b.job.Tenant]
	if s.running != t.running {
		return s.running < t.running
	}
	return s.served < t.served
}

// remove takes the waiter with the index out of the room.
func (l *Limited) remove(i int) {
	name := l.waiting[i].job.Tenant
	l.waiting = slices.Delete(l.waiting, i, i+1)
	l.tenants[name].waiting--
	l.forget(name)
}

// forget drops a tenant with nothing to do.
func (l *Limited) forget(name string) {
	if t := l.tenants[name]; t.waiting == 0 && t.running == 0 {
		delete(l.tenants, name)
	}
}
