package hls_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vodkit/vodkit/storage"
)

var errStore = errors.New("the store is out of order")

// memStore is a Store in memory that counts what is asked of it and fails on demand.
type memStore struct {
	mu      sync.Mutex
	objects map[string]memObject
	ops     []string // "op key" in their order
	read    int64    // bytes read from bodies
	opened  []storage.OpenOptions

	// fail, where set, may fail an operation before it has any effect.
	fail func(op, key string) error
	// lose, where set, may fail a Put that has had its effect.
	lose func(key string) error
	// check, where set, is called with every Put before it has its effect.
	check func(s *memStore, key string, body []byte, opts storage.PutOptions)
	// cut, where positive, fails every body after so many bytes.
	cut int64
}

type memObject struct {
	info storage.Info
	body []byte
}

var _ storage.Store = (*memStore)(nil)

var memTime = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func newMemStore() *memStore { return &memStore{objects: map[string]memObject{}} }

func (s *memStore) begin(op, key string) error {
	s.ops = append(s.ops, op+" "+key)
	if err := storage.CheckKey(key); err != nil {
		return fmt.Errorf("%s %s: %w", op, key, err)
	}
	if s.fail != nil {
		if err := s.fail(op, key); err != nil {
			return fmt.Errorf("%s %s: %w", op, key, err)
		}
	}
	return nil
}

func (s *memStore) Open(ctx context.Context, key string, opts *storage.OpenOptions) (*storage.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin("open", key); err != nil {
		return nil, err
	}
	o, ok := s.objects[key]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", key, storage.ErrNotExist)
	}
	var op storage.OpenOptions
	if opts != nil {
		op = *opts
	}
	s.opened = append(s.opened, op)
	if op.IfMatch != "" && op.IfMatch != o.info.ETag {
		return nil, fmt.Errorf("open %s: %w", key, storage.ErrPrecondition)
	}
	if op.Offset > 0 && op.Offset >= o.info.Size {
		return nil, fmt.Errorf("open %s: %w", key, storage.ErrRange)
	}
	body := o.body[op.Offset:]
	if op.Length > 0 {
		body = body[:min(op.Length, int64(len(body)))]
	}
	return &storage.Object{Info: o.info, Body: &memBody{s: s, r: bytes.NewReader(body)}}, nil
}

type memBody struct {
	s *memStore
	r *bytes.Reader
	n int64
}

func (b *memBody) Read(p []byte) (int, error) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.s.cut > 0 {
		if b.n >= b.s.cut {
			return 0, errStore
		}
		p = p[:min(int64(len(p)), b.s.cut-b.n)]
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	b.s.read += int64(n)
	return n, err
}

func (b *memBody) Close() error { return nil }

func (s *memStore) Stat(ctx context.Context, key string) (storage.Info, error) {
	if err := ctx.Err(); err != nil {
		return storage.Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin("stat", key); err != nil {
		return storage.Info{}, err
	}
	o, ok := s.objects[key]
	if !ok {
		return storage.Info{}, fmt.Errorf("stat %s: %w", key, storage.ErrNotExist)
	}
	return o.info, nil
}

func (s *memStore) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	if err := ctx.Err(); err != nil {
		return storage.Info{}, err
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return storage.Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin("put", key); err != nil {
		return storage.Info{}, err
	}
	var op storage.PutOptions
	if opts != nil {
		op = *opts
	}
	if s.check != nil {
		s.check(s, key, body, op)
	}
	info := storage.Info{
		Key: key, Size: int64(len(body)), ModTime: memTime,
		ETag: fmt.Sprintf("%x", sha256.Sum256(body))[:16], ContentType: op.ContentType,
	}
	s.objects[key] = memObject{info, body}
	if s.lose != nil {
		if err := s.lose(key); err != nil {
			return storage.Info{}, fmt.Errorf("put %s: %w", key, err)
		}
	}
	return info, nil
}

func (s *memStore) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

func (s *memStore) List(_ context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		s.mu.Lock()
		keys := slices.Sorted(maps.Keys(s.objects))
		s.mu.Unlock()
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) && !yield(storage.Info{Key: k}, nil) {
				return
			}
		}
	}
}

// text returns an object's bytes, "" where there is none.
func (s *memStore) text(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.objects[key].body)
}

// put stores body without going through the failures and checks.
func (s *memStore) put(key, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = memObject{storage.Info{
		Key: key, Size: int64(len(body)), ModTime: memTime,
		ETag: fmt.Sprintf("%x", sha256.Sum256([]byte(body)))[:16],
	}, []byte(body)}
}
