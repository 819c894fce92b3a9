package upload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
)

// sweep is one Sweep: it looks first, so that nothing is listed while it is removed,
// and looks again at each asset before it removes what is that asset's.
type sweep struct {
	p       *Pipeline
	dry     bool
	stale   map[string]bool // the ids of assets whose multivariant playlist is not the record's
	age     time.Duration   // younger objects stay
	uploads map[string]bool // whether there is a session
	report  SweepReport
	errs    []error
}

// leftover is an object of vodkit's that nothing may refer to.
type leftover struct {
	ownKey
	SweptObject
}

func (s *sweep) run(ctx context.Context) error {
	defer s.p.imports.watch()()
	sources, err := s.find(ctx, sourcesPrefix)
	if err == nil {
		sources, err = s.unreferenced(ctx, sources)
	}
	if err != nil {
		return err
	}
	media, err := s.find(ctx, mediaPrefix)
	if err != nil {
		return err
	}
	journals, err := s.find(ctx, journalPrefix)
	if err != nil {
		return err
	}
	for _, group := range slices.Concat(byAsset(sources), byAsset(media), byAsset(journals)) {
		s.failed(s.clear(ctx, group))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	s.restore(ctx)
	s.temporary(ctx)
	return errors.Join(s.errs...)
}

func (s *sweep) failed(err error) {
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

// find returns what is left behind under prefix.
func (s *sweep) find(ctx context.Context, prefix string) ([]leftover, error) {
	var left, group []leftover
	flush := func() {
		found, err := s.judge(ctx, group)
		s.failed(err)
		left, group = append(left, found...), nil
	}
	before := now().Add(-s.age)
	for info, err := range s.p.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		key, own := ownKeyOf(info.Key)
		if !own || s.age > 0 && info.ModTime.After(before) {
			continue
		}
		if len(group) > 0 && group[0].id != key.id {
			flush()
		}
		group = append(group, leftover{key, SweptObject{Key: info.Key, Size: info.Size, ModTime: info.ModTime}})
	}
	flush()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return left, nil
}

// byAsset cuts left into runs of one asset.
func byAsset(left []leftover) [][]leftover {
	var groups [][]leftover
	for len(left) > 0 {
		n := 1
		for n < len(left) && left[n].id == left[0].id {
			n++
		}
		groups, left = append(groups, left[:n:n]), left[n:]
	}
	return groups
}

// judge returns those of an asset's objects that its record has no use for, with the
// reason. They were listed before the record is read: what a run writes later is in a
// record that is read later, too.
func (s *sweep) judge(ctx context.Context, group []leftover) ([]leftover, error) {
	if len(group) == 0 {
		return nil, nil
	}
	id := group[0].id
	a, _, err := s.p.catalog.Get(ctx, id)
	none := errors.Is(err, ErrNotFound)
	switch {
	case none:
	case err != nil:
		return nil, fmt.Errorf("asset %q: %w", id, err)
	case a.Intent == IntentDelete:
		return nil, nil // it is being removed
	}
	var playing map[string]bool
	var ours bool
	var refers func(key string) bool
	if !group[0].source && !group[0].journal {
		text, err := readMaster(ctx, s.p.store, id)
		if err == nil {
			playing, ours = masterRefers(text)
		} else if !errors.Is(err, storage.ErrNotExist) {
			return nil, err
		}
		if a.Status.Terminal() && a.Master != "" && string(text) != a.Master && (ours || text == nil) {
			s.stale[id] = true
		}
		if refers, err = s.references(ctx, a, string(text)); err != nil {
			return nil, err
		}
	}
	var left []leftover
	for _, o := range group {
		switch {
		case none:
			o.Reason = SweptNoRecord
		case o.source:
			o.Reason = SweptUpload
		default:
			o.Reason = SweptAttempt
		}
		if o.attempt == "" && !o.source && !ours {
			continue // a multivariant playlist that somebody else has written
		}
		if !none && s.needed(a, o.ownKey, o.Key, playing) && (refers == nil || refers(o.Key)) {
			continue
		}
		coming, err := s.coming(ctx, o.ownKey)
		if err != nil {
			return nil, err
		}
		if !coming {
			left = append(left, o)
		}
	}
	return left, nil
}

// coming says whether the object is a part of an upload that goes on, or is remembered.
func (s *sweep) coming(ctx context.Context, key ownKey) (bool, error) {
	if key.session == "" {
		return false, nil
	}
	for _, id := range [...]string{key.id, key.session} { // of a new asset, of another source
		begun, known := s.uploads[id]
		if !known {
			var err error
			if begun, err = s.p.inSession(ctx, id); err != nil {
				return false, err
			}
			s.uploads[id] = begun
		}
		if begun {
			return true, nil
		}
	}
	return false, nil
}

// references returns what says whether an object is a part of what is published, nil
// where all is that is there: several runs may have written under the output.
func (s *sweep) references(ctx context.Context, a Asset, master string) (func(key string) bool, error) {
	if a.Status != progress.Complete || a.busy() || a.Runs < 2 || master != a.Master {
		return nil, nil
	}
	refers, err := hls.References(ctx, s.p.store, mediaPrefix+a.ID, []byte(a.Master))
	if err != nil {
		return nil, err
	}
	return func(key string) bool {
		return !strings.HasPrefix(key, a.Published+"/") || !a.spare(key, refers)
	}, nil
}

// needed says whether the asset's record has a use for the object.
func (s *sweep) needed(a Asset, key ownKey, name string, playing map[string]bool) bool {
	failed := a.Status.Terminal() && a.Playlist == "" // nothing of it can be played
	switch {
	case key.source:
		return a.hasPart(name)
	case key.journal:
		return !a.Status.Terminal() && key.attempt == path.Base(a.Output)
	case key.attempt == "":
		return !failed || s.p.opts.KeepFailed
	case key.attempt == path.Base(a.Output) && (!a.Status.Terminal() || s.p.opts.KeepFailed):
		return true
	}
	return !failed && (playing[key.attempt] || key.attempt == path.Base(a.Published) || a.superseded(name))
}

// unreferenced returns those of the sources that no asset has: a host may have made an
// asset of another's source.
func (s *sweep) unreferenced(ctx context.Context, sources []leftover) ([]leftover, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	at := make(map[string]bool, len(sources))
	for _, o := range sources {
		at[o.Key] = true
	}
	for a, err := range s.p.catalog.List(ctx, Query{}) {
		if err != nil {
			return nil, err
		}
		for _, part := range a.everyPart() {
			delete(at, part.Key)
		}
	}
	return slices.DeleteFunc(sources, func(o leftover) bool { return !at[o.Key] }), nil
}

// clear removes what is left of one asset. Its id is reserved meanwhile: nobody makes
// an asset of that id, nor retries it.
func (s *sweep) clear(ctx context.Context, group []leftover) error {
	free, ok := s.p.reserved.try(group[0].id)
	if !ok {
		return nil // it is being uploaded, retried or deleted
	}
	defer free()
	if group[0].source && s.p.reserved.held(sourceOf(group[0].id)) {
		return nil // a new source is on its way, and may be among these
	}
	group, err := s.judge(ctx, group)
	if err != nil || len(group) == 0 {
		return err
	}
	// The multivariant playlist goes first, so that nobody begins to play what is going.
	slices.SortStableFunc(group, func(a, b leftover) int { return rank(a) - rank(b) })
	if group[0].Key == hls.MasterKey(mediaPrefix+group[0].id) {
		if err := s.remove(ctx, group[:1]); err != nil {
			return err
		}
		group = group[1:]
	}
	return s.remove(ctx, group)
}

func rank(o leftover) int {
	if o.attempt == "" && !o.source {
		return 0
	}
	return 1
}

// remove removes objects and puts them into the report.
func (s *sweep) remove(ctx context.Context, group []leftover) error {
	gone := make([]bool, len(group))
	var g errgroup.Group
	g.SetLimit(8)
	for i, o := range group {
		g.Go(func() (err error) {
			gone[i], err = s.p.imports.unlessImported(o.Key, func() error {
				if s.dry {
					return nil
				}
				return s.p.store.Delete(ctx, o.Key)
			})
			return err
		})
	}
	err := g.Wait()
	for i, o := range group {
		if gone[i] {
			s.report.Objects = append(s.report.Objects, o.SweptObject)
			s.report.Bytes += o.Size
		}
	}
	return err
}

// restore puts multivariant playlists back.
func (s *sweep) restore(ctx context.Context) {
	for _, id := range slices.Sorted(maps.Keys(s.stale)) {
		if ctx.Err() != nil {
			return
		}
		if !s.dry {
			if err := s.p.restore(ctx, id); err != nil {
				s.failed(err)
				continue
			}
		}
		s.report.Restored = append(s.report.Restored, hls.MasterKey(mediaPrefix+id))
	}
}

// temporary sweeps the temporary files of a Store that can do so.
func (s *sweep) temporary(ctx context.Context) {
	if s.dry {
		return
	}
	names, err := storage.SweepTemporary(ctx, s.p.store, "", s.age)
	s.report.Temporary = names
	if !errors.Is(err, errors.ErrUnsupported) {
		s.failed(err)
	}
}
