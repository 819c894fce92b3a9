package upload

import (
	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/storage"
)

// OwnKey is what tests see of a key that vodkit makes.
type OwnKey struct {
	ID, Attempt string
	Source      bool
}

// OwnKeyOf takes a key apart as the sweeper does.
func OwnKeyOf(key string) (OwnKey, bool) {
	k, ok := ownKeyOf(key)
	return OwnKey{k.id, k.attempt, k.source}, ok
}

// MasterRefers tells which attempts a multivariant playlist refers to.
var MasterRefers = masterRefers

// OriginalOf is the source of an asset as it is served.
func OriginalOf(store storage.Store, a Asset) deliver.Resource {
	return &original{store: store, asset: a}
}

// MergePatch applies a JSON merge patch.
var MergePatch = mergePatch

// FetchInParts has sources that come from URLs kept in parts of n bytes.
func (p *Pipeline) FetchInParts(n int64) { p.fetcher.least = n }

// ParseContentRange is what is read of a Content-Range.
var ParseContentRange = parseContentRange
