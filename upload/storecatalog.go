package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/vodkit/vodkit/internal/ids"
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
//	catalog/owner/<n>.json    who owns the catalog, for the n-th time, renewed by a heartbeat
//	catalog/assets/<id>.json  the records
//	catalog/due/<id>.due      marks of the unfinished ones, which Start reads instead of
//	                          all records
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
// A Store has no compare-and-swap, so one thing remains: a process that is frozen within
// the Store's own Put or Delete of a record, past that last look, and wakes after three
// heartbeats finishes this one write: at most one for each call that was under way. The
// successor notices by the revision, and gets ErrConflict where it would have replaced
// such a record unseen.
type StoreCatalog struct {
	store  storage.Store
	prefix string
	log    *slog.Logger
	owner  *ownership
	due    *dueIndex
	names  nameIndex
	locks  [64]sync.Mutex // by a hash of the id: one writer a record
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
	return &StoreCatalog{
		store:  store,
		prefix: o.Prefix,
		log:    o.Logger,
		owner:  newOwnership(store, o.Prefix+"owner/", o.Heartbeat, o.Logger),
		due:    newDueIndex(),
	}
}

func (c *StoreCatalog) recordKey(id string) string { return c.prefix + "assets/" + id + ".json" }
func (c *StoreCatalog) dueKey(id string) string    { return c.prefix + "due/" + id + ".due" }

// record is the stored form.
type record struct {
	Asset
	Rev Revision `json:"rev"`
}

// Start takes the ownership and reads the unfinished records. Where a process owned the
// catalog it waits for up to three heartbeats whether that lives, and fails with
// [ErrOwned] if so. It may be called again then.
func (c *StoreCatalog) Start(ctx context.Context) error {
	if err := c.owner.acquire(ctx); err != nil {
		return fmt.Errorf("start catalog: %w", err)
	}
	if err := c.load(ctx); err != nil {
		c.owner.release(context.WithoutCancel(ctx))
		return fmt.Errorf("start catalog: %w", err)
	}
	return nil
}

// Close gives up the ownership and ends waiting Claims with [ErrClosed].
func (c *StoreCatalog) Close(ctx context.Context) error {
	c.owner.release(ctx)
	c.names.forget()
	return nil
}

// load fills the index of what is due. Nobody else lives, so all leases are void.
func (c *StoreCatalog) load(ctx context.Context) error {
	c.due.clear()
	for info, err := range c.store.List(ctx, c.prefix+"due/") {
		if err != nil {
			return err
		}
		id := strings.TrimSuffix(strings.TrimPrefix(info.Key, c.prefix+"due/"), ".due")
		r, err := c.read(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound) || err == nil && !r.Unfinished():
			c.unmark(ctx, id) // the process died between the mark and the record
		case errors.Is(err, ErrVersion):
			return err
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			c.log.Error("An unfinished asset's record cannot be read.", "asset", id, "error", err)
		default:
			r.Owner, r.Lease = "", time.Time{}
			c.due.set(r.Asset)
		}
	}
	return nil
}

// read returns the stored record of id.
func (c *StoreCatalog) read(ctx context.Context, id string) (record, error) {
	if err := ValidID(id); err != nil {
		return record{}, fmt.Errorf("asset %q: %w", id, ErrNotFound)
	}
	obj, err := c.store.Open(ctx, c.recordKey(id), nil)
	if errors.Is(err, storage.ErrNotExist) {
		return record{}, fmt.Errorf("asset %q: %w", id, ErrNotFound)
	} else if err != nil {
		return record{}, err
	}
	defer obj.Close()
	data, err := io.ReadAll(obj)
	if err != nil {
		return record{}, fmt.Errorf("read the record of asset %q: %w", id, err)
	}
	a, err := DecodeAsset(data)
	if err != nil {
		return record{}, err
	}
	var v struct {
		Rev Revision `json:"rev"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return record{}, fmt.Errorf("%w %q: %w", errRecord, id, err)
	}
	return record{a, v.Rev}, nil
}

// write stores a under a new revision and keeps the indexes. The caller holds the
// lock of the id.
func (c *StoreCatalog) write(ctx context.Context, a Asset) (Revision, error) {
	r := record{a, Revision(ids.New(time.Now()))}
	data, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode the record of asset %q: %w", a.ID, err)
	}
	if a.Unfinished() && !c.due.has(a.ID) {
		if err := c.put(ctx, c.dueKey(a.ID), []byte(a.ID+"\n")); err != nil {
			return "", err
		}
	}
	if err := c.put(ctx, c.recordKey(a.ID), append(data, '\n')); err != nil {
		return "", err
	}
	c.names.add(a.ID)
	if a.Unfinished() {
		c.due.set(a)
	} else if c.due.remove(a.ID) {
		c.unmark(ctx, a.ID)
	}
	return r.Rev, c.owner.check(ctx) // a process that was frozen meanwhile promises nothing
}

// put writes an object, and makes sure of the ownership until the Store has all bytes.
func (c *StoreCatalog) put(ctx context.Context, key string, data []byte) error {
	r := &ownedReader{ctx, c.owner, bytes.NewReader(data)}
	_, err := c.store.Put(ctx, key, r, &storage.PutOptions{Size: int64(len(data))})
	return err
}

// ownedReader fails where the catalog is no longer owned, so that the Store's Put does,
// which is all or nothing.
type ownedReader struct {
	ctx   context.Context // of the Put that reads
	owner *ownership
	r     io.Reader
}

func (r *ownedReader) Read(p []byte) (int, error) {
	if err := r.owner.check(r.ctx); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// remove deletes an object.
func (c *StoreCatalog) remove(ctx context.Context, key string) error {
	if err := c.owner.check(ctx); err != nil {
		return err
	}
	return c.store.Delete(ctx, key)
}

// unmark removes the mark of what is no longer due. A mark that stays costs the next
// Start one read, so failing is no failure.
func (c *StoreCatalog) unmark(ctx context.Context, id string) {
	if err := c.remove(ctx, c.dueKey(id)); err != nil {
		c.log.Warn("The mark of a finished asset could not be removed.", "asset", id, "error", err)
	}
}

// lock locks the record of id and returns the function that unlocks it.
func (c *StoreCatalog) lock(id string) func() {
	h := uint32(2166136261) // FNV-1a
	for i := 0; i < len(id); i++ {
		h = (h ^ uint32(id[i])) * 16777619
	}
	m := &c.locks[h%uint32(len(c.locks))]
	m.Lock()
	return m.Unlock
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
	defer c.lock(a.ID)()
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
		rev, err = c.write(ctx, a.clone())
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
	defer c.lock(id)()
	cur, err := c.read(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil && cur.Rev != rev {
		err = ErrConflict
	}
	if err == nil {
		err = c.remove(ctx, c.recordKey(id))
	}
	if err != nil {
		return fmt.Errorf("catalog delete %q: %w", id, err)
	}
	c.names.remove(id)
	if c.due.remove(id) {
		c.unmark(ctx, id)
	}
	return nil
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
			c.due.remove(id)
			continue
		}
		if err != nil {
			c.due.release(id)
			return Asset{}, "", fmt.Errorf("catalog claim %q: %w", id, err)
		}
		return a, rev, nil
	}
}

// take writes the owner into the record of id, which the index has given to us.
func (c *StoreCatalog) take(ctx context.Context, id, owner string, lease time.Duration) (Asset, Revision, error) {
	defer c.lock(id)()
	r, err := c.read(ctx, id)
	if err != nil {
		return Asset{}, "", err
	}
	if !r.Unfinished() {
		return Asset{}, "", ErrNotFound // it ended between the index and the lock
	}
	r.Owner, r.Lease = owner, now().Add(lease).Round(0)
	rev, err := c.write(ctx, r.Asset)
	return r.Asset, rev, err
}

// List yields the assets that match q.
func (c *StoreCatalog) List(ctx context.Context, q Query) iter.Seq2[Asset, error] {
	return func(yield func(Asset, error) bool) {
		names, err := c.candidates(ctx, q)
		if err != nil {
			yield(Asset{}, fmt.Errorf("catalog list: %w", err))
			return
		}
		n := 0
		for _, id := range names {
			r, err := c.read(ctx, id)
			switch {
			case errors.Is(err, ErrNotFound):
				continue
			case err != nil && ctx.Err() != nil, err != nil && !errors.Is(err, errRecord):
				yield(Asset{}, fmt.Errorf("catalog list: %w", err))
				return
			case err != nil:
				c.log.Error("An asset's record cannot be read.", "asset", id, "error", err)
				continue
			case !q.matches(r.Asset):
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

// candidates returns the ids that may match q in descending order.
func (c *StoreCatalog) candidates(ctx context.Context, q Query) ([]string, error) {
	live := c.owner.held()
	if live && q.Status != "" && !q.Status.Terminal() {
		return c.due.names(q.After), nil
	}
	return c.names.below(ctx, c.store, c.prefix+"assets/", q.After, live)
}
