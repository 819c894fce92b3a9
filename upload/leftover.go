package upload

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// What a run leaves is listed while the record is still the run's, and removed when its
// end is recorded. Nothing else is safe: as soon as the record is let go, another run
// may write beside it.

// cleanup bounds how long the removal of what nobody needs may take; what remains is for
// Sweep.
const cleanup = time.Minute

// retire withdraws what this run has published, where that is still this run's to do:
// the multivariant playlist is the one key that runs share.
func (r *run) retire(ctx context.Context) []string {
	held, cancel := r.p.life.words(ctx, lastWords)
	defer cancel()
	err := r.held.update(held, func(*Asset) {})
	if full(err) && !r.p.opts.KeepFailed && r.makeRoom(ctx) {
		err = r.held.update(held, func(*Asset) {})
	}
	if err != nil && !errors.Is(err, errCancelled) {
		return nil
	}
	return r.withdraw(ctx, r.held.get())
}

// withdraw makes sure that nobody is led to what cannot be played, and lists what the
// run that a tells of has left that nobody needs.
func (r *run) withdraw(ctx context.Context, a Asset) []string {
	ctx, cancel := r.p.life.words(ctx, lastWords)
	defer cancel()
	if a.Output == "" {
		return nil
	}
	keys, err := r.p.listUnder(ctx, journalKeys(a.ID), everything)
	var media []string
	switch {
	case err != nil:
	case a.Playlist == "":
		// The multivariant playlist may be there, though it has not been told of.
		if err = r.p.store.Delete(ctx, hls.MasterKey(mediaPrefix+a.ID)); err == nil {
			media, err = r.p.listUnder(ctx, mediaPrefix+a.ID+"/", everything)
		}
	case a.Output != a.Published:
		media, err = r.p.listUnder(ctx, a.Output+"/", everything)
	}
	if err != nil {
		r.log.Warn("What a run has left could not be listed, or its playlist not be withdrawn.", "error", err)
	}
	return append(keys, media...)
}

// endGrowing ends the growing playlists of what a's record says is published.
func (p *Pipeline) endGrowing(ctx context.Context, a Asset) error {
	return hls.EndGrowing(ctx, p.store, mediaPrefix+a.ID, []byte(a.Master))
}

// unreferenced lists what is under the published output and no part of what is: two runs
// may have encoded the same part of the timeline, and each run has final playlists.
func (p *Pipeline) unreferenced(ctx context.Context, a Asset) ([]string, error) {
	if a.Master == "" || a.Runs < 2 {
		return nil, nil
	}
	refers, err := hls.References(ctx, p.store, mediaPrefix+a.ID, []byte(a.Master))
	if err != nil {
		return nil, err
	}
	return p.listUnder(ctx, a.Published+"/", func(key string) bool { return a.spare(key, refers) })
}

// spare says whether the key is one of vodkit's that a published run can do without.
func (a Asset) spare(key string, refers map[string]bool) bool {
	_, own := ownKeyOf(key)
	return own && !refers[key] && path.Base(key) != hls.EventName && !a.isStill(key)
}

// withdrawn takes the playlist that nobody was told of out of the record, behind
// withdraw.
func (r *run) withdrawn(a *Asset) {
	if a.Playlist == "" && !(a.Status.Terminal() && r.p.opts.KeepFailed) {
		a.Published, a.Master = "", ""
		a.Poster, a.Storyboard = "", ""
	}
}

// list returns the keys under prefix that match.
func (r *run) list(ctx context.Context, prefix string, match func(key string) bool) []string {
	ctx, cancel := r.p.life.words(ctx, lastWords)
	defer cancel()
	keys, err := r.p.listUnder(ctx, prefix, match)
	if err != nil {
		r.log.Warn("What a run has left could not be listed.", "error", err)
	}
	return keys
}

// journals lists the pages of the asset's journals.
func (r *run) journals(ctx context.Context) []string {
	return r.list(ctx, journalKeys(r.held.get().ID), everything)
}

// removeListed removes what was listed.
func (r *run) removeListed(ctx context.Context, keys []string) {
	ctx, cancel := r.p.life.words(ctx, cleanup)
	defer cancel()
	if err := r.p.removeAll(ctx, keys); err != nil {
		r.log.Warn("What a run has left could not be removed.", "error", err)
	}
}
