package blobstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// body reads an open object. It holds ctx because drivers for folders and memory don't
// look at theirs, and lives no longer than one reading.
type body struct {
	ctx    context.Context
	r      io.ReadCloser
	key    string
	left   int64 // bytes to come
	closed bool
}

// Read fails where fewer bytes come than the object has.
func (b *body) Read(p []byte) (int, error) {
	if err := b.alive(); err != nil {
		return 0, err
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && b.left == 0:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, fail(b.ctx, "read", b.key, err)
}

func (b *body) alive() error {
	if b.closed {
		return fail(b.ctx, "read", b.key, fs.ErrClosed)
	}
	if err := b.ctx.Err(); err != nil {
		return fail(b.ctx, "read", b.key, err)
	}
	return nil
}

func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	return b.r.Close()
}

// fileBody is a body that reads from a file.
type fileBody struct {
	body
	f *os.File
}

// File implements storage.FileBody.
func (b *fileBody) File() (*os.File, bool) { return b.f, !b.closed }

// sendChunk is how much WriteTo hands over before it looks at the context again.
const sendChunk = 8 << 20

// WriteTo gives w the file itself, so that io.Copy to a socket needs no buffer
// (sendfile).
func (b *fileBody) WriteTo(w io.Writer) (int64, error) {
	var sent int64
	for b.left > 0 {
		if err := b.alive(); err != nil {
			return sent, err
		}
		want := min(b.left, sendChunk)
		n, err := io.Copy(w, io.LimitReader(b.f, want))
		sent += n
		b.left -= n
		if err == nil && n < want {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return sent, fail(b.ctx, "read", b.key, err)
		}
	}
	return sent, nil
}
