package upload

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// The multivariant playlist is the one key that runs share, and a Store has no
// compare-and-swap: a process that stands still between the record, which it writes
// first, and the playlist may replace that of its successor when it wakes. The record
// says what is right, so whoever sees it put back can: the late process itself, when it
// finds the record another's; the successor, some time after the asset's end (tidy); and
// Sweep.

// restore makes the asset's multivariant playlist in the Store what the record says.
// Who has no record, or has published nothing, has none.
func (p *Pipeline) restore(ctx context.Context, id string) error {
	for range 10 {
		a, _, err := p.catalog.Get(ctx, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		right, err := p.masterIsRight(ctx, id, a)
		if err != nil || right {
			return err
		}
		p.log.Warn("A multivariant playlist is not the one of the record and is put back.", "asset", id)
		if a.Master == "" {
			err = p.store.Delete(ctx, hls.MasterKey(mediaPrefix+id))
		} else {
			err = hls.PutMaster(ctx, p.store, mediaPrefix+id, []byte(a.Master))
		}
		if err != nil {
			return err
		}
		// And again: the record may have changed meanwhile.
	}
	return fmt.Errorf("asset %q: its multivariant playlist changes too fast", id)
}

// masterIsRight says whether the playlist in the Store is that of the record, or not
// ours to judge: somebody else has written it, or the record does not say what is in it.
func (p *Pipeline) masterIsRight(ctx context.Context, id string, a Asset) (bool, error) {
	if a.Master == "" && a.Playlist != "" || a.Intent == IntentDelete {
		return true, nil
	}
	text, err := readMaster(ctx, p.store, id)
	if errors.Is(err, storage.ErrNotExist) {
		return a.Master == "", nil
	}
	if err != nil || string(text) == a.Master {
		return err == nil, err
	}
	_, ours := masterRefers(text)
	return !ours, nil
}

// makeGood is restore by a process that has found itself succeeded.
func (p *Pipeline) makeGood(ctx context.Context, id string) {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if err := p.restore(ctx, id); err != nil {
		p.log.Warn("What a run may have written too late could not be looked at.", "asset", id, "error", err)
	}
}

// maxMaster bounds what is read of a multivariant playlist, in bytes.
const maxMaster = 1 << 20

func readMaster(ctx context.Context, store storage.Store, id string) ([]byte, error) {
	obj, err := store.Open(ctx, hls.MasterKey(mediaPrefix+id), nil)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	return io.ReadAll(io.LimitReader(obj, maxMaster))
}
