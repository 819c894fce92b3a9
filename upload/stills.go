package upload

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/stills"
)

// makeStills puts the storyboard of what was encoded and chooses the poster, where the
// plan has pictures taken. What cannot be made of them is left out: a video is no worse
// without.
func (r *run) makeStills(ctx context.Context) error {
	r.stills = stills.Result{}
	state := r.pub.State()
	output := r.held.get().Output
	for _, t := range state.Tracks {
		if t.Track.Kind != hls.Image {
			continue
		}
		made, err := stills.Publish(ctx, r.p.store, output, t.Track, t.Segments[:t.Contiguous], state.Duration, nil)
		switch {
		case errors.Is(err, stills.ErrMalformed):
			r.log.Warn("The pictures that were taken of a video are damaged; it has no storyboard.", "error", err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return storeError(err)
		}
		r.stills = made
	}
	return nil
}

// setStills records what makeStills has made, with the run that it belongs to.
func (r *run) setStills(a *Asset) {
	a.Poster, a.Storyboard = "", ""
	if r.stills.Poster != "" {
		a.Poster = path.Join(a.Output, r.stills.Poster)
	}
	if r.stills.Storyboard != "" {
		a.Storyboard = path.Join(a.Output, r.stills.Storyboard)
	}
}

// isStill says whether the key is the asset's poster, or of a storyboard.
func (a Asset) isStill(key string) bool {
	name := path.Base(key)
	return key == a.Poster || strings.HasPrefix(name, "sheet-") || strings.HasPrefix(name, "storyboard-")
}

// usedUp returns whether a key is of a picture that was only there to make a poster and
// a storyboard of.
func (r *run) usedUp() func(key string) bool {
	a := r.held.get()
	for _, t := range r.pub.State().Tracks {
		if t.Track.Kind == hls.Image && r.stills != (stills.Result{}) {
			prefix := a.Output + "/" + t.Track.ID + "/"
			return func(key string) bool {
				return strings.HasPrefix(key, prefix) && path.Ext(key) == ".jpg" && !a.isStill(key)
			}
		}
	}
	return func(string) bool { return false }
}
