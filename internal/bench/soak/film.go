//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/storage"
)

const (
	segments    = 400
	segmentSize = 500_000
)

// film is a bucket far away that has one long video: it sends after a while, and a byte's
// value tells its place.
type film struct{}

var _ storage.Store = film{}

// byteAt is the byte of segment n at a place.
func byteAt(n int, at int64) byte { return byte(int64(n)*31 + at>>8 + at) }

func (film) Stat(_ context.Context, key string) (storage.Info, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(path.Base(key), ".m4s"))
	if err != nil || n < 0 || n >= segments {
		return storage.Info{}, fmt.Errorf("stat %q: %w", key, storage.ErrNotExist)
	}
	return storage.Info{Key: key, Size: segmentSize, ETag: strconv.Itoa(n)}, nil
}

func (f film) Open(ctx context.Context, key string, opts *storage.OpenOptions) (*storage.Object, error) {
	info, err := f.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(20 * time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n, _ := strconv.Atoi(info.ETag)
	b := &bytesOf{n: n, end: segmentSize}
	if opts != nil {
		b.at = opts.Offset
		if opts.Length > 0 {
			b.end = min(b.end, opts.Offset+opts.Length)
		}
	}
	return &storage.Object{Info: info, Body: b}, nil
}

// bytesOf makes the bytes of a segment.
type bytesOf struct {
	n       int
	at, end int64
}

func (b *bytesOf) Close() error { return nil }

func (b *bytesOf) Read(p []byte) (int, error) {
	if b.at >= b.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), b.end-b.at)]
	for i := range p {
		p[i] = byteAt(b.n, b.at+int64(i))
	}
	b.at += int64(len(p))
	return len(p), nil
}

func (film) Put(context.Context, string, io.Reader, *storage.PutOptions) (storage.Info, error) {
	return storage.Info{}, errors.ErrUnsupported
}

func (film) Delete(context.Context, string) error { return errors.ErrUnsupported }

func (film) List(context.Context, string) iter.Seq2[storage.Info, error] {
	return func(func(storage.Info, error) bool) {}
}
