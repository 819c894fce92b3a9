package upload

import (
	"context"
	"strings"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// Query says which assets Catalog.List yields. Zero fields match all.
type Query struct {
	Status progress.Status
	Tenant string
	// Profile is the ladder's name, as Asset.Profile. Assets of Options.Plan cannot be asked
	// for by it.
	Profile string
	// Name is a part of the name; whether letters are large or small does not matter.
	Name string
	// Metadata are entries that an asset has, with these values.
	Metadata map[string]string
	// CreatedAfter and CreatedBefore bound Asset.Created. An asset of that very moment is not
	// after it, and not before it.
	CreatedAfter, CreatedBefore time.Time
	// After is the ID behind which the list goes on: only smaller ones are yielded.
	After string
	// Limit is how many are yielded at most, 0 for all.
	Limit int
}

// Matches says whether a is what q asks for, Limit aside. A Catalog of your own may narrow
// its search by those fields that it has an index for, and filter what it finds by this.
func (q Query) Matches(a Asset) bool {
	return (q.Status == "" || a.Status == q.Status) &&
		(q.Tenant == "" || a.Tenant == q.Tenant) &&
		(q.Profile == "" || a.Profile == q.Profile) &&
		(q.After == "" || a.ID < q.After) &&
		(q.CreatedAfter.IsZero() || a.Created.After(q.CreatedAfter)) &&
		(q.CreatedBefore.IsZero() || a.Created.Before(q.CreatedBefore)) &&
		(q.Name == "" || strings.Contains(strings.ToLower(a.Name), strings.ToLower(q.Name))) &&
		q.matchesMetadata(a)
}

func (q Query) matchesMetadata(a Asset) bool {
	for key, value := range q.Metadata {
		if got, ok := a.Metadata[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// narrow says whether q has fields that catalogs of older hosts do not look at.
func (q Query) narrow() bool {
	return q.Profile != "" || q.Name != "" || len(q.Metadata) > 0 || !q.CreatedAfter.IsZero() || !q.CreatedBefore.IsZero()
}

// find calls found with the assets that match q, until that returns false or there are
// q.Limit of them. A catalog of the host's that does not know all fields of q yields too
// many: those are left out here.
func (p *Pipeline) find(ctx context.Context, q Query, found func(Asset) bool) error {
	most, n := q.Limit, 0
	if q.narrow() {
		q.Limit = 0 // or it would count what is left out
	}
	for a, err := range p.catalog.List(ctx, q) {
		if err != nil {
			return err
		}
		if !q.Matches(a) {
			continue
		}
		if n++; !found(a) || n == most {
			return nil
		}
	}
	return nil
}

// List returns up to q.Limit assets (0: 100) in descending order of their ids, the
// newest first unless the host chose ids of its own.
func (p *Pipeline) List(ctx context.Context, q Query) ([]Asset, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	assets := make([]Asset, 0, min(q.Limit, 100))
	err := p.find(ctx, q, func(a Asset) bool {
		assets = append(assets, p.current(a))
		return true
	})
	if err != nil {
		return nil, err
	}
	return assets, nil
}
