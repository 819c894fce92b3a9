package ffmpeg

import (
	"context"
	"io"
	"sync"

	"github.com/vodkit/vodkit/storage"
)

// watchedStore marks the time that a Put takes as ours, and remembers the first that
// failed for another reason than the context's end.
type watchedStore struct {
	storage.Store
	act *activity

	mu  sync.Mutex
	err error
}

func (s *watchedStore) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	defer s.act.ours()()
	info, err := s.Store.Put(ctx, key, r, opts)
	if err != nil && ctx.Err() == nil {
		s.mu.Lock()
		if s.err == nil {
			s.err = err
		}
		s.mu.Unlock()
	}
	return info, err
}

func (s *watchedStore) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
