package encodertest_test

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
	"testing"

	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Store in memory.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	fail    error
}

var _ storage.Store = (*memory)(nil)

func newMemory() *memory { return &memory{objects: map[string][]byte{}} }

func (m *memory) object(key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[key]
}

func (m *memory) Open(ctx context.Context, key string, _ *storage.OpenOptions) (*storage.Object, error) {
	info, err := m.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &storage.Object{Info: info, Body: io.NopCloser(bytes.NewReader(m.object(key)))}, nil
}

func (m *memory) Stat(_ context.Context, key string) (storage.Info, error) {
	b := m.object(key)
	if b == nil {
		return storage.Info{}, fmt.Errorf("stat %q: %w", key, storage.ErrNotExist)
	}
	return storage.Info{Key: key, Size: int64(len(b))}, nil
}

func (m *memory) Put(ctx context.Context, key string, r io.Reader, _ *storage.PutOptions) (storage.Info, error) {
	b, err := io.ReadAll(r)
	if err == nil {
		err = ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		err = m.fail
	}
	if err != nil {
		return storage.Info{}, fmt.Errorf("put %q: %w", key, err)
	}
	m.objects[key] = b
	return storage.Info{Key: key, Size: int64(len(b))}, nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[storage.Info, error] {
	m.mu.Lock()
	keys := slices.Sorted(maps.Keys(m.objects))
	m.mu.Unlock()
	return func(yield func(storage.Info, error) bool) {
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) && !yield(storage.Info{Key: k}, nil) {
				return
			}
		}
	}
}
