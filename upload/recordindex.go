package upload

import (
	"context"
	"slices"
	"sync"
	"time"
)

// recordIndex is what the only writer of a catalog knows of all records: where they
// are, as far as it has looked, and from the first list on the ids of all, since a Store
// lists upwards only and lists of assets go down.
type recordIndex struct {
	listing chan struct{} // holds one token while somebody loads

	mu     sync.Mutex
	loaded bool
	spots  map[string]spot
	names  []string        // of those that are not gone, ascending; complete once loaded
	news   map[string]bool // the ids that were put while somebody loads
}

func newRecordIndex() *recordIndex {
	return &recordIndex{listing: make(chan struct{}, 1), spots: map[string]spot{}}
}

// find returns the spot of the record of id, where that is known.
func (x *recordIndex) find(id string) (spot, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if at, ok := x.spots[id]; ok {
		return at, true
	}
	return nowhere, x.loaded
}

// learn takes in where a record was found, unless something later is known.
func (x *recordIndex) learn(id string, at spot) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if was, ok := x.spots[id]; !ok || at.follows(was) {
		x.set(id, at)
	}
}

// unlearn drops that the record is at a spot.
func (x *recordIndex) unlearn(id string, at spot) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.spots[id] == at {
		x.set(id, nowhere)
	}
}

// put takes in where a record has been written.
func (x *recordIndex) put(id string, at spot) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.news != nil {
		x.news[id] = true
	}
	x.set(id, at)
}

func (x *recordIndex) set(id string, at spot) {
	x.spots[id] = at
	if at == nowhere {
		delete(x.spots, id)
	}
	if !x.loaded {
		return
	}
	switch i, there := slices.BinarySearch(x.names, id); {
	case at.gone && there:
		x.names = slices.Delete(x.names, i, i+1)
	case !at.gone && !there:
		x.names = slices.Insert(x.names, i, id)
	}
}

// load makes the index complete, once: list says where all records are.
func (x *recordIndex) load(ctx context.Context, list func(context.Context) (map[string]spot, error)) error {
	select {
	case x.listing <- struct{}{}:
		defer func() { <-x.listing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	x.mu.Lock()
	if x.loaded {
		x.mu.Unlock()
		return nil
	}
	x.news = map[string]bool{}
	x.mu.Unlock()

	spots, err := list(ctx)

	x.mu.Lock()
	defer x.mu.Unlock()
	news := x.news
	x.news = nil
	if err != nil || news == nil { // or forgotten meanwhile
		return err
	}
	for id := range news {
		if at, ok := x.spots[id]; ok {
			spots[id] = at
		} else {
			delete(spots, id)
		}
	}
	names := make([]string, 0, len(spots))
	for id, at := range spots {
		if !at.gone {
			names = append(names, id)
		}
	}
	slices.Sort(names)
	x.spots, x.names, x.loaded = spots, names, true
	return nil
}

// below returns the ids that are smaller than after ("" for all), in descending order.
func (x *recordIndex) below(after string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	end := len(x.names)
	if after != "" {
		end, _ = slices.BinarySearch(x.names, after)
	}
	out := slices.Clone(x.names[:end])
	slices.Reverse(out)
	return out
}

func (x *recordIndex) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.loaded, x.spots, x.names, x.news = false, map[string]spot{}, nil, nil
}

// graves are the deletions of this process whose signs are still there, the oldest
// first. The zero value has none.
type graves struct {
	mu  sync.Mutex
	all []grave
}

type grave struct {
	id    string
	at    spot
	since time.Time
}

func (g *graves) add(id string, at spot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all = append(g.all, grave{id, at, now()})
}

// old returns those that have been there for keepGone, once.
func (g *graves) old() []grave {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for n < len(g.all) && now().Sub(g.all[n].since) >= keepGone {
		n++
	}
	old := g.all[:n:n]
	g.all = g.all[n:]
	return old
}
