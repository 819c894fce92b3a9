package check

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
)

// Source opens the objects of a presentation. [Store], [Dir], [HTTP] and [Memory]
// implement it, [Overlay] puts one over another. Its methods may be called concurrently.
type Source interface {
	// Open opens the object at uri for reading from the byte offset on, length bytes or,
	// where length is 0, to the end. uri is a slash-separated path without a leading
	// slash, relative to the Source's root and not escaped, or an absolute URL.
	//
	// What is not there gives an error that matches fs.ErrNotExist, what may not be read
	// fs.ErrPermission: both are findings. Any other error means that the Source failed,
	// and is what Run returns. ctx governs the reads too.
	Open(ctx context.Context, uri string, offset, length int64) (*Object, error)
}

// Object is an open object of a Source.
type Object struct {
	// Body yields the bytes asked for, decoded where HTTP compressed them. A Body that is
	// an io.Seeker, positioned in the whole object, lets Run skip what it needs not see.
	Body io.ReadCloser
	// Size is how many bytes the whole object has, -1 where unknown.
	Size int64
	// ContentType is the media type, "" where the Source knows none.
	ContentType string
	// Delivered tells of the HTTP response, nil where there was none.
	Delivered *Delivery
}

// Delivery is what HTTP said of an object.
type Delivery struct {
	// Encoding is the Content-Encoding, "" for none.
	Encoding string
	// Redirects counts the redirects that were followed.
	Redirects int
	// URL is where the object was found in the end.
	URL string
}

// Memory is a Source of objects in memory, by their paths.
type Memory map[string][]byte

var _ Source = Memory(nil)

// Open opens an object; one that is not there gives fs.ErrNotExist.
func (m Memory) Open(ctx context.Context, uri string, offset, length int64) (*Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open %q: %w", uri, err)
	}
	b, ok := m[uri]
	if !ok {
		return nil, fmt.Errorf("open %q: %w", uri, fs.ErrNotExist)
	}
	size := int64(len(b))
	b = b[min(max(offset, 0), size):]
	if length > 0 && length < int64(len(b)) {
		b = b[:length]
	}
	return &Object{Body: io.NopCloser(bytes.NewReader(b)), Size: size}, nil
}

// Overlay returns a Source that has the objects of over, and those of under for the
// rest: to check playlists before they are stored.
func Overlay(under Source, over Memory) Source { return overlay{under, over} }

type overlay struct {
	under Source
	over  Memory
}

func (o overlay) Open(ctx context.Context, uri string, offset, length int64) (*Object, error) {
	if _, ok := o.over[uri]; ok {
		return o.over.Open(ctx, uri, offset, length)
	}
	return o.under.Open(ctx, uri, offset, length)
}
