// Package catalogtest is the conformance suite of upload.Catalog. Whoever keeps the
// records in a table of their own runs it in a test:
//
//	func TestCatalog(t *testing.T) {
//		catalogtest.Run(t, func(t *testing.T) upload.Catalog {
//			db := freshDatabase(t)
//			return mycatalog.New(db)
//		}, catalogtest.Second(func(t *testing.T, first upload.Catalog) upload.Catalog {
//			return mycatalog.New(first.(*mycatalog.Catalog).DB())
//		}))
//	}
//
// It uses nothing but the standard library, and the clock of the machine: a database on
// another one should agree with it to a second. Run it with -race: a good part of it is
// about concurrency.
package catalogtest

import (
	"testing"
	"time"

	"github.com/vodkit/vodkit/upload"
)

// Option tells Run about a Catalog and what more to try.
type Option func(*config)

type config struct {
	second    func(t *testing.T, first upload.Catalog) upload.Catalog
	reopen    func(t *testing.T, old upload.Catalog) upload.Catalog
	precision time.Duration
	many      int
	quiet     time.Duration
	limit     time.Duration
	foldsCase bool
}

// Second gives Run another Catalog over the records of first, which is used at the same
// time: what another process has. Run then tries everything that concerns several
// processes. Defaults to nil, for a Catalog of one process.
func Second(open func(t *testing.T, first upload.Catalog) upload.Catalog) Option {
	return func(c *config) { c.second = open }
}

// Reopen gives Run the Catalog that a process makes which comes after the one of old.
// old is not used any more; open may close it. Defaults to Second, if that is given.
func Reopen(open func(t *testing.T, old upload.Catalog) upload.Catalog) Option {
	return func(c *config) { c.reopen = open }
}

// Precision sets how precisely the Catalog keeps times, such as time.Microsecond in
// PostgreSQL. Defaults to a nanosecond.
func Precision(d time.Duration) Option { return func(c *config) { c.precision = d } }

// Records sets how many records the test of many has. Defaults to 2000, and to 200 with
// -short.
func Records(n int) Option { return func(c *config) { c.many = n } }

// Quiet sets how long Run waits to see that something does not happen. Defaults to 200
// milliseconds.
func Quiet(d time.Duration) Option { return func(c *config) { c.quiet = d } }

// Limit sets how long Run waits for something that must happen: a Catalog that polls
// needs a moment. Defaults to 30 seconds.
func Limit(d time.Duration) Option { return func(c *config) { c.limit = d } }

// FoldsCase says that ids which differ by case alone are one to the Catalog, as in a
// folder of some file systems. Defaults to a Catalog that tells them apart.
func FoldsCase() Option { return func(c *config) { c.foldsCase = true } }

// Run tests the Catalogs that open makes: an empty one for each call, which is ready for
// use (an upload.Lifecycle has been started) and which open closes with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) upload.Catalog, opts ...Option) {
	c := config{precision: time.Nanosecond, many: 2000, quiet: 200 * time.Millisecond, limit: 30 * time.Second}
	if testing.Short() {
		c.many = 200
	}
	for _, o := range opts {
		o(&c)
	}
	if c.reopen == nil {
		c.reopen = c.second
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, upload.Catalog, config)
	}{
		{"Missing", testMissing},
		{"Put", testPut},
		{"Delete", testDelete},
		{"EveryField", testEveryField},
		{"OddText", testOddText},
		{"OddIDs", testOddIDs},
		{"LargeRecord", testLargeRecord},
		{"Memory", testMemory},
		{"Cancelled", testCancelled},
		{"CreateRace", testCreateRace},
		{"PutRace", testPutRace},
		{"DeleteRace", testDeleteRace},
		{"Increments", testIncrements},
		{"ClaimOrder", testClaimOrder},
		{"ClaimOrderOfTimes", testClaimOrderOfTimes},
		{"ClaimWrites", testClaimWrites},
		{"ClaimWaits", testClaimWaits},
		{"ClaimWakes", testClaimWakes},
		{"ClaimDue", testClaimDue},
		{"ClaimsExclude", testClaimsExclude},
		{"CancelledClaims", testCancelledClaims},
		{"LeaseEnds", testLeaseEnds},
		{"LeaseRenewed", testLeaseRenewed},
		{"LeaseReleased", testLeaseReleased},
		{"ListOrder", testListOrder},
		{"ListFilters", testListFilters},
		{"ListNarrows", testListNarrows},
		{"ListPages", testListPages},
		{"ListStops", testListStops},
		{"ListDuringWrites", testListDuringWrites},
		{"Many", testMany},
		{"SecondReads", testSecondReads},
		{"SecondRace", testSecondRace},
		{"SecondClaims", testSecondClaims},
		{"SecondWakes", testSecondWakes},
		{"SecondSucceeds", testSecondSucceeds},
		{"Reopen", testReopen},
		{"Close", testClose},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t), c) })
	}
}
