package hls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/vodkit/vodkit/storage"
)

// maxPublished bounds a media playlist that is read back, in bytes: some days of video.
const maxPublished = 64 << 20

// References returns the keys of all that master leads to, a multivariant playlist of
// the asset whose objects are under prefix: media playlists and their segments. One that
// is not in the Store gives an error that matches storage.ErrNotExist.
func References(ctx context.Context, store storage.Store, prefix string, master []byte) (map[string]bool, error) {
	keys := map[string]bool{}
	for _, uri := range URIs(master) {
		list := path.Join(prefix, uri)
		if keys[list] {
			continue
		}
		keys[list] = true
		text, err := readPlaylist(ctx, store, list)
		if err != nil {
			return nil, fmt.Errorf("hls: references: %w", err)
		}
		for _, uri := range URIs(text) {
			keys[path.Join(path.Dir(list), uri)] = true
		}
	}
	return keys, nil
}

// EndGrowing puts EXT-X-ENDLIST at the end of the growing playlists of the asset's attempt
// that have none, so that players stop where the video stops. It is for attempts whose
// Publisher is gone; another Publisher must not write them meanwhile. master is a
// multivariant playlist of the attempt's, provisional or final.
func EndGrowing(ctx context.Context, store storage.Store, prefix string, master []byte) error {
	var errs []error
	done := map[string]bool{}
	for _, uri := range URIs(master) {
		key := path.Join(prefix, path.Dir(uri), EventName)
		if done[key] {
			continue
		}
		done[key] = true
		text, err := readPlaylist(ctx, store, key)
		switch {
		case errors.Is(err, storage.ErrNotExist):
		case err != nil:
			errs = append(errs, fmt.Errorf("hls: end growing playlist: %w", err))
		case !bytes.Contains(text, []byte("#EXT-X-ENDLIST")):
			errs = append(errs, putPlaylist(ctx, store, key, append(bytes.TrimRight(text, "\n"), "\n#EXT-X-ENDLIST\n"...), growingCacheControl))
		}
	}
	return errors.Join(errs...)
}

func readPlaylist(ctx context.Context, store storage.Store, key string) ([]byte, error) {
	obj, err := store.Open(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	text, err := io.ReadAll(io.LimitReader(obj, maxPublished+1))
	if err == nil && len(text) > maxPublished {
		err = fmt.Errorf("playlist %q is larger than %d bytes", key, maxPublished)
	}
	return text, err
}
