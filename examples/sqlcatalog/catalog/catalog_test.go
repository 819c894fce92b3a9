package catalog_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/examples/sqlcatalog/catalog"
	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/catalogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handle is a catalog with the file that it is in.
type handle struct {
	*catalog.Catalog
	path string
}

func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := catalog.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

func TestCatalog(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) upload.Catalog {
		path := filepath.Join(t.TempDir(), "a file?name#1 %41.db")
		return handle{catalog.New(open(t, path)), path}
	}, catalogtest.Second(func(t *testing.T, first upload.Catalog) upload.Catalog {
		path := first.(handle).path
		return handle{catalog.New(open(t, path)), path}
	}), catalogtest.Records(1000))
}

func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			db, err := catalog.Open(t.Context(), path)
			if assert.NoError(t, err) {
				assert.NoError(t, db.Close())
			}
		})
	}
	wg.Wait()
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := open(t, path)
	_, err := db.ExecContext(t.Context(), `PRAGMA user_version = 99`)
	require.NoError(t, err)
	_, err = catalog.Open(t.Context(), path)
	require.ErrorIs(t, err, upload.ErrVersion)
}

// Claim reads an index that holds the unfinished assets in order: it neither sorts nor
// looks at the finished ones.
func TestClaimUsesTheIndex(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"))
	for query, index := range map[string]string{
		`SELECT record, rev FROM assets WHERE open AND +due <= 1 ORDER BY wish DESC, priority DESC, created, id LIMIT 1`: "assets_claim",
		`SELECT min(due) FROM assets WHERE open`: "assets_due",
		`SELECT record, rev FROM assets WHERE TRUE AND status = 'READY' AND id < 'x' ORDER BY id DESC LIMIT 9`: "assets_status",
	} {
		plan := explain(t, db, query)
		assert.Contains(t, plan, index, query)
		assert.NotContains(t, plan, "TEMP B-TREE", query)
	}
}

func explain(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query)
	require.NoError(t, err)
	defer func() { assert.NoError(t, rows.Close()) }()
	var plan string
	for rows.Next() {
		var id, parent, unused int
		var line string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &line))
		plan += line + "\n"
	}
	require.NoError(t, rows.Err())
	return plan
}
