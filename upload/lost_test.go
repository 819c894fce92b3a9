package upload_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func open(done <-chan struct{}) bool {
	select {
	case <-done:
		return false
	default:
		return true
	}
}

// A process that was succeeded while it stood still says so, with nothing or everything
// to do.
func TestPipelineThatHasLostItsCatalog(t *testing.T) {
	for name, workers := range map[string]int{"all workers busy": 1, "one idle": 2} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			off := &failingStore{Store: store}
			synctest.Test(t, func(t *testing.T) {
				slow := encodertest.NewFake(off, &encodertest.FakeOptions{Delay: time.Hour})
				p, err := upload.New(off, slow, slow, &upload.Options{Workers: workers, Logger: testLog(t)})
				require.NoError(t, err)
				require.ErrorIs(t, p.Err(), upload.ErrClosed)
				require.NoError(t, p.Start(t.Context()))
				require.NoError(t, p.Err())
				a, err := p.Create(t.Context(), upload.NewAsset{}, strings.NewReader("a video"))
				require.NoError(t, err)
				time.Sleep(time.Minute + time.Second) // between two heartbeats
				off.set(func(string, string) error { return errBroken })
				quick := encodertest.NewFake(store, nil)
				next, err := upload.New(store, quick, quick, &upload.Options{Logger: testLog(t)})
				require.NoError(t, err)
				require.NoError(t, next.Start(t.Context()))
				assert.True(t, open(p.Done()), "it cannot know")
				off.set(nil)
				select {
				case <-p.Done():
				case <-time.After(10 * time.Second):
					t.Fatal("it has not noticed")
				}
				require.ErrorIs(t, p.Err(), upload.ErrOwned)
				assert.Contains(t, p.Err().Error(), "another process")
				_, err = p.Create(t.Context(), upload.NewAsset{}, failingReader{errors.New("nobody reads this")})
				require.ErrorIs(t, err, upload.ErrOwned)
				time.Sleep(time.Minute)
				got, err := p.Get(t.Context(), a.ID)
				require.NoError(t, err, "it can still read")
				assert.Equal(t, progress.Complete, got.Status)

				require.NoError(t, p.Shutdown(t.Context()))
				require.ErrorIs(t, p.Err(), upload.ErrClosed)
				require.NoError(t, p.Shutdown(t.Context()))
				require.NoError(t, next.Err())
				require.NoError(t, next.Shutdown(t.Context()))
				assert.False(t, open(next.Done()))
			})
		})
	}
}

func TestHTTPOfAPipelineThatHasLostItsCatalog(t *testing.T) {
	b := newBench(t, nil)
	h := upload.NewHandler(b.Pipeline, nil)
	for _, key := range keysOf(t, b.store, "catalog/owner/") {
		require.NoError(t, b.store.Delete(b.ctx, key))
	}
	b.put("catalog/owner/0000000007.json", `{"version": 1, "token": "another", "interval": 5}`)
	a := b.do(h, "POST", "/assets", strings.NewReader("a video"))
	for ; a.status == http.StatusAccepted; a = b.do(h, "POST", "/assets", strings.NewReader("a video")) {
		time.Sleep(100 * time.Millisecond) // until the next heartbeat
	}
	assert.Equal(t, http.StatusServiceUnavailable, a.status)
	assert.Equal(t, "unavailable", a.Error.Code)
}
