package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/storage"
)

// record is the stored form of an asset.
type record struct {
	Asset
	Rev Revision `json:"rev"`
	// Born is the term in which there was nothing of this id before, 0 where unknown.
	Born int64 `json:"born,omitempty"`

	at spot // where it was read
}

// read returns the stored record of id. Also where there is none, the spot of the
// record returned is where the last word about it is.
func (c *StoreCatalog) read(ctx context.Context, id string) (record, error) {
	none := record{at: nowhere}
	if err := ValidID(id); err != nil {
		return none, fmt.Errorf("asset %q: %w", id, ErrNotFound)
	}
	for try := 0; ; try++ {
		at, err := c.locate(ctx, id, try > 0)
		if err != nil {
			return none, err
		}
		if at.gone {
			return record{at: at}, fmt.Errorf("asset %q: %w", id, ErrNotFound)
		}
		r, err := c.readAt(ctx, id, at)
		if !errors.Is(err, storage.ErrNotExist) {
			if err == nil {
				c.index.learn(id, at)
			}
			return r, err
		}
		// It was moved between the two, or somebody has removed it behind our back.
		c.index.unlearn(id, at)
		if at == (spot{}) || try == 3 {
			return none, fmt.Errorf("asset %q: %w", id, ErrNotFound)
		}
	}
}

func (c *StoreCatalog) readAt(ctx context.Context, id string, at spot) (record, error) {
	obj, err := c.store.Open(ctx, c.recordKey(id, at), nil)
	if err != nil {
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
	if a.ID != id { // it would be written as the other's
		return record{}, fmt.Errorf("%w %q: it is that of asset %q", errRecord, id, a.ID)
	}
	var v struct {
		Rev  Revision `json:"rev"`
		Born int64    `json:"born"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return record{}, fmt.Errorf("%w %q: %w", errRecord, id, err)
	}
	return record{a, v.Rev, v.Born, at}, nil
}

// write stores a under a new revision in place of cur. The caller holds the lock of the
// id.
func (c *StoreCatalog) write(ctx context.Context, a Asset, cur record) (Revision, error) {
	r := record{Asset: a, Rev: Revision(ids.New(time.Now())), Born: cur.Born, at: cur.at}
	if cur.at == nowhere {
		r.Born = c.owner.number()
	}
	return r.Rev, c.move(ctx, r)
}

// move stores r under the key of this term, in place of what is where r was, and keeps
// the indexes. The caller holds the lock of the id.
func (c *StoreCatalog) move(ctx context.Context, r record) error {
	a, cur := r.Asset, r.at
	at := spot{term: max(c.owner.number(), cur.term)} // if the owners' records were lost
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the record of asset %q: %w", a.ID, err)
	}
	mark, marked := c.due.mark(a.ID)
	if a.Unfinished() && !marked {
		mark = at.term
		if err := c.put(ctx, c.markKey(a.ID, mark), []byte(a.ID+"\n")); err != nil {
			return err
		}
	}
	if err := c.put(ctx, c.recordKey(a.ID, at), append(data, '\n')); err != nil {
		if a.Unfinished() && !marked {
			c.due.set(a, mark) // it may be there all the same: who claims it will see
		}
		return err
	}
	c.index.put(a.ID, at) // before the other goes, or who reads would find neither
	if cur != at && cur != nowhere {
		// The sign of a deletion in this term would overrule the record; what is older
		// counts no more, so that failing to remove it is no failure.
		if err := c.remove(ctx, c.recordKey(a.ID, cur)); err != nil && cur.follows(at) {
			return err
		}
	}
	if a.Unfinished() {
		c.due.set(a, mark)
	} else if mark, ok := c.due.remove(a.ID); ok {
		c.unmark(ctx, a.ID, mark)
	}
	return c.owner.check(ctx) // a process that was frozen meanwhile promises nothing
}

// erase removes the record of id, which is at cur. signed leaves a sign of that, behind
// which nothing counts that an earlier owner may still write. The caller holds the lock
// of the id.
func (c *StoreCatalog) erase(ctx context.Context, id string, cur spot, signed bool) error {
	gone := nowhere
	if signed {
		gone.term = max(c.owner.number(), cur.term)
		err := c.put(ctx, c.recordKey(id, gone), []byte(id+"\n"))
		if errors.Is(err, storage.ErrNoSpace) {
			gone = nowhere // what is to make room must not take any
		} else if err != nil {
			return err
		}
	}
	if gone != nowhere {
		c.index.put(id, gone)
		c.graves.add(id, gone)
	}
	if err := c.forget(ctx, id); err != nil {
		return err
	}
	if gone == nowhere {
		c.index.put(id, gone)
	}
	if mark, ok := c.due.remove(id); ok {
		c.unmark(ctx, id, mark)
	}
	return c.owner.check(ctx)
}

// forget removes the bytes of what has been deleted.
func (c *StoreCatalog) forget(ctx context.Context, id string) error {
	spots, err := c.spotsOf(ctx, id)
	for _, at := range append(spots, spot{}) {
		if !at.gone && err == nil {
			err = c.remove(ctx, c.recordKey(id, at))
		}
	}
	return err
}

// bury removes the signs of old deletions, and what has come to lie beside them. The
// caller holds no lock.
func (c *StoreCatalog) bury(ctx context.Context) {
	for _, g := range c.graves.old() {
		func() {
			unlock, err := c.lock(ctx, g.id)
			if err != nil {
				return // those go with the next list
			}
			defer unlock()
			if at, _ := c.index.find(g.id); at != g.at {
				return // there is a record again
			}
			err = c.forget(ctx, g.id)
			if err == nil {
				err = c.remove(ctx, c.recordKey(g.id, g.at))
			}
			if err != nil {
				c.log.Warn("The sign of a deletion could not be removed.", "asset", g.id, "error", err)
				return
			}
			c.index.unlearn(g.id, g.at)
		}()
	}
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

// unmark removes a mark of what is no longer due. A mark that stays costs the next
// Start one read, so failing is no failure.
func (c *StoreCatalog) unmark(ctx context.Context, id string, term int64) {
	if err := c.remove(ctx, c.markKey(id, term)); err != nil {
		c.log.Warn("The mark of a finished asset could not be removed.", "asset", id, "error", err)
	}
}
