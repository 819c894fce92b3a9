package invariant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"regexp"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// hashed is the name of an object that is named by its content.
var hashed = regexp.MustCompile(`-([0-9a-f]{16})\.(?:mp4|m4s)$`)

// Living returns what is wrong with the media in store at any moment, also in the
// middle of anything: an object that is not whole, and a multivariant playlist that
// leads to what is not there or does not conform.
//
// With a catalog, only playlists count that somebody was told of, and of those what the
// record says: a process that stood still in a write, and was succeeded meanwhile, may
// finish that write when it wakes, and what is right is put back behind it.
func Living(ctx context.Context, store storage.Store, catalog upload.Catalog) ([]string, error) {
	told, err := playlists(ctx, catalog)
	if err != nil {
		return nil, err
	}
	objects, err := load(ctx, store, "media/")
	if err != nil {
		return nil, err
	}
	var broken []string
	for key, body := range objects {
		if m := hashed.FindStringSubmatch(key); m != nil {
			sum := sha256.Sum256(body)
			if hex.EncodeToString(sum[:8]) != m[1] {
				broken = append(broken, fmt.Sprintf("%s is not whole: its name says another hash.", key))
			}
		}
		if catalog == nil && path.Base(key) == hls.MasterName {
			told[key] = string(body)
		}
	}
	for key, master := range told {
		objects[key] = []byte(master)
		report, err := check.Run(ctx, check.Memory(objects), key, &check.Options{Profiles: []check.Profile{check.Conformance}})
		if err == nil {
			err = report.Err()
		}
		if err != nil {
			broken = append(broken, fmt.Sprintf("%s can be reached and is wrong: %v.", key, err))
		}
		for _, uri := range reaches(objects, key) {
			if _, ok := objects[uri]; !ok {
				broken = append(broken, fmt.Sprintf("%s leads to %s, which is not there.", key, uri))
			}
		}
	}
	return broken, nil
}

// playlists returns the multivariant playlists that clients were told of, by key.
func playlists(ctx context.Context, catalog upload.Catalog) (map[string]string, error) {
	told := map[string]string{}
	if catalog == nil {
		return told, nil
	}
	for a, err := range catalog.List(ctx, upload.Query{}) {
		if err != nil {
			return nil, err
		}
		if a.Intent != upload.IntentDelete && a.Playlist != "" {
			told[a.Playlist] = a.Master
		}
	}
	return told, nil
}

// load returns the objects under prefix with their bytes.
func load(ctx context.Context, store storage.Store, prefix string) (map[string][]byte, error) {
	objects := map[string][]byte{}
	for info, err := range store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		body, err := get(ctx, store, info.Key)
		if err != nil {
			return nil, err
		}
		objects[info.Key] = body
	}
	return objects, nil
}

func get(ctx context.Context, store storage.Store, key string) ([]byte, error) {
	obj, err := store.Open(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	return io.ReadAll(obj)
}

// reaches returns the keys of all that a playlist leads to.
func reaches(objects map[string][]byte, playlist string) []string {
	var keys []string
	for _, uri := range hls.URIs(objects[playlist]) {
		key := path.Join(path.Dir(playlist), uri)
		keys = append(keys, key)
		if path.Ext(key) == ".m3u8" {
			keys = append(keys, reaches(objects, key)...)
		}
	}
	return keys
}
