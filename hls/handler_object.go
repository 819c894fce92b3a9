package hls

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/storage"
)

// object is what a request asks for in the Store, and how it was come by.
type object struct {
	h    *Handler
	key  string
	hit  bool    // the Store was not asked
	head []field // what is prepared for a file that was kept open
}

var _ deliver.Resource = (*object)(nil)

func (o *object) Stat(ctx context.Context) (storage.Info, error) { return o.h.store.Stat(ctx, o.key) }

// Open takes a file that was kept open, or opens the object.
func (o *object) Open(ctx context.Context, opts *storage.OpenOptions) (*storage.Object, error) {
	if k := o.h.files.take(o.key); k != nil {
		if obj, ok := k.open(opts); ok {
			o.hit, o.head = true, k.head
			return obj, nil
		}
		k.close()
	}
	if o.h.files.most > 0 && o.h.files.local.Load() {
		ctx = context.WithoutCancel(ctx) // the file stays open for others
	}
	obj, err := o.h.store.Open(ctx, o.key, opts)
	if err != nil {
		return nil, err
	}
	f, ok := storage.File(obj)
	if !ok {
		o.hit, _ = storage.CacheHit(obj)
		return obj, nil
	}
	if o.h.files.local.Swap(true) && o.h.files.most > 0 {
		o.head = o.h.fields(o.key, obj.Info, false)
		return o.h.files.adopt(&keptFile{home: &o.h.files, key: o.key, obj: obj, f: f, head: o.head, opened: time.Now()}, opts), nil
	}
	return obj, nil
}

// known is an object whose bytes are in memory.
type known struct {
	storage.Info
	bytes []byte
	head  []field // what a plain GET is answered with, nil where nothing was prepared
}

// field is a header field; what net/http keeps of it is shared by all answers.
type field struct {
	name  string
	value []string
}

// head is the header of a plain GET of k.
func (h *Handler) head(k known, mutable bool) []field {
	return append(h.fields(k.Key, k.Info, mutable), field{"Content-Length", []string{strconv.Itoa(len(k.bytes))}})
}

// fields are what each answer with an object has.
func (h *Handler) fields(key string, info storage.Info, mutable bool) []field {
	head := []field{{"Content-Type", []string{storage.ContentType(key)}}, {"Cache-Control", h.cacheControl(key)}}
	if tag := deliver.QuoteETag(info.ETag); tag != "" {
		head = append(head, field{"Etag", []string{tag}})
	}
	if !mutable && !info.ModTime.IsZero() {
		head = append(head, field{"Last-Modified", []string{info.ModTime.UTC().Format(http.TimeFormat)}})
	}
	return head
}

var _ deliver.Resource = known{}

func (k known) Stat(context.Context) (storage.Info, error) { return k.Info, nil }

func (k known) Open(_ context.Context, opts *storage.OpenOptions) (*storage.Object, error) {
	from, to, err := deliver.Within(k.Info, opts)
	if err != nil {
		return nil, err
	}
	return &storage.Object{Info: k.Info, Body: &knownBody{left: k.bytes[from:to]}}, nil
}

// knownBody reads bytes in memory.
type knownBody struct{ left []byte }

var _ deliver.Bytes = (*knownBody)(nil)

func (b *knownBody) Unread() []byte { return b.left }
func (b *knownBody) Close() error   { return nil }

func (b *knownBody) Read(p []byte) (int, error) {
	if len(b.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// keptBody is the body of a file that goes back to those that are kept.
type keptBody struct {
	k       *keptFile // nil once it is closed
	at, end int64     // what is to be read
}

var _ storage.FileBody = (*keptBody)(nil)

// File implements storage.FileBody.
func (b *keptBody) File() (*os.File, bool) {
	if b.k == nil {
		return nil, false
	}
	return b.k.f, true
}

func (b *keptBody) Read(p []byte) (int, error) {
	switch {
	case b.k == nil:
		return 0, fs.ErrClosed
	case b.at >= b.end:
		return 0, io.EOF
	}
	n, err := b.k.f.ReadAt(p[:min(int64(len(p)), b.end-b.at)], b.at)
	b.at += int64(n)
	return n, err
}

// Close keeps the file.
func (b *keptBody) Close() error {
	if k := b.k; k != nil {
		b.k = nil
		k.home.put(k)
	}
	return nil
}
