package upload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// holder keeps the record of an asset that this process owns: every write prolongs
// the lease, and finds out when somebody else has written.
type holder struct {
	catalog Catalog
	owner   string
	lease   time.Duration
	stray   bool // Asset.Stray, from now on

	mu    sync.Mutex
	asset Asset
	rev   Revision
	tried []time.Time // Asset.Updated of writes that failed: the answer may have been lost alone
}

// newHolder returns the holder of a claimed asset.
func (p *Pipeline) newHolder(a Asset, rev Revision) *holder {
	return &holder{catalog: p.catalog, owner: a.Owner, lease: p.opts.Lease, asset: a, rev: rev}
}

// get returns the record as last written or read.
func (h *holder) get() Asset {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asset.clone()
}

// update changes the record and writes it. Where somebody has written meanwhile it
// reads the record: one with an open intent, or another owner, is not changed, and
// the cause to end the run is returned (errDeleted, errCancelled, errLost). A second
// update behind errCancelled writes all the same, to say how it ended.
func (h *holder) update(ctx context.Context, change func(*Asset)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		a := h.asset.clone()
		a.Updated = now()
		a.Lease = a.Updated.Add(h.lease)
		a.Stray = a.Stray || h.stray
		change(&a)
		rev, err := h.catalog.Put(ctx, a, h.rev)
		if err == nil {
			h.asset, h.rev = a, rev
			return nil
		}
		if errors.Is(err, ErrOwned) {
			return fmt.Errorf("%w: %w", errLost, err) // the whole catalog is another's
		}
		if !errors.Is(err, ErrConflict) {
			h.tried = append(h.tried, a.Updated)
			return err
		}
		fresh, rev, err := h.catalog.Get(ctx, h.asset.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			return errDeleted
		case err != nil:
			return err
		case h.wrote(fresh) && fresh.Owner == "": // the last words, which are being tried again
			h.asset, h.rev = fresh, rev
			return nil
		case fresh.Intent == IntentDelete:
			return errDeleted
		case fresh.Attempt != h.asset.Attempt || fresh.Owner != h.owner:
			return errLost
		}
		wanted := fresh.Intent == IntentCancel && h.asset.Intent != IntentCancel
		h.asset, h.rev = fresh, rev
		if wanted {
			return errCancelled
		}
	}
}

// wrote says whether the record is one that a failed update has written all the same.
func (h *holder) wrote(a Asset) bool {
	return a.Attempt == h.asset.Attempt && a.Runs == h.asset.Runs && slices.ContainsFunc(h.tried, a.Updated.Equal)
}

// expired says whether the lease has passed.
func (h *holder) expired() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now().After(h.asset.Lease)
}

// ends says whether err is a cause that ends a run.
func ends(err error) bool {
	return errors.Is(err, errDeleted) || errors.Is(err, errCancelled) || errors.Is(err, errLost) || errors.Is(err, errShutdown)
}
