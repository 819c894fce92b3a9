package upload

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// dueIndex is what StoreCatalog knows of the unfinished assets without reading their
// records.
type dueIndex struct {
	mu      sync.Mutex
	entries map[string]*dueEntry
	changed chan struct{} // closed, and replaced, when something may have become due
}

// dueEntry is what decides when an asset is due, and before which others.
type dueEntry struct {
	id       string
	intent   bool
	priority int
	created  time.Time
	from     time.Time // not due before
	mark     int64     // the term of its mark in the Store
	taken    bool      // next has returned it, and neither set nor release was called since
}

func newDueIndex() *dueIndex {
	return &dueIndex{entries: map[string]*dueEntry{}, changed: make(chan struct{})}
}

func (x *dueIndex) wake() {
	close(x.changed)
	x.changed = make(chan struct{})
}

func (x *dueIndex) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.entries)
}

// mark returns the term of the asset's mark, where it is unfinished.
func (x *dueIndex) mark(id string) (term int64, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e := x.entries[id]; e != nil {
		return e.mark, true
	}
	return 0, false
}

// set adds an unfinished asset, whose mark is of a term, or replaces what is known of
// it.
func (x *dueIndex) set(a Asset, mark int64) {
	e := &dueEntry{id: a.ID, intent: a.Intent != IntentNone, priority: a.Priority, created: a.Created, from: a.Due, mark: mark}
	if a.Owner != "" && a.Lease.After(e.from) {
		e.from = a.Lease
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries[a.ID] = e
	x.wake()
}

// remove returns the term of the asset's mark, where it was there.
func (x *dueIndex) remove(id string) (mark int64, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.entries[id]
	if ok {
		mark = e.mark
	}
	delete(x.entries, id)
	return mark, ok
}

// putOff is how long an asset waits that could not be claimed: others may be claimed
// meanwhile.
const putOff = 5 * time.Second

// release makes an asset that next returned due again, a little later where its record
// is to blame.
func (x *dueIndex) release(id string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.entries[id]
	if e == nil {
		return
	}
	e.taken = false
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		e.from = time.Now().Add(putOff)
	}
	x.wake()
}

// names returns the ids below after ("" for all) in descending order.
func (x *dueIndex) names(after string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	names := make([]string, 0, len(x.entries))
	for id := range x.entries {
		if after == "" || id < after {
			names = append(names, id)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(b, a) })
	return names
}

// next waits for the first asset that is due and takes it. It returns "" once ended
// is closed.
func (x *dueIndex) next(ctx context.Context, ended <-chan struct{}) (string, error) {
	for {
		id, wait, changed := x.pick(time.Now())
		if id != "" {
			return id, nil
		}
		var after <-chan time.Time
		var timer *time.Timer
		if wait > 0 {
			timer = time.NewTimer(wait)
			after = timer.C
		}
		var err error
		stop := false
		select {
		case <-changed:
		case <-after:
		case <-ended:
			stop = true
		case <-ctx.Done():
			err = ctx.Err()
		}
		if timer != nil {
			timer.Stop()
		}
		if stop || err != nil {
			return "", err
		}
	}
}

// pick takes the first asset that is due at now, or tells how long to wait for the
// next (0 for until changed).
func (x *dueIndex) pick(now time.Time) (id string, wait time.Duration, changed <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var best *dueEntry
	for _, e := range x.entries {
		switch until := e.from.Sub(now); {
		case e.taken:
		case until > 0:
			if wait == 0 || until < wait {
				wait = until
			}
		case best == nil || e.before(best):
			best = e
		}
	}
	if best == nil {
		return "", wait, x.changed
	}
	best.taken = true
	return best.id, 0, nil
}

// before says whether e is claimed before o.
func (e *dueEntry) before(o *dueEntry) bool {
	if e.intent != o.intent {
		return e.intent
	}
	return waitsBefore(e.priority, e.created, e.id, o.priority, o.created, o.id)
}

// waitsBefore is the order of the queue: the higher priority, then the older, then
// the smaller id.
func waitsBefore(p1 int, c1 time.Time, id1 string, p2 int, c2 time.Time, id2 string) bool {
	if p1 != p2 {
		return p1 > p2
	}
	if d := c1.Compare(c2); d != 0 {
		return d < 0
	}
	return id1 < id2
}
