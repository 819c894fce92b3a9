package blobstore

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vodkit/vodkit/storage"
)

// direct returns the file of a key in a folder that was opened with OpenFile or Open, and
// false where only the driver knows how it spells that: it escapes some characters.
func (s *Store) direct(key string) (path string, ok bool) {
	if s.dir == "" || strings.Contains(key, "__0x") || strings.HasSuffix(key, ".attrs") {
		return "", false
	}
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', c == '-', c == '_', c == '.', c == '/':
		default:
			return "", false
		}
	}
	return filepath.Join(s.dir, filepath.FromSlash(key)), true
}

// openDirect opens an object with one open and one fstat, where the driver looks for
// the name first, and for a sidecar file.
func openDirect(ctx context.Context, key, path string, o storage.OpenOptions) (*storage.Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	obj, err := objectOf(ctx, key, f, o)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return obj, nil
}

func objectOf(ctx context.Context, key string, f *os.File, o storage.OpenOptions) (*storage.Object, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if fi.IsDir() {
		return nil, fs.ErrNotExist
	}
	info := fileInfo(key, fi)
	n, err := check(info, o)
	if err != nil {
		return nil, err
	}
	if o.Offset > 0 {
		if _, err := f.Seek(o.Offset, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return &storage.Object{Info: info, Body: &fileBody{body: body{ctx: ctx, r: f, key: key, left: n}, f: f}}, nil
}

// statDirect tells of an object as openDirect does.
func statDirect(key, path string) (storage.Info, error) {
	fi, err := os.Stat(path)
	if err == nil && fi.IsDir() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return storage.Info{}, err
	}
	return fileInfo(key, fi), nil
}

func fileInfo(key string, fi fs.FileInfo) storage.Info {
	return storage.Info{
		Key: key, Size: fi.Size(), ModTime: fi.ModTime(), ETag: fileETag(fi), ContentType: storage.ContentType(key),
	}
}
