package hls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/vodkit/vodkit/storage"
	"golang.org/x/sync/errgroup"
)

// write is a media playlist to be stored, and what is true once it is.
type write struct {
	key          string
	cacheControl string
	playlist     mediaPlaylist
	done         func() // called with Publisher.mu held
}

// publish writes what is due: growing playlists, and the provisional multivariant
// playlist behind the first of them.
func (p *Publisher) publish(ctx context.Context) error {
	if err := p.lockWriter(ctx); err != nil {
		return err
	}
	defer p.unlockWriter()

	p.mu.Lock()
	if !p.due() { // whoever had the writer before has done it
		p.mu.Unlock()
		return nil
	}
	var writes []write
	n := p.common()
	for _, t := range p.played {
		if m := t.growTo(n); m > t.event {
			writes = append(writes, p.eventWrite(t, m, false))
		}
	}
	p.mu.Unlock()

	if err := p.writeAll(ctx, writes); err != nil {
		return err
	}
	return p.writeProvisional(ctx)
}

// writeProvisional writes the multivariant playlist of the growing presentation,
// unless it is there.
func (p *Publisher) writeProvisional(ctx context.Context) error {
	p.mu.Lock()
	if p.playable {
		p.mu.Unlock()
		return nil
	}
	body := encodeMultivariant(p.renditions(EventName))
	p.mu.Unlock()

	if err := p.check(ctx, body, false); err != nil {
		return err
	}
	if err := p.put(ctx, p.Playlist(), body, p.opts.GrowingCacheControl); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.playable = true
	p.updateFront()
	return nil
}

// Finish completes the presentation: growing playlists get the rest of their segments
// and EXT-X-ENDLIST, final playlists are written beside them, and then, unless
// PublisherOptions.Check objects, the multivariant playlist is replaced by one that
// points at those, with measured bandwidths.
//
// Where something is missing Finish returns an [*IncompleteError] and nothing is
// written; it may be called again when it has come. From then on nothing more is
// accepted. A failed write returns the Store's error, and Finish may be called again.
// After Fail it returns [ErrEnded], after success nil.
func (p *Publisher) Finish(ctx context.Context) error {
	if err := p.lockWriter(ctx); err != nil {
		return err
	}
	defer p.unlockWriter()

	writes, err := p.finalWrites()
	if err != nil || writes == nil {
		return err
	}
	if err := p.writeAll(ctx, writes); err != nil {
		return err
	}
	p.mu.Lock()
	body := encodeMultivariant(p.renditions(ofRun(IndexName, p.opts.Run)))
	p.mu.Unlock()
	if err := p.check(ctx, body, true); err != nil {
		return err
	}
	if err := p.put(ctx, p.Playlist(), body, p.opts.GrowingCacheControl); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished, p.playable = true, true
	p.updateFront()
	return nil
}

// check asks whether the multivariant playlist may be replaced.
func (p *Publisher) check(ctx context.Context, master []byte, final bool) error {
	if p.opts.Check == nil {
		return nil
	}
	return p.opts.Check(ctx, master, final)
}

// finalWrites seals the presentation and returns what Finish has to write before the
// multivariant playlist; nil when it has finished before.
func (p *Publisher) finalWrites() ([]write, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.finished:
		return nil, nil
	case p.failed:
		return nil, fmt.Errorf("hls: finish: %w", ErrEnded)
	}
	if err := p.incomplete(); err != nil {
		return nil, err
	}
	p.sealed = true
	writes := []write{}
	for _, t := range p.played {
		if p.grew(t) {
			writes = append(writes, p.eventWrite(t, len(t.segs), true))
		}
		if !t.final {
			writes = append(writes, p.finalWrite(t))
		}
		if t.hasKeyframes() && !t.trick {
			writes = append(writes, p.iframeWrite(t))
		}
	}
	return writes, nil
}

// incomplete returns an *IncompleteError where something is missing.
func (p *Publisher) incomplete() error {
	var e IncompleteError
	for _, t := range p.tracks {
		lack := IncompleteTrack{
			Track: t.plan.ID, NoInit: t.init == nil,
			NoSegments: len(t.segs) == 0 && len(t.ahead) == 0,
		}
		for n, left := len(t.segs), len(t.ahead); left > 0 && len(lack.Missing) < 16; n++ {
			if _, ok := t.ahead[n]; ok {
				left--
			} else {
				lack.Missing = append(lack.Missing, n)
			}
		}
		if lack.NoInit || lack.NoSegments || len(lack.Missing) > 0 {
			e.Tracks = append(e.Tracks, lack)
		}
	}
	if len(e.Tracks) == 0 {
		return nil
	}
	return &e
}

// Fail ends a presentation that will not be completed: growing playlists get what is
// due and EXT-X-ENDLIST, so that players stop where the video stops. Everything stays
// where it is; whether it can still be reached is the host's choice. Nothing more is
// accepted. A failed write returns the Store's error, and Fail may be called again.
// After Finish it does nothing.
func (p *Publisher) Fail(ctx context.Context) error {
	if err := p.lockWriter(ctx); err != nil {
		return err
	}
	defer p.unlockWriter()

	p.mu.Lock()
	if p.finished {
		p.mu.Unlock()
		return nil
	}
	p.sealed, p.failed = true, true
	n := p.common()
	var writes []write
	for _, t := range p.played {
		if p.grew(t) {
			writes = append(writes, p.eventWrite(t, t.growTo(n), true))
		}
	}
	p.mu.Unlock()
	return p.writeAll(ctx, writes)
}

// grew says whether the track may have a growing playlist that has not ended.
func (p *Publisher) grew(t *track) bool {
	before := p.resumed && !p.opts.DeferMaster && p.common() > 0
	return (t.tried > 0 || before) && !t.eventEnded
}

func (p *Publisher) eventWrite(t *track, n int, end bool) write {
	t.tried = max(t.tried, n)
	return write{
		key:          p.key(path.Join(t.plan.ID, EventName)),
		cacheControl: p.opts.GrowingCacheControl,
		playlist:     mediaPlaylist{track: t.plan.ID, keyURI: p.opts.KeyURI, init: *t.init, segments: t.segs[:n:n], target: p.target, ended: end},
		done:         func() { t.event, t.eventEnded = n, end },
	}
}

func (p *Publisher) finalWrite(t *track) write {
	return write{
		key:          p.key(path.Join(t.plan.ID, ofRun(IndexName, p.opts.Run))),
		cacheControl: p.opts.FinalCacheControl,
		playlist:     mediaPlaylist{track: t.plan.ID, keyURI: p.opts.KeyURI, init: *t.init, segments: t.segs, target: p.target, vod: true, ended: true},
		done:         func() { t.final = true },
	}
}

func (p *Publisher) iframeWrite(t *track) write {
	w := p.finalWrite(t)
	w.key = p.key(path.Join(t.plan.ID, ofRun(IFrameName, p.opts.Run)))
	w.playlist.iframes = true
	w.done = func() { t.trick = true }
	return w
}

// writeAll writes the playlists at once, when what they refer to is recorded: a remote
// bucket takes its time for each. All are tried, whatever becomes of the others.
func (p *Publisher) writeAll(ctx context.Context, writes []write) error {
	if p.opts.Record != nil && len(writes) > 0 {
		if err := p.opts.Record(ctx); err != nil {
			return err
		}
	}
	errs := make([]error, len(writes))
	var g errgroup.Group
	g.SetLimit(16)
	for i, w := range writes {
		g.Go(func() error {
			body, err := w.playlist.encode()
			if err != nil {
				errs[i] = fmt.Errorf("hls: encode %s: %w", w.key, err)
				return nil
			}
			if errs[i] = p.put(ctx, w.key, body, w.cacheControl); errs[i] == nil {
				p.mu.Lock()
				defer p.mu.Unlock()
				w.done()
			}
			return nil
		})
	}
	_ = g.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.updateFront()
	return errors.Join(errs...)
}

// put stores a playlist.
func (p *Publisher) put(ctx context.Context, key string, body []byte, cacheControl string) error {
	if err := putPlaylist(ctx, p.store, key, body, cacheControl); err != nil {
		return err
	}
	p.opts.Logger.DebugContext(ctx, "playlist published", "key", key, "bytes", len(body))
	return nil
}

func putPlaylist(ctx context.Context, store storage.Store, key string, body []byte, cacheControl string) error {
	_, err := store.Put(ctx, key, bytes.NewReader(body), &storage.PutOptions{
		ContentType: playlistType, CacheControl: cacheControl, Size: int64(len(body)),
	})
	if err != nil {
		return fmt.Errorf("hls: publish: %w", err)
	}
	return nil
}

// PutMaster stores master as the multivariant playlist of the asset whose objects are
// under prefix, such as "media/42", as a Publisher without options does. It puts back
// what PublisherOptions.Check was shown, where something else has replaced that.
func PutMaster(ctx context.Context, store storage.Store, prefix string, master []byte) error {
	return putPlaylist(ctx, store, MasterKey(prefix), master, growingCacheControl)
}
