package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/vodkit/vodkit/upload"
	_ "modernc.org/sqlite" // the driver, in Go alone
)

// migrations make the schema, one after another. The database says how many it has had:
// append to them, and never change one that has been released.
var migrations = []string{`
	CREATE TABLE assets (
		id       TEXT PRIMARY KEY,  -- compared byte by byte
		rev      TEXT NOT NULL,
		record   BLOB NOT NULL,     -- the asset as JSON; the other columns follow from it
		tenant   TEXT NOT NULL,
		status   TEXT NOT NULL,
		open     BOOLEAN NOT NULL,  -- there is something left to do
		wish     BOOLEAN NOT NULL,  -- someone wants it cancelled or deleted
		priority INTEGER NOT NULL,
		created  INTEGER NOT NULL,  -- microseconds since 1970
		due      INTEGER NOT NULL   -- microseconds since 1970: nobody may have it before
	) WITHOUT ROWID;
	CREATE INDEX assets_claim ON assets (wish DESC, priority DESC, created, id, due) WHERE open;
	CREATE INDEX assets_due ON assets (due) WHERE open;
	CREATE INDEX assets_status ON assets (status, id);
	CREATE INDEX assets_tenant ON assets (tenant, id);
`}

// Open opens the database in the file at path, which it makes where there is none, and
// brings its schema up to date. One of a newer program gives upload.ErrVersion.
func Open(ctx context.Context, path string) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: url.Values{
		"_txlock": {"immediate"}, // a transaction that is going to write locks when it begins
		"_pragma": {
			"busy_timeout(10000)", // milliseconds to wait for another's lock
			"journal_mode(WAL)",   // readers and the writer do not wait for each other
			"synchronous(FULL)",   // what was committed survives a power failure
		},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err == nil {
		if err = migrate(ctx, db); err != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the catalog %q: %w", path, err)
	}
	return db, nil
}

// migrate lets one process at a time apply what is missing.
func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var version int
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("%w: its schema has version %d, this program knows %d", upload.ErrVersion, version, len(migrations))
	}
	for _, m := range migrations[version:] {
		if _, err := tx.ExecContext(ctx, m); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, len(migrations))); err != nil {
		return err
	}
	return tx.Commit()
}
