package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
)

// input is a source as a child process can open it.
type input struct {
	url       string   // what -i is given
	protocols string   // what -protocol_whitelist is given
	remote    bool     // read over loopback HTTP
	file      *os.File // to be inherited as descriptor 3, or nil
	// failed returns why the source could not be read, or nil.
	failed func() error
	close  func() error
}

// firstFD is the number that the first of exec.Cmd's ExtraFiles has in the child.
const firstFD = 3

// open makes src readable for a child process: by descriptor where it is one local
// file, else through a range server of its own.
func (e *Encoder) open(ctx context.Context, src encoder.Source) (*input, error) {
	if len(src.Parts) == 0 {
		return nil, &encoder.Error{Code: encoder.CodeSourceUnavailable, Permanent: true, Message: "The source has no parts."}
	}
	if len(src.Parts) == 1 {
		in, err := e.openLocal(ctx, src.Parts[0])
		if in != nil || err != nil {
			return in, err
		}
	}
	srv, err := serveSource(ctx, newSourceReader(e.store, src, e.opts.SourceCache), e.log)
	if err != nil {
		return nil, sourceError(err)
	}
	return &input{url: srv.url, protocols: "http,tcp", remote: true, failed: srv.source.failed, close: srv.close}, nil
}

// openLocal returns nil and no error where the store has no file for the part.
func (e *Encoder) openLocal(ctx context.Context, part encoder.Part) (*input, error) {
	obj, err := e.store.Open(ctx, part.Key, &storage.OpenOptions{IfMatch: part.ETag})
	if err != nil {
		return nil, sourceError(err)
	}
	f, ok := storage.File(obj)
	if !ok {
		return nil, obj.Close()
	}
	return &input{
		url: fmt.Sprintf("file:/dev/fd/%d", firstFD), protocols: "file", file: f,
		failed: func() error { return nil }, close: obj.Close,
	}, nil
}

// sourceError says that a source could not be read. What is gone or has changed will
// not come back by itself.
func sourceError(err error) error {
	gone := errors.Is(err, storage.ErrNotExist) || errors.Is(err, storage.ErrPrecondition)
	msg := "The source could not be read from the store. Try again when the store answers."
	if gone {
		msg = "The source is no longer in the store as it was uploaded. Upload it again."
	}
	return &encoder.Error{Code: encoder.CodeSourceUnavailable, Permanent: gone, Message: msg, Err: err}
}
