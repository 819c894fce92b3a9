package catalogtest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// backend is what several catalogs share: a table in memory.
type backend struct {
	mu      sync.Mutex
	rows    map[string]row
	seq     int
	changed chan struct{}
}

type row struct {
	data  []byte
	alias upload.Asset // for the fault of the name
	rev   upload.Revision
	lease time.Time // as Claim gave it
}

func newBackend() *backend { return &backend{rows: map[string]row{}, changed: make(chan struct{})} }

// catalog is the smallest Catalog that keeps the contract, and breaks it on demand.
type catalog struct {
	*backend
	fault string
	cache map[string]row // for the fault of the name
}

var _ upload.Catalog = (*catalog)(nil)

func (c *catalog) key(id string) string {
	if c.fault == "case" {
		return strings.ToLower(id)
	}
	return id
}

func (c *catalog) asset(r row) upload.Asset {
	if c.fault == "alias" {
		return r.alias
	}
	var a upload.Asset
	if err := json.Unmarshal(r.data, &a); err != nil {
		panic(err)
	}
	return a
}

// write is called with mu held.
func (c *catalog) write(a upload.Asset) row {
	c.seq++
	old, replaces := c.rows[c.key(a.ID)]
	r := row{alias: a, rev: upload.Revision(fmt.Sprint(c.seq)), lease: old.lease}
	switch {
	case c.fault == "column":
		a.Completed = time.Time{}
	case c.fault == "update" && replaces:
		a.Failures = c.asset(old).Failures
	case c.fault == "float":
		a.Size = int64(float64(a.Size))
	case c.fault == "seconds":
		a.Created = a.Created.Truncate(time.Second)
	case c.fault == "text":
		a.Name = strings.ReplaceAll(a.Name, "\x00", "")
	case c.fault == "length":
		for k, v := range a.Metadata {
			a.Metadata = maps.Clone(a.Metadata)
			a.Metadata[k] = v[:min(len(v), 255)]
		}
	case c.fault == "reused": // a counter in each record
		r.rev = upload.Revision(fmt.Sprint(len(old.rev) + 1))
		if replaces {
			r.rev = old.rev + "1"
		}
	case c.fault == "content": // a hash of the record
		r.rev = upload.Revision(fmt.Sprintf("%+v", a))
	}
	r.data, _ = json.Marshal(a)
	c.rows[c.key(a.ID)] = r
	if c.fault != "asleep" {
		close(c.changed)
		c.changed = make(chan struct{})
	}
	return r
}

func (c *catalog) Get(ctx context.Context, id string) (upload.Asset, upload.Revision, error) {
	if err := ctx.Err(); err != nil && c.fault != "ctx" {
		return upload.Asset{}, "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.rows[c.key(id)]
	if cached, have := c.cache[id]; have && c.fault == "cache" {
		r = cached
	} else if ok && c.cache != nil {
		c.cache[id] = r
	}
	if !ok {
		return upload.Asset{}, "", fmt.Errorf("get %q: %w", id, upload.ErrNotFound)
	}
	return c.asset(r), r.rev, nil
}

func (c *catalog) check(id string, rev upload.Revision) error {
	r, ok := c.rows[c.key(id)]
	switch {
	case ok && rev == "" && c.fault != "upsert":
		return fmt.Errorf("put %q: %w", id, upload.ErrExist)
	case ok && rev != "" && r.rev != rev, !ok && rev != "" && c.fault != "revive":
		return fmt.Errorf("put %q: %w", id, upload.ErrConflict)
	}
	return nil
}

func (c *catalog) Put(ctx context.Context, a upload.Asset, rev upload.Revision) (upload.Revision, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.check(a.ID, rev); err != nil {
		return "", err
	}
	if c.fault == "lost update" { // the check and the write are two statements
		c.mu.Unlock()
		time.Sleep(time.Millisecond)
		c.mu.Lock()
	}
	r := c.write(a)
	if c.cache != nil {
		c.cache[a.ID] = r
	}
	return r.rev, nil
}

func (c *catalog) Delete(ctx context.Context, id string, rev upload.Revision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r, ok := c.rows[c.key(id)]; {
	case !ok && c.fault == "missing":
		return fmt.Errorf("delete %q: %w", id, upload.ErrNotFound)
	case ok && r.rev != rev && c.fault != "delete":
		return fmt.Errorf("delete %q: %w", id, upload.ErrConflict)
	}
	delete(c.rows, c.key(id))
	delete(c.cache, id)
	return nil
}

// next returns the first asset that is due and how long to wait for another.
func (c *catalog) next(now time.Time) (best upload.Asset, wait time.Duration) {
	wait = time.Hour
	for _, r := range c.rows {
		a := c.asset(r)
		from := a.Due
		if c.fault == "due" {
			from = time.Time{}
		}
		lease := a.Lease
		if c.fault == "renewal" && !r.lease.IsZero() {
			lease = r.lease // what Put says of it is forgotten
		}
		if a.Owner != "" && lease.After(from) && c.fault != "lease" {
			from = lease
		}
		if a.Owner != "" && c.fault == "forever" {
			continue
		}
		open := a.Unfinished()
		if c.fault == "intents" {
			open = !a.Status.Terminal()
		}
		switch {
		case !open:
		case from.After(now):
			wait = min(wait, from.Sub(now))
		case best.ID == "" || c.before(a, best):
			best = a
		}
	}
	return best, wait
}

func (c *catalog) before(a, b upload.Asset) bool {
	wish := func(a upload.Asset) int {
		if a.Intent != "" && c.fault != "order" {
			return 0
		}
		return 1
	}
	created := a.Created.Compare(b.Created)
	if c.fault == "text times" {
		created = strings.Compare(a.Created.Format(time.RFC3339Nano), b.Created.Format(time.RFC3339Nano))
	}
	priority := cmp.Compare(b.Priority, a.Priority)
	if c.fault == "priority" {
		priority = -priority
	}
	return cmp.Or(wish(a)-wish(b), priority, created, strings.Compare(a.ID, b.ID)) < 0
}

func (c *catalog) Claim(ctx context.Context, owner string, lease time.Duration) (upload.Asset, upload.Revision, error) {
	for {
		if err := ctx.Err(); err != nil {
			return upload.Asset{}, "", fmt.Errorf("claim: %w", err)
		}
		c.mu.Lock()
		a, wait := c.next(time.Now())
		changed := c.changed
		if a.ID != "" {
			if c.fault == "double claim" { // selected, and updated later
				c.mu.Unlock()
				time.Sleep(time.Millisecond)
				c.mu.Lock()
			}
			a.Owner, a.Lease = owner, time.Now().Add(lease).UTC()
			switch c.fault {
			case "claim":
				a.Status = progress.Running
			case "claimed lease":
				a.Lease = time.Now().Add(time.Minute).UTC()
			}
			r := c.write(a)
			r.lease = a.Lease
			c.rows[c.key(a.ID)] = r
			if c.fault == "lost claim" { // nobody ends it
				if time.Sleep(2 * time.Millisecond); ctx.Err() != nil {
					a.Lease = a.Lease.Add(time.Hour)
					c.write(a)
					c.mu.Unlock()
					return upload.Asset{}, "", ctx.Err()
				}
			}
			c.mu.Unlock()
			return c.asset(r), r.rev, nil
		}
		c.mu.Unlock()
		if c.fault == "sleeper" { // knows nothing of what comes
			changed = nil
		}
		done := ctx.Done()
		if c.fault == "deaf" {
			done = nil
		}
		if c.fault == "empty" {
			return upload.Asset{}, "", upload.ErrNotFound
		}
		select {
		case <-done:
		case <-changed:
		case <-time.After(wait):
		}
	}
}

// known returns what the catalog knows of q, but for After.
func (c *catalog) known(q upload.Query) upload.Query {
	q.After = ""
	switch c.fault {
	case "status":
		q.Status = ""
	case "tenant":
		q.Tenant = ""
	case "profile":
		q.Profile = ""
	case "name":
		q.Name = ""
	case "metadata":
		q.Metadata = nil
	case "since":
		q.CreatedAfter = time.Time{}
	case "until":
		q.CreatedBefore = time.Time{}
	}
	return q
}

func (c *catalog) List(ctx context.Context, q upload.Query) iter.Seq2[upload.Asset, error] {
	return func(yield func(upload.Asset, error) bool) {
		c.mu.Lock()
		defer func() {
			if c.fault == "locked list" {
				c.mu.Unlock()
			}
		}()
		ids := slices.Sorted(maps.Keys(c.rows))
		if c.fault == "collation" {
			slices.SortFunc(ids, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
		}
		slices.Reverse(ids)
		if c.fault == "ascending" {
			slices.Reverse(ids)
		}
		rows := maps.Clone(c.rows)
		if c.fault != "locked list" {
			c.mu.Unlock()
		}
		n := 0
		for _, id := range ids {
			if err := ctx.Err(); err != nil && c.fault != "listing on" {
				if !yield(upload.Asset{}, err) || c.fault != "errors" {
					return
				}
			}
			a := c.asset(rows[id])
			after := q.After == "" || a.ID < q.After || c.fault == "inclusive" && a.ID == q.After
			if !after || !c.known(q).Matches(a) {
				if c.fault == "limit first" {
					n++
				}
				continue
			}
			if !yield(a, nil) && c.fault != "break" {
				return
			}
			if n++; n == q.Limit {
				return
			}
		}
	}
}
