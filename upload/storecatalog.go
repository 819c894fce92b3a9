package upload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// StoreCatalogOptions shape NewStoreCatalog.
type StoreCatalogOptions struct {
	// Prefix is where the records are in the Store, with a slash at its end. Keep it
	// outside of what is served. Defaults to "catalog/".
	Prefix string
	// Heartbeat is how often the owner shows that it lives. A process that dies without
	// Close is succeeded after three of them. At most a minute. Defaults to 5 seconds.
	Heartbeat time.Duration
	// Logger is told of records that cannot be read and of a lost ownership. Defaults to
	// nil, silent.
	Logger *slog.Logger
}

// StoreCatalog is the Catalog that keeps JSON in the Store.
//
//	catalog/owner/<n>.json        who owns the catalog, for the n-th time, renewed by a heartbeat
//	catalog/assets/<id>/<n>.json  the records, as the n-th owner wrote them; the highest n counts
//	catalog/assets/<id>/<n>.gone  signs of deletions, for a day, where an earlier owner may be frozen
//	catalog/due/<id>/<n>.due      marks of the unfinished ones, which Start reads instead of
//	                              all records
//
// Before Start and after Close it can be read but not written. A record that cannot
// be read is logged and left out of lists.
//
// # One process at a time
//
// Two processes on one Store do not share the work: Start takes the ownership, and the
// second is refused with [ErrOwned] and a sentence that names the first, within one
// heartbeat. So stop the old process of a deployment before the new one starts, or let
// the new one try Start again until the old one has been shut down; where several
// processes are to work at once, keep the records in a database (examples/sqlcatalog).
//
//   - A process that calls Close (Pipeline.Shutdown does) is succeeded at once.
//   - One that is killed is succeeded after three heartbeats, on Linux at once by a
//     process of the same machine and container.
//   - Of several that start at once one wins. That is sure where the Store's IfNotExist is
//     atomic (folders of blobstore.OpenFile, memory, S3, Google Cloud Storage, Azure). Where
//     it is not, two may believe to have won until their next heartbeat.
//   - One that was frozen (stopped, swapped out, its machine suspended) or cut off from
//     the Store for two heartbeats trusts itself no more: before it writes anything it
//     looks into the Store. Has it been succeeded, then its calls fail with ErrOwned from
//     there on, and waiting Claims end. It does not come back: restart it.
//
// A Store has no compare-and-swap: a process that is frozen within the Store's own Put or
// Delete of a record, past that last look, finishes it when it wakes. So keys bear the
// number of the owner, and the successor of a process that may only be frozen writes what
// is unfinished once more, under its own number: what comes late is overruled by then. The
// call that it belonged to fails with ErrOwned.
type StoreCatalog struct {
	store  storage.Store
	prefix string
	log    *slog.Logger
	owner  *ownership
	due    *dueIndex
	index  *recordIndex
	graves graves
	locks  [64]chan struct{} // by a hash of the id: one writer a record
}

var (
	_ Catalog   = (*StoreCatalog)(nil)
	_ Lifecycle = (*StoreCatalog)(nil)
)

// NewStoreCatalog returns a catalog whose records are in store. It does no I/O.
func NewStoreCatalog(store storage.Store, opts *StoreCatalogOptions) *StoreCatalog {
	var o StoreCatalogOptions
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "catalog/"
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &StoreCatalog{
		store:  store,
		prefix: o.Prefix,
		log:    o.Logger,
		owner:  newOwnership(store, o.Prefix+"owner/", o.Heartbeat, o.Logger),
		due:    newDueIndex(),
		index:  newRecordIndex(),
	}
	for i := range c.locks {
		c.locks[i] = make(chan struct{}, 1)
	}
	return c
}

// Start takes the ownership and reads the unfinished records. Where a process owned the
// catalog it waits for up to three heartbeats whether that lives, and fails with
// [ErrOwned] if so. It may be called again then.
func (c *StoreCatalog) Start(ctx context.Context) error {
	fence, err := c.owner.acquire(ctx)
	if err != nil {
		return fmt.Errorf("start catalog: %w", err)
	}
	if err := c.load(ctx, fence); err != nil {
		c.owner.release(context.WithoutCancel(ctx))
		return fmt.Errorf("start catalog: %w", err)
	}
	c.owner.settle()
	return nil
}

// Close gives up the ownership and ends waiting Claims with [ErrClosed].
func (c *StoreCatalog) Close(ctx context.Context) error {
	c.owner.release(ctx)
	c.index.forget()
	return nil
}

// lock locks the record of id and returns the function that unlocks it.
func (c *StoreCatalog) lock(ctx context.Context, id string) (unlock func(), err error) {
	h := uint32(2166136261) // FNV-1a
	for i := 0; i < len(id); i++ {
		h = (h ^ uint32(id[i])) * 16777619
	}
	m := c.locks[h%uint32(len(c.locks))]
	select {
	case m <- struct{}{}:
		return func() { <-m }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Get returns the record of id.
func (c *StoreCatalog) Get(ctx context.Context, id string) (Asset, Revision, error) {
	r, err := c.read(ctx, id)
	if err != nil {
		return Asset{}, "", fmt.Errorf("catalog get: %w", err)
	}
	return r.Asset, r.Rev, nil
}

// Put creates or replaces the record of a.ID.
func (c *StoreCatalog) Put(ctx context.Context, a Asset, rev Revision) (Revision, error) {
	if err := ValidID(a.ID); err != nil {
		return "", fmt.Errorf("catalog put: %w", err)
	}
	if err := c.owner.check(ctx); err != nil {
		return "", fmt.Errorf("catalog put %q: %w", a.ID, err)
	}
	unlock, err := c.lock(ctx, a.ID)
	if err != nil {
		return "", fmt.Errorf("catalog put %q: %w", a.ID, err)
	}
	defer unlock()
	cur, err := c.read(ctx, a.ID)
	switch {
	case err == nil && rev == "":
		err = ErrExist
	case err == nil && cur.Rev != rev, errors.Is(err, ErrNotFound) && rev != "":
		err = ErrConflict
	case errors.Is(err, ErrNotFound):
		err = nil
	}
	if err == nil {
		rev, err = c.write(ctx, a.clone(), cur)
	}
	if err != nil {
		return "", fmt.Errorf("catalog put %q: %w", a.ID, err)
	}
	return rev, nil
}

// Delete removes the record of id.
func (c *StoreCatalog) Delete(ctx context.Context, id string, rev Revision) error {
	if err := c.owner.check(ctx); err != nil {
		return fmt.Errorf("catalog delete %q: %w", id, err)
	}
	if err := c.delete(ctx, id, rev); err != nil {
		return fmt.Errorf("catalog delete %q: %w", id, err)
	}
	c.bury(ctx)
	return nil
}

func (c *StoreCatalog) delete(ctx context.Context, id string, rev Revision) error {
	unlock, err := c.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	cur, err := c.read(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound) && cur.at != nowhere:
		return c.forget(ctx, id) // a deletion may have failed behind its sign
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case cur.Rev != rev:
		return ErrConflict
	}
	standing := c.owner.standing()
	return c.erase(ctx, id, cur.at, standing > 0 && cur.Born <= standing)
}

// Claim returns the next asset that is due, or waits for one.
func (c *StoreCatalog) Claim(ctx context.Context, owner string, lease time.Duration) (Asset, Revision, error) {
	for {
		if err := c.owner.check(ctx); err != nil {
			return Asset{}, "", fmt.Errorf("catalog claim: %w", err)
		}
		id, err := c.due.next(ctx, c.owner.ended())
		if err != nil {
			return Asset{}, "", fmt.Errorf("catalog claim: %w", err)
		}
		if id == "" {
			continue // the ownership has ended: check says how
		}
		a, rev, err := c.take(ctx, id, owner, lease)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			c.due.release(id, err)
			return Asset{}, "", fmt.Errorf("catalog claim %q: %w", id, err)
		}
		return a, rev, nil
	}
}

// take writes the owner into the record of id, which the index has given to us.
func (c *StoreCatalog) take(ctx context.Context, id, owner string, lease time.Duration) (Asset, Revision, error) {
	panicked := true
	defer func() {
		if panicked { // the Store did
			c.due.release(id, errPanic)
		}
	}()
	a, rev, err := c.taken(ctx, id, owner, lease)
	panicked = false
	return a, rev, err
}

func (c *StoreCatalog) taken(ctx context.Context, id, owner string, lease time.Duration) (Asset, Revision, error) {
	unlock, err := c.lock(ctx, id)
	if err != nil {
		return Asset{}, "", err
	}
	defer unlock()
	r, err := c.read(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && !r.Unfinished() { // it ended, or never was
		if mark, ok := c.due.remove(id); ok {
			c.unmark(ctx, id, mark)
		}
		return Asset{}, "", ErrNotFound
	}
	if err != nil {
		return Asset{}, "", err
	}
	r.Owner, r.Lease = owner, now().Add(lease).Round(0)
	rev, err := c.write(ctx, r.Asset, r)
	return r.Asset, rev, err
}
