package blobstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"gocloud.dev/blob"

	"github.com/vodkit/vodkit/storage"
)

// putFile puts into a folder.
func (s *Store) putFile(ctx context.Context, key string, r io.Reader, o storage.PutOptions) (storage.Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, f, err := s.newFile(ctx, key, o)
	if err != nil {
		if s.dir != "" { // some of its folders may be there, and be empty
			s.prune(filepath.Join(s.dir, filepath.FromSlash(key)), key)
		}
		return storage.Info{}, err
	}
	temp := f.Name()
	defer s.live.Delete(f)
	published := false
	defer func() {
		if !published { // also where r panics: closing without cancelling would publish the part
			cancel()
			_ = w.Close()
			_ = os.Remove(temp) // the driver leaves it where closing fails, as on a network mount that is full
			if s.dir != "" {
				s.prune(temp, key)
			}
		}
	}()
	if _, err := s.copy(ctx, w, r, o.Size); err != nil {
		return storage.Info{}, err
	}
	if s.opts.Sync {
		if err := f.Sync(); err != nil {
			return storage.Info{}, err
		}
	}
	fi, err := f.Stat()
	if err != nil {
		return storage.Info{}, err
	}
	if err := s.publish(cancel, w, temp, o.IfNotExist); err != nil {
		return storage.Info{}, err
	}
	published = true
	info := storage.Info{Key: key, Size: fi.Size(), ModTime: fi.ModTime(), ETag: fileETag(fi), ContentType: storage.ContentType(key)}
	if s.dir == "" { // with sidecar files, the type is the one that was asked for
		if now, err := s.stat(ctx, key); err == nil {
			info.ContentType = now.ContentType
		}
	}
	if s.opts.Sync {
		return info, s.syncName(ctx, key, temp)
	}
	return info, nil
}

// newFile starts a write and takes the temporary file out of it.
func (s *Store) newFile(ctx context.Context, key string, o storage.PutOptions) (w *blob.Writer, f *os.File, err error) {
	opts := s.writerOptions(o)
	opts.BeforeWrite = func(as func(any) bool) error {
		if !as(&f) {
			return errors.New("the driver has a folder but gives no file")
		}
		return nil
	}
	s.tree.RLock()
	defer s.tree.RUnlock()
	for range 10 { // another process may remove the folder before the file is in it
		w, err = s.bucket.NewWriter(ctx, key, opts)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, nil, inTheWay(err)
	}
	if fi, err := f.Stat(); err == nil {
		s.live.Store(f, fi)
	}
	return w, f, nil
}

// publish gives the temporary file its name.
func (s *Store) publish(cancel func(), w *blob.Writer, temp string, ifNotExist bool) error {
	if s.dir != "" && !ifNotExist {
		return inTheWay(w.Close()) // one rename
	}
	if s.dir != "" {
		// A hard link, unlike a rename, fails where the name is taken.
		err := os.Link(temp, finalName(temp))
		if err == nil || errors.Is(err, fs.ErrExist) {
			if fi, statErr := os.Lstat(finalName(temp)); err != nil && statErr == nil && fi.IsDir() {
				return errFolder
			}
			cancel()
			_ = w.Close() // removes the temporary name
			if err != nil {
				return storage.ErrExist
			}
			return nil
		}
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	return inTheWay(w.Close())
}

// finalName is the name that fileblob makes of a temporary one: without ".<hex>.tmp".
func finalName(temp string) string {
	name := strings.TrimSuffix(temp, ".tmp")
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// inTheWay tells of a folder or an object where none may be, in words, and without
// matching ErrExist: that is for IfNotExist alone.
func inTheWay(err error) error {
	for _, is := range []error{syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.ENOTEMPTY} {
		if errors.Is(err, is) {
			return errFolder
		}
	}
	return err
}

// prune removes the folders of a removed file that are empty now, as many levels as the
// key has.
func (s *Store) prune(path, key string) {
	s.tree.Lock()
	defer s.tree.Unlock()
	for range strings.Count(key, "/") {
		path = filepath.Dir(path)
		// Not os.Remove, which would remove an object of that name as well.
		if err := syscall.Rmdir(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

// syncName makes the names of a new object's file and folders durable.
func (s *Store) syncName(ctx context.Context, key, temp string) error {
	if runtime.GOOS == "windows" {
		return nil // folders can't be synced there
	}
	path := temp
	if s.dir == "" { // the temporary file may have been elsewhere
		var err error
		if path, err = s.path(ctx, key); err != nil {
			return err
		}
	}
	for range strings.Count(key, "/") + 1 {
		path = filepath.Dir(path)
		if err := syncDir(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // deleted again meanwhile
			return err
		}
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	// Some file systems (network mounts) have no such thing.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
