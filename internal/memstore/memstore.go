// Package memstore is a storage.Store in memory for tests of our own, that remembers
// how objects were put and fails on demand. Services use blobstore over memblob.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/vodkit/vodkit/storage"
)

// Store keeps objects in memory. It knows no ranges and no conditions.
type Store struct {
	mu      sync.Mutex
	objects map[string][]byte
	options map[string]storage.PutOptions
	fail    error
}

var _ storage.Store = (*Store)(nil)

// New returns an empty Store.
func New() *Store {
	return &Store{objects: map[string][]byte{}, options: map[string]storage.PutOptions{}}
}

// Fail makes every Put fail with err from now on.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// Set stores b without asking.
func (s *Store) Set(key string, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = b
}

// Get returns the object's bytes, nil where there is none.
func (s *Store) Get(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[key]
}

// Keys returns the keys of all objects in their order.
func (s *Store) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Options returns what each Put was told, by key.
func (s *Store) Options() map[string]storage.PutOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.options)
}

// Open returns the whole object.
func (s *Store) Open(ctx context.Context, key string, _ *storage.OpenOptions) (*storage.Object, error) {
	info, err := s.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &storage.Object{Info: info, Body: io.NopCloser(bytes.NewReader(s.Get(key)))}, nil
}

// Stat returns the object's key and size.
func (s *Store) Stat(_ context.Context, key string) (storage.Info, error) {
	b := s.Get(key)
	if b == nil {
		return storage.Info{}, fmt.Errorf("stat %q: %w", key, storage.ErrNotExist)
	}
	return storage.Info{Key: key, Size: int64(len(b))}, nil
}

// Put stores what r yields, unless ctx has ended by then.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	b, err := io.ReadAll(r)
	if err == nil {
		err = ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = s.fail
	}
	if err != nil {
		return storage.Info{}, fmt.Errorf("put %q: %w", key, err)
	}
	s.objects[key] = b
	if opts != nil {
		s.options[key] = *opts
	}
	return storage.Info{Key: key, Size: int64(len(b))}, nil
}

// Delete removes the object.
func (s *Store) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

// List yields keys alone.
func (s *Store) List(_ context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		for _, k := range s.Keys() {
			if strings.HasPrefix(k, prefix) && !yield(storage.Info{Key: k}, nil) {
				return
			}
		}
	}
}
