package invariant

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// Settled returns what is wrong once nothing is left to do and all was swept: an asset
// that is not at its end, a COMPLETE one that cannot be played to its end, an object
// that belongs to nobody.
func Settled(ctx context.Context, store storage.Store, catalog upload.Catalog) ([]string, error) {
	broken, err := Living(ctx, store, nil)
	if err != nil {
		return nil, err
	}
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	sources, media := map[string]bool{}, map[string]upload.Asset{}
	for a, err := range catalog.List(ctx, upload.Query{}) {
		if err != nil {
			return nil, err
		}
		media[a.ID] = a
		parts := a.Source.Parts
		if a.Replaced != nil {
			parts = slices.Concat(parts, a.Replaced.Source.Parts)
		}
		for _, part := range parts {
			sources[part.Key] = true
			if _, err := store.Stat(ctx, part.Key); err != nil {
				say("Asset %s has lost its source: %v.", a.ID, err)
			}
		}
		if a.Unfinished() || a.Owner != "" {
			say("Asset %s is %s with intent %q and owner %q, and nobody works on it.", a.ID, a.Status, a.Intent, a.Owner)
		}
		if a.Status != progress.Complete {
			continue
		}
		if body, err := get(ctx, store, a.Playlist); err != nil || string(body) != a.Master {
			say("The multivariant playlist of asset %s is not that of its record (%v).", a.ID, err)
		}
		report, err := check.Run(ctx, check.Store(store), hls.MasterKey("media/"+a.ID), &check.Options{
			Profiles: []check.Profile{check.Conformance}, Expected: a.Duration, Tolerance: time.Second,
		})
		if err == nil {
			err = report.Err()
		}
		if err == nil && report.Growing {
			err = fs.ErrInvalid
		}
		if err != nil {
			say("Asset %s is COMPLETE and not whole: %v.", a.ID, err)
		}
	}
	played, err := played(ctx, store, media)
	if err != nil {
		return nil, err
	}
	for info, err := range store.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		parts := strings.SplitN(info.Key, "/", 3)
		switch {
		case parts[0] == "sources" && !sources[info.Key],
			parts[0] == "media" && !played[info.Key],
			parts[0] == "journal",
			parts[0] == "catalog" && parts[1] == "due":
			say("%s belongs to nobody.", info.Key)
		}
	}
	return broken, nil
}

// played returns the keys of all that the assets' playlists lead to, growing playlists
// that have ended among them, which must be so.
func played(ctx context.Context, store storage.Store, assets map[string]upload.Asset) (map[string]bool, error) {
	keys := map[string]bool{}
	for id, a := range assets {
		if a.Playlist == "" {
			continue
		}
		objects, err := load(ctx, store, "media/"+id+"/")
		if err != nil {
			return nil, err
		}
		keys[a.Playlist] = true
		for _, key := range reaches(objects, a.Playlist) {
			keys[key] = true
			grown := path.Join(path.Dir(key), hls.EventName)
			if text, ok := objects[grown]; ok && path.Ext(key) == ".m3u8" {
				keys[grown] = bytes.Contains(text, []byte("#EXT-X-ENDLIST"))
			}
		}
	}
	return keys, nil
}

// Temporary returns the temporary files in a folder.
func Temporary(dir string) ([]string, error) {
	var broken []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".tmp") {
			broken = append(broken, name+" is a temporary file that was left.")
		}
		return err
	})
	return broken, err
}
