package upload_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
)

// slowDeletes removes segments only when the test says so.
type slowDeletes struct {
	storage.Store
	goOn chan struct{}
}

func (s slowDeletes) Delete(ctx context.Context, key string) error {
	if strings.HasSuffix(key, ".m4s") {
		<-s.goOn
	}
	return s.Store.Delete(ctx, key)
}

func TestRetryWhileTheLastRunIsTidiedUp(t *testing.T) {
	for _, end := range []progress.Status{progress.Error, progress.Complete} {
		t.Run(string(end), func(t *testing.T) {
			slow := slowDeletes{goOn: make(chan struct{})}
			b := newBench(t, func(b *bench) {
				slow.Store = b.store
				b.store = slow
				b.studio.store = slow
			})
			if end == progress.Error { // with objects, before anything can be played
				b.studio.set(func(s *studio) {
					s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
						err := s.render(ctx, job, func(u encoder.Update) error { return nil }, -1)
						require.NoError(t, err)
						return &encoder.Error{Code: encoder.CodeCorrupt, Permanent: true, Message: "It is no video."}
					}
				})
			}
			a := b.ended()
			require.Equal(t, end, a.Status)
			b.studio.set(func(s *studio) { s.encode = nil })
			for range 2 { // of what is COMPLETE, the second retry is begun while the first is removed
				again, err := b.Retry(b.ctx, a.ID)
				require.NoError(t, err)
				e, err := b.rec.WaitAttempt(b.ctx, a.ID, again.Attempt)
				require.NoError(t, err)
				require.Equal(t, progress.Complete, e.Status)
			}
			a, err := b.Get(b.ctx, a.ID)
			require.NoError(t, err)
			whole := keysOf(t, b.store, a.Output+"/")
			close(slow.goOn)
			require.NoError(t, b.Shutdown(b.ctx))
			assert.Equal(t, append(whole, a.Playlist), keysOf(t, b.store, "media/"), "the newest run is whole, and alone")
		})
	}
}
