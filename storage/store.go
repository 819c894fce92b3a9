// Package storage keeps bytes by key.
//
// [Store] is what the rest of vodkit asks for: five methods, no more. Package
// storage/blobstore implements it over any gocloud.dev bucket (a folder, memory,
// S3, Google Cloud Storage, Azure), and package storage/storagetest is the
// conformance suite for a Store of your own.
//
// Powers that only some stores have are functions that take the Store and return
// [errors.ErrUnsupported] where the store lacks them: [SignedURL] for an address
// that needs no further credentials, [File] for the operating system's file behind
// an open object, [Free] for how much room is left, [SweepTemporary] for
// what killed processes leave. Decorators forward them.
//
// A [Presigner] has clients send the bytes of an upload to the bucket themselves.
//
// [Prefix] makes a Store of a part of another:
//
//	store, err := blobstore.OpenFile("/srv/vod", nil)
//	tenant := storage.Prefix(store, "tenant/7")
//	info, err := tenant.Put(ctx, "sources/42", r, nil) // tenant/7/sources/42
//
// [NewCache] puts memory in front of a remote bucket, for those who serve it: an object is
// fetched once, whatever the crowd.
package storage

import (
	"context"
	"io"
	"iter"
	"time"
)

// Store keeps objects by key. A key is a slash-separated path such as
// "media/42/master.m3u8"; [CheckKey] says which keys are allowed, and every method
// refuses another with an error that matches [ErrInvalidKey].
//
// All methods may be called concurrently. They honour ctx and return its error
// (wrapped) soon after it ends. Errors name the operation and the key, and match the
// sentinels of this package through errors.Is.
type Store interface {
	// Open opens the object for reading, whole or the range that opts asks for (nil
	// means whole). The Info of the Object tells of the whole object, whatever the
	// range. The caller closes the Object; ctx governs the reads too. An object that is
	// replaced or deleted while it is open either reads on to its old end or fails with
	// an error; it never yields a mixture of two versions.
	// A missing key gives [ErrNotExist], a range that starts at or behind the end
	// [ErrRange], a condition that does not hold [ErrPrecondition].
	Open(ctx context.Context, key string, opts *OpenOptions) (*Object, error)

	// Stat tells of the object without reading it. A missing key gives [ErrNotExist].
	Stat(ctx context.Context, key string) (Info, error)

	// Put stores what r yields, up to its io.EOF, under key and replaces what was there.
	// It is all or nothing: when r fails, ctx ends or the process is killed, the key has
	// what it had before, and nothing that List shows is left behind.
	// Once Put has returned nil, every later Open and List sees the new object. Where
	// there is no room it gives [ErrNoSpace].
	// Put looks at ctx between two Reads; a Read that blocks is for the caller to end.
	Put(ctx context.Context, key string, r io.Reader, opts *PutOptions) (Info, error)

	// Delete removes the object. Deleting what is not there is no error, so it can be
	// repeated.
	Delete(ctx context.Context, key string) error

	// List yields the objects whose keys start with prefix (any string, not only whole
	// path elements), in ascending order of their keys as bytes. It yields an error at
	// most once, as the last pair. Objects put or deleted meanwhile may be seen or not.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

// Info describes a stored object.
type Info struct {
	Key  string
	Size int64 // bytes
	// ModTime is when the object was last written, to the store's precision.
	ModTime time.Time
	// ETag changes when the bytes change. It is an opaque string without the quotes that
	// HTTP puts around it, and empty where the store has none. List may leave it empty.
	ETag string
	// ContentType is the media type; a store that keeps none derives it from the key's
	// extension (see [ContentType]). List may leave it empty.
	ContentType string
}

// OpenOptions narrow what Store.Open reads.
type OpenOptions struct {
	// Offset is the first byte to read, counted from 0. Defaults to 0.
	Offset int64
	// Length is how many bytes to read at most; a range that reaches past the end is cut
	// there. Defaults to 0, which means to the end.
	Length int64
	// IfMatch is an ETag; Open fails with ErrPrecondition where the object has another.
	// Defaults to "", no condition.
	IfMatch string
}

// PutOptions describe what Store.Put writes.
type PutOptions struct {
	// ContentType is the object's media type. Defaults to what [ContentType] says of the
	// key.
	ContentType string
	// CacheControl is the Cache-Control that a bucket serves with the object, where the
	// store keeps it. Defaults to "".
	CacheControl string
	// IfNotExist makes Put fail with ErrExist where the key is there already. Stores
	// whose backend has no atomic form of it say so in their documentation. Defaults to
	// false.
	IfNotExist bool
	// Size is how many bytes r will yield, when that is known: a store may choose its
	// buffers by it, and fails with io.ErrUnexpectedEOF where r yields fewer or more.
	// Defaults to 0, unknown.
	Size int64
}

// Object is an open object: read it once, close it.
type Object struct {
	Info
	// Body yields the bytes asked for. It is never nil.
	Body io.ReadCloser
}

// Read reads from Body.
func (o *Object) Read(p []byte) (int, error) { return o.Body.Read(p) }

// Close closes Body.
func (o *Object) Close() error { return o.Body.Close() }
