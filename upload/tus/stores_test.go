package tus_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/vodkit/vodkit/storage"
)

var stores = map[string]func(testing.TB) storage.Store{"memory": newMem, "folder": newFolder}

// gateStore has writes of media wait for a gate.
type gateStore struct {
	storage.Store
	gate chan struct{}
}

func (s *gateStore) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	if strings.HasPrefix(key, "media/") {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return storage.Info{}, ctx.Err()
		}
	}
	return s.Store.Put(ctx, key, r, o)
}
