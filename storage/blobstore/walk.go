package blobstore

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// walk yields the files of a folder whose keys start with prefix, in the order of their
// keys, reading one folder at a time. (The driver's own listing starts again from the
// top for each page, and puts "a/c" before "a-b".)
func walk(ctx context.Context, dir, prefix string) iter.Seq2[object, error] {
	return func(yield func(object, error) bool) {
		root, _ := cutSafe(prefix)
		w := walker{ctx: ctx, prefix: prefix, yield: yield}
		w.folder(filepath.Join(dir, filepath.FromSlash(root)), root)
	}
}

type walker struct {
	ctx    context.Context
	prefix string
	yield  func(object, error) bool
}

type entry struct {
	fs.DirEntry
	key string // with a slash at the end for a folder
}

// folder yields what is in a folder; key is its own, "" or with a slash at the end. It
// returns false when the walk is over.
func (w *walker) folder(path, key string) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(object{}, err)
		return false
	}
	entries, err := os.ReadDir(path)
	switch {
	case err == nil:
	case notFound(err), key == "lost+found/" && errors.Is(err, fs.ErrPermission):
		return true // it went away, or belongs to the file system
	default:
		w.yield(object{}, err)
		return false
	}
	for _, e := range w.matching(entries, key) {
		name := filepath.Join(path, e.Name())
		if e.IsDir() {
			if !w.folder(name, e.key) {
				return false
			}
			continue
		}
		fi, err := os.Stat(name)
		if err != nil || !fi.Mode().IsRegular() {
			continue // gone again, a broken link, a socket
		}
		if !w.yield(object{path: name, fi: fi, Info: fileInfo(e.key, fi)}, nil) {
			return false
		}
	}
	return true
}

// matching picks the entries that have the prefix, or may hold some that have it, in the
// order of their keys.
func (w *walker) matching(entries []fs.DirEntry, key string) []entry {
	matching := make([]entry, 0, len(entries))
	for _, e := range entries {
		k := key + unescape(e.Name())
		if e.IsDir() {
			k += "/"
		}
		if strings.HasPrefix(k, w.prefix) || e.IsDir() && strings.HasPrefix(w.prefix, k) {
			matching = append(matching, entry{e, k})
		}
	}
	slices.SortFunc(matching, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return matching
}

// cutSafe splits a prefix before the first element that the driver would escape, or
// that is not whole: below the part before, keys and paths are the same.
func cutSafe(prefix string) (safe, rest string) {
	end := 0
	for {
		element, _, more := strings.Cut(prefix[end:], "/")
		if !more || strings.Contains(element, "__0x") || strings.ContainsAny(element, `<>:"|?*`) {
			return prefix[:end], prefix[end:]
		}
		end += len(element) + 1
	}
}

// unescape turns a file's name into the last element of its key: the driver writes
// "__0x3c__" for "<" where the system allows no "<".
func unescape(name string) string {
	const open, end = "__0x", "__"
	if !strings.Contains(name, open) {
		return name
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(name, open)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits, rest, ok := strings.Cut(after, end)
		r, err := strconv.ParseInt(digits, 16, 32)
		if !ok || err != nil {
			b.WriteByte(open[0]) // just a name; look again from the next character on
			name = name[len(before)+1:]
			continue
		}
		b.WriteRune(rune(r))
		name = rest
	}
}
