package upload

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// tidyLater records, at the end of an attempt, that the asset wants a last look: when
// nobody plays any more what was superseded, and when a process that had only stood
// still has woken.
func (p *Pipeline) tidyLater(a *Asset) {
	if len(a.Superseded) == 0 && !a.Stray {
		return
	}
	wait := p.opts.KeepSuperseded
	if wait < 0 {
		wait = p.opts.Lease
	}
	a.Intent, a.Due = IntentTidy, a.Updated.Add(wait)
}

// superseded says whether the key is of a run that was published before.
func (a Asset) superseded(key string) bool {
	return slices.ContainsFunc(a.Superseded, func(run string) bool {
		return run != a.Published && strings.HasPrefix(key, run+"/")
	})
}

// tidy gives a claimed asset its last look.
func (p *Pipeline) tidy(ctx context.Context, a Asset, rev Revision) {
	h := p.newHolder(a, rev)
	err := p.tidyHeld(ctx, h)
	if err == nil {
		p.log.Debug("An asset was tidied up.", "asset", a.ID)
		return
	}
	if ctx.Err() == nil && !ends(err) {
		p.log.Warn("An asset could not be tidied up; trying again.", "asset", a.ID, "error", err)
	}
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	err = h.update(ctx, func(a *Asset) {
		a.Owner, a.Lease, a.Due = "", time.Time{}, now().Add(p.opts.RetryDelay)
	})
	if err != nil && !ends(err) {
		p.log.Warn("What is superseded could not be left to another look; the lease has to end.", "asset", a.ID, "error", err)
	}
}

func (p *Pipeline) tidyHeld(ctx context.Context, h *holder) error {
	a := h.get()
	if err := p.restore(ctx, a.ID); err != nil { // first: it may lead to what is superseded
		return err
	}
	keys, err := p.listUnder(ctx, mediaPrefix+a.ID+"/", a.superseded)
	if err == nil && a.Stray {
		var more []string
		more, err = p.strays(ctx, a)
		keys = append(keys, more...)
	}
	if err != nil {
		return err
	}
	if err := h.update(ctx, func(*Asset) {}); err != nil { // it is still ours, and so is what was listed
		return err
	}
	if err := p.removeAll(ctx, keys); err != nil {
		return err
	}
	return h.update(ctx, func(a *Asset) {
		a.Superseded, a.Stray, a.Intent = nil, false, IntentNone
		a.Owner, a.Lease, a.Due = "", time.Time{}, time.Time{}
	})
}

// strays makes good what a process that had only stood still may have done to the growing
// playlists, and lists what it may have left.
func (p *Pipeline) strays(ctx context.Context, a Asset) ([]string, error) {
	if a.Playlist != "" {
		if err := p.endGrowing(ctx, a); err != nil {
			return nil, err
		}
	}
	keys, err := p.listUnder(ctx, journalKeys(a.ID), everything)
	if err != nil || a.Status != progress.Complete {
		return keys, err
	}
	more, err := p.unreferenced(ctx, a)
	return append(keys, more...), err
}
