package storage

import (
	"io"
	"os"
)

// FileBody is the power behind [File]: an Object.Body that reads from a file of the
// operating system implements it. A decorator that wraps a Body forwards it, unless it
// changes the bytes.
type FileBody interface {
	io.ReadCloser
	// File is the open file, or false where there is none after all.
	File() (*os.File, bool)
}

// File is the file of the operating system behind an open object, and false where there
// is none: the bytes are elsewhere, or not in one file.
//
// The file is the whole object, whatever range was opened, and its offset is anywhere:
// use ReadAt, or Seek first. It is open for reading and belongs to obj: closing obj
// closes it, so don't. Use either the file or obj.Read, not both. A child process can
// inherit it (exec.Cmd.ExtraFiles), and net/http sends it without copying.
func File(obj *Object) (*os.File, bool) {
	if b, ok := obj.Body.(FileBody); ok {
		return b.File()
	}
	return nil, false
}
