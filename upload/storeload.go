package upload

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// readAtOnce is how many records are read at a time: a remote bucket takes its time for
// each.
const readAtOnce = 8

// load fills the index of what is due. Nobody else lives, so all leases are void. What
// is read are the marks and the records of unfinished assets, however many others there
// are.
//
// fence says that an earlier owner may only stand still. What that was about to write
// has a mark, because a mark is put before its record and removed behind it; so each
// marked record is written once more, under the new term, and what the earlier owner
// writes when it wakes is overruled already.
func (c *StoreCatalog) load(ctx context.Context, fence bool) error {
	c.due.clear()
	c.index.forget()
	marks := map[string][]int64{}
	for info, err := range c.store.List(ctx, c.prefix+"due/") {
		if err != nil {
			return err
		}
		if id, term, ext, ok := c.parseKey("due/", info.Key); ok && ext == ".due" {
			marks[id] = append(marks[id], term)
		}
	}
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(readAtOnce)
	for id, terms := range marks {
		g.Go(func() error { return c.resume(reading, id, terms, fence) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// resume takes up the asset of id, which has marks of terms.
func (c *StoreCatalog) resume(ctx context.Context, id string, terms []int64, fence bool) error {
	unlock, err := c.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := c.read(ctx, id)
	missing := errors.Is(err, ErrNotFound)
	switch {
	case errors.Is(err, ErrVersion), err != nil && ctx.Err() != nil:
		return err
	case err != nil && !missing:
		c.log.Error("An unfinished asset's record cannot be read.", "asset", id, "error", err)
		return nil
	}
	mark := slices.Max(terms)
	if err == nil && r.Unfinished() && !fence {
		c.due.set(r.void(), mark)
	}
	switch {
	case !fence:
	case missing:
		err = c.erase(ctx, id, r.at, true)
	default:
		if err = c.move(ctx, r); err == nil && r.Unfinished() {
			mark = c.owner.number()
			c.due.set(r.void(), mark)
		}
	}
	if fence && err != nil {
		return err
	}
	for _, term := range terms {
		if _, due := c.due.mark(id); !due || term != mark { // the process died between the mark and the record
			c.unmark(ctx, id, term)
		}
	}
	return nil
}

// void returns the asset without its owner, who does not live.
func (r record) void() Asset {
	a := r.Asset
	a.Owner, a.Lease = "", time.Time{}
	return a
}
