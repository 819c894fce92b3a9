package upload

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"
)

// List yields the assets that match q.
func (c *StoreCatalog) List(ctx context.Context, q Query) iter.Seq2[Asset, error] {
	return func(yield func(Asset, error) bool) {
		names, err := c.candidates(ctx, q)
		if err != nil {
			yield(Asset{}, fmt.Errorf("catalog list: %w", err))
			return
		}
		for n := 0; len(names) > 0; {
			most := readAtOnce
			if q.Limit > 0 {
				most = min(most, q.Limit-n)
			}
			some := names[:min(most, len(names))]
			names = names[len(some):]
			records, err := c.readSome(ctx, some)
			if err != nil {
				yield(Asset{}, fmt.Errorf("catalog list: %w", err))
				return
			}
			for _, r := range records {
				if r == nil || !q.Matches(r.Asset) {
					continue
				}
				if !yield(r.Asset, nil) {
					return
				}
				if n++; n == q.Limit {
					return
				}
			}
		}
	}
}

// readSome reads records at once, in their order. One that is gone, or cannot be read,
// is nil.
func (c *StoreCatalog) readSome(ctx context.Context, names []string) ([]*record, error) {
	records := make([]*record, len(names))
	g, ctx := errgroup.WithContext(ctx)
	for i, id := range names {
		g.Go(func() error {
			r, err := c.read(ctx, id)
			switch {
			case errors.Is(err, ErrNotFound):
				return nil
			case err != nil && (ctx.Err() != nil || !errors.Is(err, errRecord)):
				return err
			case err != nil:
				c.log.Error("An asset's record cannot be read.", "asset", id, "error", err)
				return nil
			}
			records[i] = &r
			return nil
		})
	}
	return records, g.Wait()
}

// candidates returns the ids that may match q in descending order.
func (c *StoreCatalog) candidates(ctx context.Context, q Query) ([]string, error) {
	index := c.index
	switch {
	case !c.owner.sure():
		index = newRecordIndex() // others may write: what is known now is soon wrong
	case q.Status != "" && !q.Status.Terminal():
		return c.due.names(q.After), nil
	}
	if err := index.load(ctx, c.spots); err != nil {
		return nil, err
	}
	return index.below(q.After), nil
}

// spots lists where all records are. The owner removes what counts no more.
func (c *StoreCatalog) spots(ctx context.Context) (map[string]spot, error) {
	spots, olds, waste := map[string]spot{}, map[string]string{}, []string{}
	before := now().Add(-keepGone)
	for info, err := range c.store.List(ctx, c.prefix+"assets/") {
		if err != nil {
			return nil, err
		}
		id, at, ok := c.parseRecord(info.Key)
		if !ok {
			continue
		}
		was, there := spots[id]
		if there && was.follows(at) {
			was, at = at, was
		}
		spots[id] = at
		if there && was.term < at.term { // one of the same term may be about to count
			waste = append(waste, c.recordKey(id, was))
		}
		switch {
		case there:
			delete(olds, id) // stays until it is alone
		case at.gone && info.ModTime.Before(before):
			olds[id] = info.Key
		}
	}
	if !c.owner.held() {
		return spots, nil
	}
	for id, key := range olds {
		delete(spots, id)
		waste = append(waste, key)
	}
	c.discard(ctx, waste)
	return spots, nil
}

// discard removes what counts no more. What stays costs a little room.
func (c *StoreCatalog) discard(ctx context.Context, keys []string) {
	var g errgroup.Group
	g.SetLimit(readAtOnce)
	for _, key := range keys {
		g.Go(func() error {
			err := c.remove(ctx, key)
			if err != nil {
				c.log.Warn("A record that counts no more could not be removed.", "key", key, "error", err)
			}
			return nil
		})
	}
	_ = g.Wait()
}
