package upload

import (
	"context"
	"errors"
	"strings"
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
	switch {
	case a.Output == "":
		return nil
	case a.Playlist == "":
		// The multivariant playlist may be there, though it has not been told of.
		ctx, cancel := r.p.life.words(ctx, lastWords)
		defer cancel()
		if err := r.p.store.Delete(ctx, hls.MasterKey(mediaPrefix+a.ID)); err != nil {
			r.log.Warn("A playlist that nobody was told of could not be removed.", "error", err)
		}
		return r.list(ctx, everything)
	case a.Output == a.Published:
		return nil
	}
	return r.list(ctx, func(key string) bool { return underOutput(a, key) })
}

// withdrawn takes the playlist that nobody was told of out of the record, behind
// withdraw.
func (r *run) withdrawn(a *Asset) {
	if a.Playlist == "" && !(a.Status.Terminal() && r.p.opts.KeepFailed) {
		a.Published, a.Master = "", ""
	}
}

// underOutput says whether the key is of the run that a tells of.
func underOutput(a Asset, key string) bool { return strings.HasPrefix(key, a.Output+"/") }

// list returns the keys of the asset's media that match.
func (r *run) list(ctx context.Context, match func(key string) bool) []string {
	ctx, cancel := r.p.life.words(ctx, lastWords)
	defer cancel()
	keys, err := r.p.listUnder(ctx, mediaPrefix+r.held.get().ID+"/", match)
	if err != nil {
		r.log.Warn("What a run has left could not be listed.", "error", err)
	}
	return keys
}

// removeListed removes what was listed.
func (r *run) removeListed(ctx context.Context, keys []string) {
	ctx, cancel := r.p.life.words(ctx, cleanup)
	defer cancel()
	if err := r.p.removeAll(ctx, keys); err != nil {
		r.log.Warn("What a run has left could not be removed.", "error", err)
	}
}
