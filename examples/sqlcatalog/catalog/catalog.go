// Package catalog keeps vodkit's records in a table: an upload.Catalog on database/sql
// for SQLite, for you to copy and change. Any number of processes may share the
// database.
//
// A record is one row: the asset as JSON, and beside it the columns that questions are
// asked of. Times in them are microseconds, since texts of times do not sort like times.
// For another database change Open, the placeholders, and in Claim the way to lock: in
// PostgreSQL SELECT … FOR UPDATE SKIP LOCKED, and COLLATE "C" for the ids.
// catalogtest.Run says whether it still is right.
package catalog

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/vodkit/vodkit/upload"
)

// Catalog is the table. Its methods may be called concurrently.
type Catalog struct {
	db *sql.DB

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, by each write of this process
}

var _ upload.Catalog = (*Catalog)(nil)

// New returns a catalog on db, which Open has opened. It does no I/O.
func New(db *sql.DB) *Catalog { return &Catalog{db: db, changed: make(chan struct{})} }

// Get implements upload.Catalog.
func (c *Catalog) Get(ctx context.Context, id string) (upload.Asset, upload.Revision, error) {
	a, rev, err := read(c.db.QueryRowContext(ctx, `SELECT record, rev FROM assets WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = upload.ErrNotFound
	}
	return a, rev, failure(ctx, "get", id, err)
}

// Put implements upload.Catalog.
func (c *Catalog) Put(ctx context.Context, a upload.Asset, rev upload.Revision) (upload.Revision, error) {
	r, err := newRow(a)
	if err != nil {
		return "", failure(ctx, "put", a.ID, err)
	}
	var n int64
	if rev == "" {
		n, err = affected(c.db.ExecContext(ctx, `INSERT INTO assets (record, rev, tenant, status, open, wish, priority, created, due, id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, r.values()...))
		if err == nil && n == 0 {
			err = upload.ErrExist
		}
	} else {
		n, err = r.replace(ctx, c.db, rev)
		if err == nil && n == 0 {
			err = upload.ErrConflict
		}
	}
	if err != nil {
		return "", failure(ctx, "put", a.ID, err)
	}
	c.wake()
	return r.rev, nil
}

// Delete implements upload.Catalog.
func (c *Catalog) Delete(ctx context.Context, id string, rev upload.Revision) error {
	n, err := affected(c.db.ExecContext(ctx, `DELETE FROM assets WHERE id = ? AND rev = ?`, id, string(rev)))
	if err == nil && n == 0 {
		var one int
		err = c.db.QueryRowContext(ctx, `SELECT 1 FROM assets WHERE id = ?`, id).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // it was not there
		} else if err == nil {
			err = upload.ErrConflict
		}
	}
	return failure(ctx, "delete", id, err)
}

// page is how many records List reads at once.
const page = 100

// List implements upload.Catalog. It holds no connection while it yields.
func (c *Catalog) List(ctx context.Context, q upload.Query) iter.Seq2[upload.Asset, error] {
	return func(yield func(upload.Asset, error) bool) {
		for found := 0; ; {
			n := page
			if q.Limit > 0 {
				n = min(n, q.Limit-found)
			}
			assets, err := c.page(ctx, q, n)
			for _, a := range assets {
				matches := q.Matches(a) // what there is no column for, too
				if q.After = a.ID; !matches {
					continue
				}
				if !yield(a, nil) {
					return
				}
				if found++; found == q.Limit {
					return
				}
			}
			if err != nil {
				yield(upload.Asset{}, failure(ctx, "list", "", err))
				return
			}
			if len(assets) < n {
				return
			}
		}
	}
}

// page returns up to n records that may match q.
func (c *Catalog) page(ctx context.Context, q upload.Query, n int) ([]upload.Asset, error) {
	where, args := []string{"TRUE"}, []any{}
	for _, filter := range []struct{ cond, value string }{
		{"status = ?", string(q.Status)}, {"tenant = ?", q.Tenant}, {"id < ?", q.After},
	} {
		if filter.value != "" {
			where, args = append(where, filter.cond), append(args, filter.value)
		}
	}
	// The column is in microseconds, so these let some pass that q does not.
	if !q.CreatedAfter.IsZero() {
		where, args = append(where, "created >= ?"), append(args, q.CreatedAfter.UnixMicro())
	}
	if !q.CreatedBefore.IsZero() {
		where, args = append(where, "created <= ?"), append(args, q.CreatedBefore.UnixMicro())
	}
	rows, err := c.db.QueryContext(ctx, `SELECT record, rev FROM assets WHERE `+strings.Join(where, " AND ")+
		` ORDER BY id DESC LIMIT ?`, append(args, n)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var assets []upload.Asset
	for rows.Next() {
		a, _, err := read(rows)
		if err != nil {
			return assets, err
		}
		assets = append(assets, a)
	}
	return assets, rows.Err()
}

// row is a record as the table has it.
type row struct {
	record  []byte
	rev     upload.Revision
	asset   upload.Asset
	created int64
	due     int64 // when Claim may give it away
}

func newRow(a upload.Asset) (row, error) {
	if err := upload.ValidID(a.ID); err != nil {
		return row{}, err
	}
	record, err := json.Marshal(a)
	from := a.Due
	if a.Owner != "" && a.Lease.After(from) {
		from = a.Lease
	}
	r := row{record: record, rev: upload.Revision(rand.Text()), asset: a, created: a.Created.UnixMicro()}
	if !from.IsZero() {
		r.due = from.UnixMicro() + 1 // rather late than early
	}
	return r, err
}

func (r row) values() []any {
	a := r.asset
	return []any{r.record, string(r.rev), a.Tenant, string(a.Status), a.Unfinished(), a.Intent != upload.IntentNone, a.Priority, r.created, r.due, a.ID}
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// replace writes r over the row that has revision rev, and returns how many there were.
func (r row) replace(ctx context.Context, db execer, rev upload.Revision) (int64, error) {
	return affected(db.ExecContext(ctx, `UPDATE assets SET record = ?, rev = ?, tenant = ?, status = ?, open = ?, wish = ?, priority = ?,
		created = ?, due = ? WHERE id = ? AND rev = ?`, append(r.values(), string(rev))...))
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// read decodes the columns record and rev.
func read(r interface{ Scan(...any) error }) (upload.Asset, upload.Revision, error) {
	var record []byte
	var rev string
	if err := r.Scan(&record, &rev); err != nil {
		return upload.Asset{}, "", err
	}
	a, err := upload.DecodeAsset(record)
	return a, upload.Revision(rev), err
}

// failure names the operation and the asset. A driver may tell in words of its own that
// ctx has ended.
func failure(ctx context.Context, op, id string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	if id != "" {
		op += fmt.Sprintf(" %q", id)
	}
	return fmt.Errorf("catalog %s: %w", op, err)
}

func (c *Catalog) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Catalog) changes() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// now is the present in the table's unit.
func now() int64 { return time.Now().UnixMicro() }
