package upload_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// fullStore is out of space from its n-th write on, for a number of writes; negative
// means until it is relieved. Removing needs no space.
type fullStore struct {
	storage.Store

	mu     sync.Mutex
	writes []string // what each was
	from   int
	left   int
	hit    chan struct{} // closed at the first failure
}

func (s *fullStore) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	s.mu.Lock()
	n := len(s.writes)
	s.writes = append(s.writes, key)
	full := n >= s.from && s.left != 0
	if full {
		if s.left > 0 {
			s.left--
		}
		if s.hit != nil {
			close(s.hit)
			s.hit = nil
		}
	}
	s.mu.Unlock()
	if full {
		_, _ = io.CopyN(io.Discard, r, 10)
		return storage.Info{}, fmt.Errorf("put %q: %w", key, syscall.ENOSPC)
	}
	return s.Store.Put(ctx, key, r, o)
}

func (s *fullStore) relieve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = 0
}

// fullBench is a pipeline over a fullStore, with what it has told.
type fullBench struct {
	*upload.Pipeline
	t       *testing.T
	ctx     context.Context
	store   *fullStore
	catalog *upload.StoreCatalog
	rec     *progresstest.Recorder
	ledger  invariant.Ledger
}

func newFullBench(t *testing.T, from, left int) *fullBench {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	mem := blobstore.New(memblob.OpenBucket(nil), nil)
	t.Cleanup(func() { _ = mem.Close() })
	b := &fullBench{t: t, ctx: ctx, rec: &progresstest.Recorder{}}
	b.store = &fullStore{Store: mem, from: from, left: left, hit: make(chan struct{})}
	fake := encodertest.NewFake(b.store, nil)
	b.catalog = upload.NewStoreCatalog(b.store, &upload.StoreCatalogOptions{Logger: testLog(t)})
	p, err := upload.New(b.store, fake, fake, &upload.Options{KeepSuperseded: -1,
		Catalog: b.catalog, Sink: b.rec, RetryDelay: time.Millisecond, Lease: 300 * time.Millisecond, Logger: testLog(t),
	})
	require.NoError(t, err)
	b.Pipeline = p
	if err := p.Start(ctx); err != nil {
		require.ErrorIs(t, err, syscall.ENOSPC)
		b.store.relieve()
		require.NoError(t, p.Start(ctx), "a start that failed can be tried again")
	}
	t.Cleanup(func() { assert.NoError(t, p.Shutdown(ctx)) })
	return b
}

// create uploads until that is answered well.
func (b *fullBench) create() upload.Asset {
	b.t.Helper()
	a, err := b.Create(b.ctx, upload.NewAsset{ID: "film"}, strings.NewReader("a film"))
	if err != nil {
		require.ErrorIs(b.t, err, syscall.ENOSPC)
		b.store.relieve()
		a, err = b.Create(b.ctx, upload.NewAsset{ID: "film"}, strings.NewReader("a film"))
		require.NoError(b.t, err, "what was refused left nothing in the way")
	}
	b.ledger.Line(fmt.Sprintln("accepted", a.ID, a.Attempt))
	return a
}

// done checks that all has come to a good end.
func (b *fullBench) done() {
	b.t.Helper()
	require.NoError(b.t, b.rec.CheckInvariants())
	tidied(b.t, b.Pipeline, "film")
	_, err := b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1})
	require.NoError(b.t, err)
	for _, check := range []func() ([]string, error){
		func() ([]string, error) { return b.ledger.Broken(b.ctx, b.catalog) },
		func() ([]string, error) { return invariant.Settled(b.ctx, b.store, b.catalog) },
	} {
		broken, err := check()
		require.NoError(b.t, err)
		assert.Empty(b.t, broken)
	}
}

// settled waits until the asset's attempt has ended for good.
func (b *fullBench) settled(a upload.Asset) upload.Asset {
	b.t.Helper()
	_, err := b.rec.WaitAttempt(b.ctx, a.ID, a.Attempt)
	require.NoError(b.t, err)
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(b.t, err)
	return got
}

// allWrites counts what an upload and its encode write.
func allWrites(t *testing.T) []string {
	b := newFullBench(t, 0, 0)
	a := b.create()
	require.Equal(t, progress.Complete, b.settled(a).Status)
	b.done()
	require.Greater(t, len(b.store.writes), 20)
	return b.store.writes
}

func TestEachWriteFailsOnce(t *testing.T) {
	for n, key := range allWrites(t) {
		t.Run(fmt.Sprintf("%02d %s", n, kind(key)), func(t *testing.T) {
			t.Parallel()
			b := newFullBench(t, n, 1)
			a := b.settled(b.create())
			assert.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
			assert.LessOrEqual(t, a.Failures, 1)
			b.done()
		})
	}
}

// kind shortens a key for a test's name.
func kind(key string) string {
	parts := strings.Split(key, "/")
	name, _, _ := strings.Cut(parts[len(parts)-1], "-")
	return parts[0] + " " + name
}

func TestFullFromEachWriteOn(t *testing.T) {
	for n, key := range allWrites(t) {
		t.Run(fmt.Sprintf("%02d %s", n, kind(key)), func(t *testing.T) {
			t.Parallel()
			b := newFullBench(t, n, -1)
			hit := b.store.hit
			a := b.create()
			if hit != nil {
				select {
				case <-hit:
				case <-b.ctx.Done():
					t.Fatal("never full")
				}
			}
			time.Sleep(100 * time.Millisecond) // it stays full for a while, and all retries may be used up
			b.store.relieve()
			if got := b.settled(a); got.Status != progress.Complete {
				require.Equal(t, encoder.CodeNoSpace, got.Error.Code, "%+v", got.Error)
				require.False(t, got.Error.Permanent)
				again, err := b.Retry(b.ctx, a.ID)
				require.NoError(t, err)
				b.ledger.Line(fmt.Sprintln("retried", again.ID, again.Attempt))
				require.Equal(t, progress.Complete, b.settled(again).Status)
			}
			b.done()
		})
	}
}

func TestMediaThatCannotBeStoredEndsInError(t *testing.T) {
	fs := &failingStore{}
	b := newBench(t, func(b *bench) {
		fs.Store = b.store
		b.store, b.studio.store = fs, fs
	})
	fs.set(func(op, key string) error {
		if op == "put" && strings.HasSuffix(key, ".m3u8") {
			return fmt.Errorf("put %q: %w", key, syscall.ENOSPC)
		}
		return nil
	})
	a := b.ended()
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, &progress.Failure{Code: encoder.CodeNoSpace, Message: "The storage is full. Try again when there is room."}, a.Error)
	assert.Equal(t, 3, a.Runs, "retries end")
	assert.Len(t, keysOf(t, b.store, "sources/"), 1, "what was accepted is there")
	fs.set(nil)
	again, err := b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	end, err := b.rec.WaitAttempt(b.ctx, a.ID, again.Attempt)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, end.Status)
}
