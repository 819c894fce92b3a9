package upload

import (
	"context"
	"iter"
	"time"
)

// Revision is a version of one asset's record, opaque to everyone but the Catalog
// that gave it. "" stands for a record that is not there. A revision is never used
// again, not even for a new record with the id of a deleted one.
type Revision string

// Catalog records assets. It is the truth about them: what it has returned nil for
// survives the process. [StoreCatalog] keeps JSON in the Store; a host may keep
// records in its own table.
//
// All methods may be called concurrently, honour ctx, and neither keep nor return
// memory that the caller may change afterwards. Errors name the operation and the
// asset, and match this package's sentinels through errors.Is.
type Catalog interface {
	// Get returns the record and its revision. A missing one gives [ErrNotFound].
	Get(ctx context.Context, id string) (Asset, Revision, error)

	// Put writes the record and returns its new revision. With rev "" it creates the
	// record and fails with [ErrExist] where there is one; with another it replaces the
	// record that has this revision, and fails with [ErrConflict] where it has another
	// or is gone. Of concurrent Puts under one revision exactly one succeeds. A Put that
	// fails otherwise has changed nothing, or all: read again before trying again.
	Put(ctx context.Context, a Asset, rev Revision) (Revision, error)

	// Delete removes the record that has revision rev, and fails with [ErrConflict] where
	// it has another. Deleting what is not there is no error.
	Delete(ctx context.Context, id string, rev Revision) error

	// Claim returns the next asset that is due, or waits for one until ctx ends. It sets
	// Owner to owner and Lease to lease from now, and changes nothing else; nobody else
	// is given the asset while the lease holds. The owner prolongs the lease, or ends it
	// by emptying Owner, with Put.
	//
	// Due is an asset that is Unfinished, whose Due has passed, and that has no Owner or
	// whose Lease has passed. Open intents come first, then higher priorities, then
	// older assets (Created, then ID).
	Claim(ctx context.Context, owner string, lease time.Duration) (Asset, Revision, error)

	// List yields the assets that match q, in descending order of ID: the ids that
	// vodkit makes grow with time, so the newest come first. Zero fields of q match all; what
	// a catalog has no index for, it leaves to [Query.Matches]. It yields an error at most once, as the last pair. Assets put or deleted meanwhile
	// may be seen or not.
	List(ctx context.Context, q Query) iter.Seq2[Asset, error]
}

// Lifecycle is implemented by catalogs that must be started and closed: Pipeline.Start
// calls Start before anything else, and Pipeline.Shutdown calls Close when nothing
// needs the catalog any more.
type Lifecycle interface {
	// Start makes the catalog ready, or fails with [ErrOwned]. ctx bounds the start, not
	// what runs after it.
	Start(ctx context.Context) error
	// Close gives up what Start took. It may be called more than once.
	Close(ctx context.Context) error
}
