package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/storage"
)

// source answers with the original as it was uploaded, in ranges for a player that shows it
// while it comes (HandlerOptions.Originals).
func (h *Handler) source(w http.ResponseWriter, r *http.Request, at place) {
	a, ok := h.find(w, r, ActionSource, at.id)
	if !ok {
		return
	}
	disposition := "inline"
	if r.URL.Query().Has("download") {
		disposition = "attachment"
	}
	deliver.Serve(w, r, &original{store: h.p.store, asset: a}, deliver.Options{
		Header: func(head http.Header, _ storage.Info) {
			head.Set("Content-Type", originalType(a.Name))
			head.Set("Content-Disposition", contentDisposition(disposition, a))
			// Another source may take its place, and who may see it may change.
			head.Set("Cache-Control", "private, no-cache")
			// It is what somebody uploaded, whatever its name says.
			head.Set("X-Content-Type-Options", "nosniff")
			head.Set("Content-Security-Policy", "sandbox")
		},
		Name: "source of " + a.ID, Logger: h.p.log,
	})
}

// originalType is the media type of an upload with the name, if it is one of sound or
// pictures: nothing else that somebody sends is shown in this service's name.
func originalType(name string) string {
	t := storage.ContentType(strings.ToLower(path.Base(name)))
	if strings.HasPrefix(t, "video/") || strings.HasPrefix(t, "audio/") {
		return t
	}
	return "application/octet-stream"
}

// contentDisposition names the file as it was uploaded (RFC 6266).
func contentDisposition(disposition string, a Asset) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(a.Name, "_"))
	if name == "" {
		name = a.ID
	}
	if s := mime.FormatMediaType(disposition, map[string]string{"filename": name}); s != "" {
		return s
	}
	return disposition
}

// original is an asset's source: the bytes of its parts, one after the other.
type original struct {
	store storage.Store
	asset Asset
}

var _ deliver.Resource = (*original)(nil)

func (o *original) Stat(context.Context) (storage.Info, error) { return o.info() }

// info says what the record does: a part that is another by now is found when it is opened.
func (o *original) info() (storage.Info, error) {
	info := storage.Info{Key: o.asset.ID, ModTime: o.asset.Created}
	sum := sha256.New()
	for _, p := range o.asset.Source.Parts {
		info.Size += p.Size
		_, _ = fmt.Fprintf(sum, "%q %q %d\n", p.Key, p.ETag, p.Size)
	}
	if len(o.asset.Source.Parts) == 0 || o.asset.Fetch != nil {
		return info, fmt.Errorf("source of %s: %w", o.asset.ID, storage.ErrNotExist)
	}
	info.ETag = hex.EncodeToString(sum.Sum(nil)[:12])
	return info, nil
}

// Open opens a range. The first of its parts is opened at once, the others when reading
// comes to them.
func (o *original) Open(ctx context.Context, opts *storage.OpenOptions) (*storage.Object, error) {
	info, err := o.info()
	if err != nil {
		return nil, err
	}
	from, to, err := deliver.Within(info, opts)
	if err != nil {
		return nil, err
	}
	parts := o.asset.Source.Parts
	if len(parts) == 1 { // a file can leave as one
		obj, err := o.store.Open(ctx, parts[0].Key, &storage.OpenOptions{Offset: opts.Offset, Length: opts.Length, IfMatch: parts[0].ETag})
		if err != nil {
			return nil, err
		}
		return &storage.Object{Info: info, Body: obj.Body}, nil
	}
	r := &partsReader{ctx: ctx, store: o.store, parts: parts, skip: from, left: to - from}
	if r.left > 0 {
		if err := r.next(); err != nil {
			return nil, err
		}
	}
	return &storage.Object{Info: info, Body: r}, nil
}

// partsReader reads parts as if they were one object. It holds ctx for one reading.
type partsReader struct {
	ctx   context.Context
	store storage.Store
	parts []encoder.Part
	skip  int64           // bytes before what is to be read
	left  int64           // bytes to come
	open  *storage.Object // nil between two parts
	rest  int64           // bytes to come of open
}

// next opens the part that comes next.
func (r *partsReader) next() error {
	for len(r.parts) > 0 && r.skip >= r.parts[0].Size {
		r.skip -= r.parts[0].Size
		r.parts = r.parts[1:]
	}
	if len(r.parts) == 0 {
		return io.ErrUnexpectedEOF
	}
	p := r.parts[0]
	r.rest = min(p.Size-r.skip, r.left)
	obj, err := r.store.Open(r.ctx, p.Key, &storage.OpenOptions{Offset: r.skip, Length: r.rest, IfMatch: p.ETag})
	if err != nil {
		return err
	}
	r.open, r.skip, r.parts = obj, 0, r.parts[1:]
	return nil
}

func (r *partsReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.open == nil {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n, err := r.open.Read(p[:min(int64(len(p)), r.rest)])
	r.left -= int64(n)
	r.rest -= int64(n)
	switch {
	case r.rest == 0:
		err = r.Close()
		r.open = nil
	case err == io.EOF: //nolint:errorlint // a Reader's own
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (r *partsReader) Close() error {
	if r.open == nil {
		return nil
	}
	return r.open.Close()
}
