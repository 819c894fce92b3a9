package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
)

// origin is a Store in memory as a remote one: it counts what it is asked, and fails,
// waits and breaks off as its hooks say, which are set before it is used.
type origin struct {
	onOpen func(ctx context.Context, key string, o storage.OpenOptions) error
	onStat func(ctx context.Context, key string) error
	// onRead is asked before each Read; n limits it.
	onRead func(ctx context.Context, key string, at int64) (n int, err error)

	// early makes Stat answer with what is there when it is asked, however long onStat takes.
	early bool

	mu      sync.Mutex
	objects map[string]stored
	writes  int
	opens   map[string][]storage.OpenOptions // those that went well
	stats   map[string]int
}

type stored struct {
	storage.Info
	data []byte
}

var _ storage.Store = (*origin)(nil)

func newOrigin() *origin {
	return &origin{objects: map[string]stored{}, opens: map[string][]storage.OpenOptions{}, stats: map[string]int{}}
}

// content is n bytes that the seed determines.
func content(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// set stores b behind the back of everyone.
func (s *origin) set(key string, b []byte) storage.Info {
	info, _ := s.Put(context.Background(), key, bytes.NewReader(b), nil)
	return info
}

func (s *origin) opened(key string) []storage.OpenOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.opens[key])
}

func (s *origin) asked(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats[key]
}

func (s *origin) find(ctx context.Context, op, key string) (stored, error) {
	err := ctx.Err()
	if err == nil {
		err = storage.CheckKey(key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if err == nil && !ok {
		err = storage.ErrNotExist
	}
	if err != nil {
		return stored{}, fmt.Errorf("%s %q: %w", op, key, err)
	}
	return o, nil
}

func (s *origin) Stat(ctx context.Context, key string) (storage.Info, error) {
	s.mu.Lock()
	s.stats[key]++
	s.mu.Unlock()
	o, err := s.find(ctx, "stat", key)
	if s.onStat != nil {
		if err := s.onStat(ctx, key); err != nil {
			return storage.Info{}, err
		}
	}
	if !s.early {
		o, err = s.find(ctx, "stat", key)
	}
	return o.Info, err
}

func (s *origin) Open(ctx context.Context, key string, opts *storage.OpenOptions) (*storage.Object, error) {
	var o storage.OpenOptions
	if opts != nil {
		o = *opts
	}
	if s.onOpen != nil {
		if err := s.onOpen(ctx, key, o); err != nil {
			return nil, err
		}
	}
	obj, err := s.find(ctx, "open", key)
	if err != nil {
		return nil, err
	}
	part := obj.data
	if o.IfMatch != "" && o.IfMatch != obj.ETag {
		return nil, fmt.Errorf("open %q: %w", key, storage.ErrPrecondition)
	}
	if o.Offset != 0 || o.Length != 0 {
		if o.Offset < 0 || o.Length < 0 || o.Offset >= obj.Size {
			return nil, fmt.Errorf("open %q: %w", key, storage.ErrRange)
		}
		if part = part[o.Offset:]; o.Length > 0 {
			part = part[:min(o.Length, int64(len(part)))]
		}
	}
	s.mu.Lock()
	s.opens[key] = append(s.opens[key], o)
	s.mu.Unlock()
	return &storage.Object{Info: obj.Info, Body: &originBody{s: s, ctx: ctx, key: key, at: o.Offset, rest: part}}, nil
}

type originBody struct {
	s    *origin
	ctx  context.Context
	key  string
	at   int64
	rest []byte
}

func (b *originBody) Close() error { return nil }

func (b *originBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.s.onRead != nil {
		n, err := b.s.onRead(b.ctx, b.key, b.at)
		if err != nil {
			return 0, err
		}
		p = p[:min(n, len(p))]
	}
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	b.at += int64(n)
	return n, nil
}

func (s *origin) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	if err := storage.CheckKey(key); err != nil {
		return storage.Info{}, err
	}
	if opts == nil {
		opts = &storage.PutOptions{}
	}
	data, err := io.ReadAll(readFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && opts.Size > 0 && int64(len(data)) != opts.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return storage.Info{}, err
	}
	info := storage.Info{Key: key, Size: int64(len(data)), ModTime: time.Now(), ContentType: opts.ContentType}
	if info.ContentType == "" {
		info.ContentType = storage.ContentType(key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.objects[key]; exists && opts.IfNotExist {
		return storage.Info{}, fmt.Errorf("put %q: %w", key, storage.ErrExist)
	}
	s.writes++
	info.ETag = fmt.Sprint("v", s.writes)
	s.objects[key] = stored{info, data}
	return info, nil
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func (s *origin) Delete(ctx context.Context, key string) error {
	if err := storage.CheckKey(key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return ctx.Err()
}

func (s *origin) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		s.mu.Lock()
		objects := maps.Clone(s.objects)
		s.mu.Unlock()
		if err := ctx.Err(); err != nil {
			yield(storage.Info{}, err)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(objects)) {
			if strings.HasPrefix(key, prefix) && !yield(objects[key].Info, nil) {
				return
			}
		}
	}
}

// pause waits as a slow network does.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newCache closes the cache with the test.
func newCache(t *testing.T, s storage.Store, opts *storage.CacheOptions) *storage.Cache {
	t.Helper()
	c := storage.NewCache(s, opts)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// read reads an object, or a range of it, and closes it.
func read(ctx context.Context, s storage.Store, key string, opts *storage.OpenOptions) ([]byte, error) {
	obj, err := s.Open(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	return io.ReadAll(obj)
}

func requireRead(t *testing.T, s storage.Store, key string, want []byte) {
	t.Helper()
	b, err := read(t.Context(), s, key, nil)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, b), "%q holds %d other bytes than these %d", key, len(b), len(want))
}

// assertHit opens the object and looks where it came from.
func assertHit(t *testing.T, s storage.Store, key string, want bool) {
	t.Helper()
	obj, err := s.Open(t.Context(), key, nil)
	require.NoError(t, err)
	defer obj.Close()
	hit, known := storage.CacheHit(obj)
	assert.True(t, known)
	assert.Equal(t, want, hit)
}
