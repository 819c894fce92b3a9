package encoder

import (
	"slices"
	"time"
)

// lane is a waiting room and its slots. Limited.mu guards it.
type lane struct {
	slots, free int64
	waiting     []*waiter // in order of arrival
	running     int       // jobs
	tenants     shares
	assets      map[assetID]*asset // those with jobs
	events      uint64             // so far
}

// waiter is a job in a lane.
type waiter struct {
	job    Job
	cost   int64
	weight int
	// first says that the job has been the next to start and found some free slots, but
	// too few: none of its priority overtakes it any more.
	first bool
	start chan struct{} // closed, under Limited.mu, when the job may start
}

// assetID names what is made: jobs with one Output are parts of one.
type assetID struct{ tenant, output string }

// asset is something with jobs that wait or run.
type asset struct {
	waiting, running int
	since            uint64 // the event at which it came, or last gave a slot back
}

func newLane(slots int64) lane {
	return lane{slots: slots, free: slots, tenants: shares{of: map[string]*share{}}, assets: map[assetID]*asset{}}
}

func (l *lane) newWaiter(job Job) *waiter {
	return &waiter{job: job, cost: l.cost(job), weight: 1, start: make(chan struct{})}
}

// cost is how many slots the job takes.
func (l *lane) cost(job Job) int64 { return min(max(job.Cost, 1), l.slots) }

// most is how many jobs like this one may run at once.
func (l *lane) most(job Job) int { return int(l.slots / l.cost(job)) }

func (w *waiter) asset() assetID { return assetID{w.job.Tenant, w.job.Output} }

// enter puts w into the lane, and says whether it has started.
func (l *lane) enter(w *waiter, now time.Time) bool {
	a := l.assets[w.asset()]
	if a == nil {
		l.events++
		a = &asset{since: l.events}
		l.assets[w.asset()] = a
	}
	a.waiting++
	l.tenants.enter(w.job.Tenant, float64(w.weight), now)
	l.waiting = append(l.waiting, w)
	l.dispatch(now)
	return !slices.Contains(l.waiting, w)
}

// giveUp takes w out, and says whether it was still waiting.
func (l *lane) giveUp(w *waiter, now time.Time) bool {
	i := slices.Index(l.waiting, w)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	l.assets[w.asset()].waiting--
	l.forget(w.asset())
	l.tenants.leave(w.job.Tenant, 0, now)
	l.dispatch(now) // w may have been in the way of others
	return true
}

// leave gives back the slots of a job that has started.
func (l *lane) leave(w *waiter, now time.Time) {
	l.free += w.cost
	l.running--
	a := l.assets[w.asset()]
	l.events++
	a.since = l.events
	a.running--
	l.forget(w.asset())
	l.tenants.leave(w.job.Tenant, w.cost, now)
	l.dispatch(now)
}

// forget drops an asset without jobs.
func (l *lane) forget(id assetID) {
	if a := l.assets[id]; a.waiting+a.running == 0 {
		delete(l.assets, id)
	}
}

// dispatch starts jobs in their order until the next one finds too few free slots.
func (l *lane) dispatch(now time.Time) {
	for len(l.waiting) > 0 && l.free > 0 {
		i := l.next(now)
		w := l.waiting[i]
		if w.cost > l.free {
			w.first = true
			return
		}
		l.free -= w.cost
		l.running++
		a := l.assets[w.asset()]
		a.waiting--
		a.running++
		l.tenants.begin(w.job.Tenant, w.cost, now)
		l.waiting = slices.Delete(l.waiting, i, i+1)
		close(w.start)
	}
}

// next returns the index of the job whose turn it is.
func (l *lane) next(now time.Time) int {
	best := 0
	for i := 1; i < len(l.waiting); i++ {
		if l.before(l.waiting[i], l.waiting[best], now) {
			best = i
		}
	}
	return best
}

// before says whether a starts before b, which came earlier.
func (l *lane) before(a, b *waiter, now time.Time) bool {
	if a.job.Priority != b.job.Priority {
		return a.job.Priority > b.job.Priority
	}
	if a.first != b.first {
		return a.first
	}
	if a.job.Tenant != b.job.Tenant {
		return l.tenants.of[a.job.Tenant].before(l.tenants.of[b.job.Tenant], now)
	}
	if a.job.Output != b.job.Output {
		x, y := l.assets[a.asset()], l.assets[b.asset()]
		if x.running != y.running {
			return x.running < y.running
		}
		return x.since < y.since
	}
	return a.job.Window.First < b.job.Window.First
}
