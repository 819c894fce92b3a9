package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/vodkit/vodkit/storage"
)

// Store returns a Source of the objects in store; URIs are keys. For one asset give it
// storage.Prefix(store, "media/42"), and nothing outside can be reached.
func Store(store storage.Store) Source { return storeSource{store} }

type storeSource struct{ store storage.Store }

func (s storeSource) Open(ctx context.Context, uri string, offset, length int64) (*Object, error) {
	if storage.CheckKey(uri) != nil {
		return nil, fmt.Errorf("open %q: no object can have this key: %w", uri, fs.ErrNotExist)
	}
	obj, err := s.store.Open(ctx, uri, &storage.OpenOptions{Offset: offset, Length: length})
	if errors.Is(err, storage.ErrRange) {
		info, err := s.store.Stat(ctx, uri)
		if err != nil {
			return nil, err
		}
		return &Object{Body: io.NopCloser(eof{}), Size: info.Size, ContentType: info.ContentType}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &Object{Body: obj, Size: obj.Size, ContentType: obj.ContentType}
	if f, ok := storage.File(obj); ok && length == 0 {
		if _, err := f.Seek(offset, io.SeekStart); err == nil {
			out.Body = seekBody{ReadSeeker: f, Closer: obj}
		}
	}
	return out, nil
}

// seekBody reads from a file and closes what owns it.
type seekBody struct {
	io.ReadSeeker
	io.Closer
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
