package check

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir returns a Source of the files under the folder dir. Links that lead out of it are
// refused. Close frees the folder.
func Dir(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root}, nil
}

// Folder is a Source of files; see [Dir].
type Folder struct{ root *os.Root }

var _ Source = (*Folder)(nil)

// Close frees the folder.
func (f *Folder) Close() error { return f.root.Close() }

// Open opens a file.
func (f *Folder) Open(ctx context.Context, uri string, offset, length int64) (*Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open %q: %w", uri, err)
	}
	if !fs.ValidPath(uri) {
		return nil, fmt.Errorf("open %q: no file can have this name: %w", uri, fs.ErrNotExist)
	}
	file, err := f.root.Open(filepath.FromSlash(uri))
	if err != nil {
		return nil, err
	}
	obj, err := openFile(file, offset, length)
	if err != nil {
		file.Close()
		return nil, err
	}
	return obj, nil
}

func openFile(file *os.File, offset, length int64) (*Object, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open %q: not a file: %w", info.Name(), fs.ErrNotExist)
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	obj := &Object{Body: file, Size: info.Size()}
	if length > 0 {
		obj.Body = limitBody{Reader: io.LimitReader(file, length), Closer: file}
	}
	return obj, nil
}

type limitBody struct {
	io.Reader
	io.Closer
}
