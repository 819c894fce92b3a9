package blobstore_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/fileblob"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func put(t *testing.T, s storage.Store, key, text string) storage.Info {
	t.Helper()
	info, err := s.Put(t.Context(), key, strings.NewReader(text), nil)
	require.NoError(t, err)
	return info
}

// tree is all that is in a folder, as slash paths; folders end with a slash.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	names := []string{}
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() {
			path += "/"
		}
		if path != "./" {
			names = append(names, path)
		}
		return err
	}))
	return names
}

func TestFolderHoldsPlainFilesOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by us")
	s := folder(t, dir, nil)
	put(t, s, "media/42/x y.mp4", "bytes")
	assert.Equal(t, []string{"media/", "media/42/", "media/42/x y.mp4"}, tree(t, dir))
	b, err := os.ReadFile(filepath.Join(dir, "media/42/x y.mp4"))
	require.NoError(t, err)
	assert.Equal(t, "bytes", string(b))
}

func TestFolderLeavesNoEmptyFolders(t *testing.T) {
	dir := t.TempDir()
	s := folder(t, dir, nil)
	put(t, s, "media/1/a/b", "x")
	put(t, s, "media/2", "x")
	_, err := s.Put(t.Context(), "media/3/c/d", iotest.ErrReader(io.ErrClosedPipe), nil)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = s.Put(t.Context(), "media/1/a/b", strings.NewReader("y"), &storage.PutOptions{IfNotExist: true})
	require.ErrorIs(t, err, storage.ErrExist)
	assert.Equal(t, []string{"media/", "media/1/", "media/1/a/", "media/1/a/b", "media/2"}, tree(t, dir))

	require.NoError(t, s.Delete(t.Context(), "media/1/a/b"))
	assert.Equal(t, []string{"media/", "media/2"}, tree(t, dir))
	put(t, s, "media/1", "the name is free")
	require.NoError(t, s.Delete(t.Context(), "media/1"))
	require.NoError(t, s.Delete(t.Context(), "media/2"))
	assert.Empty(t, tree(t, dir))
	assert.DirExists(t, dir)
}

func TestFolderShowsWhatOthersPutThere(t *testing.T) {
	dir := t.TempDir()
	s := folder(t, dir, nil)
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("copied/film.mov", "12345")
	write("copied/film.mov.attrs", "{}")
	write("copied/film.mov.18c2f0a1b2c3d4e5.tmp", "half")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "empty"), 0o755))
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Symlink(filepath.Join(dir, "copied/film.mov"), filepath.Join(dir, "link.mov")))
		require.NoError(t, os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "broken.mov")))
		require.NoError(t, os.Symlink(dir, filepath.Join(dir, "copied/loop")))
		l, err := net.Listen("unix", filepath.Join(dir, "socket"))
		require.NoError(t, err)
		defer l.Close()
		assert.Equal(t, []string{"copied/film.mov", "link.mov"}, keys(t, s))
	}
	info, err := s.Stat(t.Context(), "copied/film.mov")
	require.NoError(t, err)
	assert.Equal(t, int64(5), info.Size)
	assert.Equal(t, "video/quicktime", info.ContentType)
}

func TestOpenURL(t *testing.T) {
	for query, files := range map[string][]string{
		"":                              {"a/", "a/b.mp4"},
		"?dir_file_mode=0700":           {"a/", "a/b.mp4"},
		"?metadata=":                    {"a/", "a/b.mp4", "a/b.mp4.attrs"},
		"?prefix=p/":                    {"p/", "p/a/", "p/a/b.mp4"},
		"?no_tmp_dir=&create_dir=false": {"a/", "a/b.mp4"},
	} {
		t.Run(query, func(t *testing.T) {
			dir := t.TempDir()
			u := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(dir), "/")}
			s, err := blobstore.Open(t.Context(), u.String()+query, nil)
			s = closing(t, s, err)
			put(t, s, "a/b.mp4", "x")
			assert.Equal(t, files, tree(t, dir))
			assert.Equal(t, []string{"a/b.mp4"}, keys(t, s))
			removed, err := s.Sweep(t.Context(), 0)
			require.NoError(t, err)
			assert.Empty(t, removed)
		})
	}
}

func TestOpenURLRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := blobstore.Open(t.Context(), "file://./vod/bucket", nil)
	s = closing(t, s, err)
	put(t, s, "x.mp4", "x")
	assert.Equal(t, []string{"vod/", "vod/bucket/", "vod/bucket/x.mp4"}, tree(t, "."))
}

func TestOpenURLErrors(t *testing.T) {
	for address, hint := range map[string]string{
		"file://srv/vod":     "file:///srv",
		"file:vod":           "file://./folder",
		"file://":            "file:///folder",
		"gopher://x":         "gopher",
		"::":                 "missing protocol scheme",
		"file:///dev/null/x": "not a directory",
	} {
		_, err := blobstore.Open(t.Context(), address, nil)
		assert.ErrorContains(t, err, hint, address)
	}
	_, err := blobstore.OpenFile("/dev/null/x", nil)
	assert.ErrorContains(t, err, "/dev/null/x")
}

func TestErrorsNameOperationAndKeyOnce(t *testing.T) {
	for name, s := range map[string]*blobstore.Store{
		"folder": folder(t, t.TempDir(), nil), "memory": memory(t), "given": given(t, t.TempDir(), nil),
	} {
		_, err := s.Stat(t.Context(), "media/none.mp4")
		require.ErrorIs(t, err, fs.ErrNotExist, name)
		assert.Equal(t, 1, strings.Count(err.Error(), `"media/none.mp4"`), err)
		assert.Regexp(t, `^stat "media/none.mp4": `, err.Error())
		_, err = s.Open(t.Context(), "media//x", nil)
		assert.EqualError(t, err, `open: invalid storage key "media//x": it has an empty element`)
	}
}

func TestAfterClose(t *testing.T) {
	s := folder(t, t.TempDir(), nil)
	put(t, s, "x", "x")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err := s.Open(t.Context(), "x", nil)
	assert.ErrorIs(t, err, fs.ErrClosed)
	_, err = s.Stat(t.Context(), "x")
	assert.ErrorIs(t, err, fs.ErrClosed)
	_, err = s.Put(t.Context(), "x", strings.NewReader("y"), &storage.PutOptions{IfNotExist: true})
	assert.ErrorIs(t, err, fs.ErrClosed)
	assert.NotErrorIs(t, err, storage.ErrExist)
	assert.ErrorIs(t, s.Delete(t.Context(), "x"), fs.ErrClosed)
	for _, err := range s.List(t.Context(), "") {
		assert.ErrorIs(t, err, fs.ErrClosed)
	}
	_, err = s.Sweep(t.Context(), 0)
	assert.ErrorIs(t, err, fs.ErrClosed)
	_, err = storage.SignedURL(t.Context(), s, "x", nil)
	assert.ErrorIs(t, err, fs.ErrClosed)
}

// A reader that panics (a handler's, say) must not publish what it gave before.
func TestPanickingReader(t *testing.T) {
	dir := t.TempDir()
	for name, s := range map[string]*blobstore.Store{"folder": folder(t, dir, nil), "memory": memory(t)} {
		put(t, s, "a/x", "old")
		for _, key := range []string{"a/x", "b/y"} {
			r := io.MultiReader(strings.NewReader(strings.Repeat("new", 1<<20)), panicking{})
			assert.PanicsWithValue(t, "broken", func() { _, _ = s.Put(t.Context(), key, r, nil) }, name)
		}
		assert.Equal(t, []string{"a/x"}, keys(t, s), name)
	}
	assert.Equal(t, []string{"a/", "a/x"}, tree(t, dir))
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("broken") }

// Two processes, or two Stores, can ask for one lock: hard links decide.
func TestIfNotExistAcrossStores(t *testing.T) {
	dir := t.TempDir()
	stores := []*blobstore.Store{folder(t, dir, nil), folder(t, dir, nil), folder(t, dir, &blobstore.Options{Sync: true})}
	for range 50 {
		errs := make([]error, len(stores))
		var wg sync.WaitGroup
		for i, s := range stores {
			wg.Go(func() {
				_, errs[i] = s.Put(context.Background(), "lock", strings.NewReader("x"), &storage.PutOptions{IfNotExist: true})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				require.ErrorIs(t, err, storage.ErrExist)
			}
		}
		require.Equal(t, 1, won)
		require.Equal(t, []string{"lock"}, tree(t, dir))
		require.NoError(t, stores[0].Delete(t.Context(), "lock"))
	}
}

// A file that someone cuts short while it is being read must not pass for whole.
func TestShrunkFile(t *testing.T) {
	dir := t.TempDir()
	s := folder(t, dir, nil)
	put(t, s, "x", strings.Repeat("x", 1000))
	for name, read := range map[string]func(io.Reader) error{
		"Read":    func(r io.Reader) error { _, err := io.ReadAll(struct{ io.Reader }{r}); return err },
		"WriteTo": func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err },
	} {
		obj, err := s.Open(t.Context(), "x", nil)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(filepath.Join(dir, "x"), 500))
		require.ErrorIs(t, read(obj.Body), io.ErrUnexpectedEOF, name)
		require.NoError(t, obj.Close())
		require.NoError(t, os.Truncate(filepath.Join(dir, "x"), 1000))
	}
}

func TestSignedURLOfFolder(t *testing.T) {
	_, err := storage.SignedURL(t.Context(), folder(t, t.TempDir(), nil), "x.mp4", nil)
	require.ErrorIs(t, err, errors.ErrUnsupported)

	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("secret"), 0o600))
	s, err := blobstore.Open(t.Context(), "file://"+filepath.ToSlash(t.TempDir())+"?base_url=/files&secret_key_path="+filepath.ToSlash(key), nil)
	s = closing(t, s, err)
	signed, err := storage.SignedURL(t.Context(), storage.Prefix(s, "tenant"), "x.mp4", nil)
	require.NoError(t, err)
	assert.Contains(t, signed, "/files?")
	assert.Contains(t, signed, "obj=tenant%2Fx.mp4")
}

func TestSweepOfGivenFolder(t *testing.T) {
	dir := t.TempDir()
	s := given(t, dir, &fileblob.Options{NoTempDir: true})
	put(t, s, "a/x.mp4", "x")
	left := filepath.Join(dir, "a", "x.mp4.18c2f0a1b2c3d4e5.tmp")
	require.NoError(t, os.WriteFile(left, []byte("half"), 0o644))
	assert.Equal(t, []string{"a/x.mp4"}, keys(t, s))
	removed, err := s.Sweep(t.Context(), 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"a/x.mp4.18c2f0a1b2c3d4e5.tmp"}, removed)
	assert.NoFileExists(t, left)
	assert.Equal(t, []string{"a/x.mp4"}, keys(t, s))
}

func TestSweepOfMemory(t *testing.T) {
	_, err := memory(t).Sweep(t.Context(), 0)
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}
