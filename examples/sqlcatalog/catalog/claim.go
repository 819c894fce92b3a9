package catalog

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/vodkit/vodkit/upload"
)

// Claim looks at once where this process has written something, and every so often for
// what others have: more seldom while nothing comes.
const (
	shortestPoll = 50 * time.Millisecond
	longestPoll  = time.Second
)

// next is the claimable row that comes first. The index assets_claim has them in this
// order; the plus keeps SQLite from taking assets_due and sorting.
const next = `SELECT record, rev FROM assets WHERE open AND +due <= ? ORDER BY wish DESC, priority DESC, created, id LIMIT 1`

// Claim implements upload.Catalog.
func (c *Catalog) Claim(ctx context.Context, owner string, lease time.Duration) (upload.Asset, upload.Revision, error) {
	poll := shortestPoll
	for {
		changed := c.changes() // before the look, so that nothing comes unseen
		a, rev, err := c.take(ctx, owner, lease)
		if !errors.Is(err, sql.ErrNoRows) {
			return a, rev, failure(ctx, "claim", a.ID, err)
		}
		timer := time.NewTimer(min(poll, c.untilDue(ctx)))
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-changed:
			poll, err = shortestPoll, nil
		case <-timer.C:
			poll, err = min(2*poll, longestPoll), nil
		}
		timer.Stop()
		if err != nil {
			return upload.Asset{}, "", failure(ctx, "claim", "", err)
		}
	}
}

// take gives the next asset to owner, or returns sql.ErrNoRows.
func (c *Catalog) take(ctx context.Context, owner string, lease time.Duration) (upload.Asset, upload.Revision, error) {
	// Most looks find nothing. They need no lock.
	if _, _, err := read(c.db.QueryRowContext(ctx, next, now())); err != nil {
		return upload.Asset{}, "", err
	}
	tx, err := c.db.BeginTx(ctx, nil) // takes the lock for writing: see Open
	if err != nil {
		return upload.Asset{}, "", err
	}
	defer func() { _ = tx.Rollback() }()
	a, rev, err := read(tx.QueryRowContext(ctx, next, now()))
	if err != nil {
		return a, "", err
	}
	a.Owner, a.Lease = owner, time.Now().Add(lease).UTC()
	r, err := newRow(a)
	if err != nil {
		return a, "", err
	}
	if n, err := r.replace(ctx, tx, rev); err != nil {
		return a, "", err
	} else if n == 0 { // cannot be under SQLite's lock
		return a, "", upload.ErrConflict
	}
	if err := tx.Commit(); err != nil {
		return a, "", err
	}
	return a, r.rev, nil
}

// untilDue returns how long it is until something becomes due.
func (c *Catalog) untilDue(ctx context.Context) time.Duration {
	var at sql.NullInt64
	err := c.db.QueryRowContext(ctx, `SELECT min(due) FROM assets WHERE open`).Scan(&at)
	if err != nil || !at.Valid {
		return longestPoll
	}
	return max(time.Duration(at.Int64-now())*time.Microsecond, time.Millisecond)
}
