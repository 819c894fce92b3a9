// Package storagetest is the conformance suite of storage.Store. Whoever writes a Store,
// or a decorator of one, runs it in a test:
//
//	func TestStore(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storage.Store {
//			s, err := mystore.New(t.TempDir())
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(func() { s.Close() })
//			return s
//		})
//	}
//
// It uses nothing but the standard library. Run it with -race: a good part of it is about
// concurrency.
package storagetest

import (
	"testing"

	"github.com/vodkit/vodkit/storage"
)

// Option tells Run about the limits of a Store.
type Option func(*config)

type config struct {
	large         int64
	longest       int
	folders       bool
	weakExclusive bool
	derivedTypes  bool
}

// LargeSize sets the size in bytes of the large object. Defaults to 64 MiB, and to 8 MiB
// with -short.
func LargeSize(n int64) Option { return func(c *config) { c.large = n } }

// LongestKey sets the length in bytes of the longest key, for a Store that puts something
// before it. Defaults to storage.MaxKey.
func LongestKey(n int) Option { return func(c *config) { c.longest = n } }

// FolderKeys says that the Store keeps its objects in a file system and so can't hold
// both "a" and "a/b", nor perhaps "a" where "a/b" has been. Run then asks that the second
// of both fails and spoils nothing. Defaults to a Store that can.
func FolderKeys() Option { return func(c *config) { c.folders = true } }

// WeakIfNotExist says that PutOptions.IfNotExist is not atomic. Run then leaves out the
// race for it. Defaults to an atomic one.
func WeakIfNotExist() Option { return func(c *config) { c.weakExclusive = true } }

// DerivedContentTypes says that the Store keeps no content types and derives them with
// storage.ContentType. Defaults to a Store that keeps them.
func DerivedContentTypes() Option { return func(c *config) { c.derivedTypes = true } }

// Run tests the Stores that open makes: an empty one for each call, which open closes
// with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) storage.Store, opts ...Option) {
	c := config{large: 64 << 20, longest: storage.MaxKey}
	if testing.Short() {
		c.large = 8 << 20
	}
	for _, o := range opts {
		o(&c)
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, storage.Store, config)
	}{
		{"RoundTrip", testRoundTrip},
		{"Missing", testMissing},
		{"Overwrite", testOverwrite},
		{"Delete", testDelete},
		{"Info", testInfo},
		{"ContentType", testContentType},
		{"Range", testRange},
		{"RangeOutside", testRangeOutside},
		{"File", testFile},
		{"SignedURL", testSignedURL},
		{"InvalidKeys", testInvalidKeys},
		{"OddKeys", testOddKeys},
		{"NestedKeys", testNestedKeys},
		{"ListPrefix", testListPrefix},
		{"ListOrder", testListOrder},
		{"ListMany", testListMany},
		{"ListEarlyBreak", testListEarlyBreak},
		{"OddReaders", testOddReaders},
		{"FailingReader", testFailingReader},
		{"WrongSize", testWrongSize},
		{"UnfinishedPut", testUnfinishedPut},
		{"CancelledBefore", testCancelledBefore},
		{"CancelledPut", testCancelledPut},
		{"CancelledRead", testCancelledRead},
		{"IfNotExist", testIfNotExist},
		{"IfNotExistRace", testIfNotExistRace},
		{"IfMatch", testIfMatch},
		{"WritersOfManyKeys", testWritersOfManyKeys},
		{"WritersOfOneKey", testWritersOfOneKey},
		{"ReadersDuringOverwrites", testReadersDuringOverwrites},
		{"DeletesAndPuts", testDeletesAndPuts},
		{"Large", testLarge},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t), c) })
	}
}
