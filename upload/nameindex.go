package upload

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/vodkit/vodkit/storage"
)

// nameIndex keeps the ids of all records in memory from the first list on, since a
// Store lists upwards only and lists of assets go down. The only writer of the
// catalog keeps it true.
type nameIndex struct {
	mu     sync.Mutex
	loaded bool
	names  []string // ascending
}

// below returns the ids under prefix that are smaller than after ("" for all) in
// descending order. It remembers them where keep is set.
func (x *nameIndex) below(ctx context.Context, store storage.Store, prefix, after string, keep bool) ([]string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	names := x.names
	if !x.loaded {
		names = nil
		for info, err := range store.List(ctx, prefix) {
			if err != nil {
				return nil, err
			}
			if id, ok := strings.CutSuffix(strings.TrimPrefix(info.Key, prefix), ".json"); ok && ValidID(id) == nil {
				names = append(names, id)
			}
		}
		slices.Sort(names) // by id: in keys ".json" sorts before "0"
		if keep {
			x.names, x.loaded = names, true
		}
	}
	end := len(names)
	if after != "" {
		end, _ = slices.BinarySearch(names, after)
	}
	out := slices.Clone(names[:end])
	slices.Reverse(out)
	return out, nil
}

func (x *nameIndex) add(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i, ok := slices.BinarySearch(x.names, id); x.loaded && !ok {
		x.names = slices.Insert(x.names, i, id)
	}
}

func (x *nameIndex) remove(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i, ok := slices.BinarySearch(x.names, id); x.loaded && ok {
		x.names = slices.Delete(x.names, i, i+1)
	}
}

func (x *nameIndex) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.names, x.loaded = nil, false
}
