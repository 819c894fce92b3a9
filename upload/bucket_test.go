package upload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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

// How a call of a bucket can go wrong.
type fault string

const (
	refuses fault = "refuses" // nothing is done
	lies    fault = "lies"    // it is done, and the answer is lost
	breaks  fault = "breaks"  // it fails half-way
	hangs   fault = "hangs"   // it takes ten minutes and then fails
	forbids fault = "forbids" // it is refused for good
	slow    fault = "is slow" // it takes a minute
	none    fault = ""
)

var errBucket = errors.New("503 SlowDown")

// badBucket does what its plan says with each call.
type badBucket struct {
	storage.Store
	mu    sync.Mutex
	calls map[string]int
	plan  func(op string, n int, key string) fault // n counts the calls of op, from 0
}

func (b *badBucket) next(op, key string) fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.calls[op]
	b.calls[op]++
	if b.plan == nil {
		return none
	}
	f := b.plan(op, n, key)
	if (f == hangs || f == slow) && !strings.HasPrefix(key, "sources/") && !strings.HasSuffix(key, ".m4s") {
		return refuses // elsewhere others wait with a lock, and no time passes in a bubble then
	}
	return f
}

func (b *badBucket) set(plan func(op string, n int, key string) fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plan = plan
}

// fail waits as long as the fault lasts, and returns its error where the call is not done.
func (f fault) fail(ctx context.Context, op, key string) error {
	wait := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	switch f {
	case refuses:
		return fmt.Errorf("%s %q: %w", op, key, errBucket)
	case forbids:
		return fmt.Errorf("%s %q: 403 AccessDenied: %w", op, key, fs.ErrPermission)
	case hangs:
		wait(10 * time.Minute)
		return fmt.Errorf("%s %q: %w", op, key, context.DeadlineExceeded)
	case slow:
		wait(time.Minute)
	}
	return ctx.Err()
}

// lost is the error of a call that was done all the same.
func (f fault) lost(op, key string, err error) error {
	if err == nil && f == lies {
		err = fmt.Errorf("%s %q: connection reset: %w", op, key, errBucket)
	}
	return err
}

func (b *badBucket) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	f := b.next("put", key)
	if f == breaks {
		r = io.MultiReader(io.LimitReader(r, 10), failingReader{errBucket})
	}
	if err := f.fail(ctx, "put", key); err != nil {
		return storage.Info{}, err
	}
	info, err := b.Store.Put(ctx, key, r, o)
	return info, f.lost("put", key, err)
}

func (b *badBucket) Open(ctx context.Context, key string, o *storage.OpenOptions) (*storage.Object, error) {
	f := b.next("open", key)
	if err := f.fail(ctx, "open", key); err != nil {
		return nil, err
	}
	obj, err := b.Store.Open(ctx, key, o)
	if err == nil && (f == breaks || f == lies) {
		obj.Body = brokenBody{io.MultiReader(io.LimitReader(obj.Body, 10), failingReader{errBucket}), obj.Body}
	}
	return obj, err
}

type brokenBody struct {
	io.Reader
	io.Closer
}

func (b *badBucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	f := b.next("stat", key)
	if err := f.fail(ctx, "stat", key); err != nil {
		return storage.Info{}, err
	}
	info, err := b.Store.Stat(ctx, key)
	return info, f.lost("stat", key, err)
}

func (b *badBucket) Delete(ctx context.Context, key string) error {
	f := b.next("delete", key)
	if err := f.fail(ctx, "delete", key); err != nil {
		return err
	}
	return f.lost("delete", key, b.Store.Delete(ctx, key))
}

func (b *badBucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		f := b.next("list", prefix)
		if err := f.fail(ctx, "list", prefix); err != nil {
			yield(storage.Info{}, err)
			return
		}
		for info, err := range b.Store.List(ctx, prefix) {
			if !yield(info, err) {
				return
			}
			if f == breaks || f == lies {
				yield(storage.Info{}, fmt.Errorf("list %q: %w", prefix, errBucket))
				return
			}
		}
	}
}

// bucketBench is a pipeline over a badBucket. All of it lives in a bubble of synctest, so
// that delays take no time.
type bucketBench struct {
	*upload.Pipeline
	t       *testing.T
	ctx     context.Context
	bucket  *badBucket
	catalog *upload.StoreCatalog
	rec     *progresstest.Recorder
	ledger  invariant.Ledger
}

// inBubble runs test with a bench whose pipeline is not started.
func inBubble(t *testing.T, test func(b *bucketBench)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Hour)
		defer cancel()
		mem := blobstore.New(memblob.OpenBucket(nil), nil)
		defer func() { _ = mem.Close() }()
		b := &bucketBench{t: t, ctx: ctx, rec: &progresstest.Recorder{}, bucket: &badBucket{Store: mem, calls: map[string]int{}}}
		fake := encodertest.NewFake(b.bucket, nil)
		b.catalog = upload.NewStoreCatalog(b.bucket, nil)
		var err error
		b.Pipeline, err = upload.New(b.bucket, fake, fake, &upload.Options{KeepSuperseded: -1, Catalog: b.catalog, Sink: b.rec, Logger: testLog(t)})
		require.NoError(t, err)
		defer func() { assert.NoError(t, b.Shutdown(ctx)) }()
		test(b)
	})
}

// again calls f until it works, as a client would.
func (b *bucketBench) again(f func() error) {
	b.t.Helper()
	for range 100 {
		err := f()
		if err == nil {
			return
		}
		b.t.Log("again, after: ", err)
		time.Sleep(time.Minute)
	}
	b.t.Fatal("never well")
}

// life is what everything is tried on: an upload, its encode, another source, a sweep.
func (b *bucketBench) life() {
	b.t.Helper()
	b.again(func() error { return b.Start(b.ctx) })
	b.again(func() error {
		a, err := b.Create(b.ctx, upload.NewAsset{ID: "film"}, strings.NewReader("a film that is longer than ten bytes"))
		if err == nil {
			b.ledger.Line(fmt.Sprintln("accepted", a.ID, a.Attempt))
		}
		if errors.Is(err, upload.ErrExist) {
			return nil // the answer was lost, and not the film
		}
		return err
	})
	b.ends()
	b.again(func() error {
		a, err := b.Replace(b.ctx, "film", upload.NewSource{}, strings.NewReader("another film, longer than ten bytes"))
		if err == nil {
			b.ledger.Line(fmt.Sprintln("retried", a.ID, a.Attempt))
		}
		return err
	})
	b.ends()
	b.again(func() error { _, err := b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1}); return err })
}

// ends waits until the film is COMPLETE, with a retry where it is ERROR for the bucket.
func (b *bucketBench) ends() {
	b.t.Helper()
	b.again(func() error {
		a, err := b.Get(b.ctx, "film")
		if err != nil {
			return err
		}
		end, err := b.rec.WaitAttempt(b.ctx, a.ID, a.Attempt)
		require.NoError(b.t, err)
		if end.Status == progress.Complete {
			return nil
		}
		require.Contains(b.t, []string{encoder.CodeStorage, encoder.CodeSourceUnavailable}, end.Error.Code, "%+v", end.Error)
		require.False(b.t, end.Error.Permanent, "%+v", end.Error)
		if a, err = b.Retry(b.ctx, a.ID); err == nil {
			b.ledger.Line(fmt.Sprintln("retried", a.ID, a.Attempt))
		}
		return errors.Join(err, errors.New("retried"))
	})
}

// good checks that all came to a good end.
func (b *bucketBench) good() {
	b.t.Helper()
	b.bucket.set(nil)
	require.NoError(b.t, b.rec.CheckInvariants())
	b.again(func() error { // what was superseded is removed
		a, err := b.Get(b.ctx, "film")
		if err == nil && a.Unfinished() {
			err = errors.New("something is left to do")
		}
		return err
	})
	b.again(func() error { _, err := b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1}); return err })
	time.Sleep(2 * time.Minute) // what is looked after when a lease has ended
	for _, check := range []func() ([]string, error){
		func() ([]string, error) { return b.ledger.Broken(b.ctx, b.catalog) },
		func() ([]string, error) { return invariant.Settled(b.ctx, b.bucket, b.catalog) },
	} {
		broken, err := check()
		require.NoError(b.t, err)
		assert.Empty(b.t, slices.DeleteFunc(broken, func(s string) bool { return strings.HasPrefix(s, "catalog/due/") }), "marks that stay are for the next Start")
	}
	b.again(func() error {
		if err := b.Delete(b.ctx, "film"); !errors.Is(err, upload.ErrNotFound) { // a worker was faster
			return err
		}
		return nil
	})
	for _, prefix := range []string{"media/", "sources/"} {
		assert.Empty(b.t, keysOf(b.t, b.bucket, prefix))
	}
}

// Calls of the bucket fail once, in each way.
func TestCallsOfTheBucketFailOnce(t *testing.T) {
	var calls map[string]int
	inBubble(t, func(b *bucketBench) { b.life(); calls = maps.Clone(b.bucket.calls); b.good() })
	t.Log(calls)
	// Many calls are alike (segments, records): each third or so is tried.
	every := map[string]int{"put": 3, "delete": 7, "open": 11, "list": 3, "stat": 1}
	for op, most := range calls {
		for n := range most {
			if n%every[op] != 0 {
				continue
			}
			faults := []fault{refuses, lies, breaks, hangs}
			for _, f := range []fault{faults[n/every[op]%2], faults[2+n/every[op]%2]} {
				t.Run(fmt.Sprintf("%s %s %d", op, f, n), func(t *testing.T) {
					inBubble(t, func(b *bucketBench) {
						b.bucket.set(func(o string, i int, key string) fault {
							if o == op && i == n {
								t.Log(key)
								return f
							}
							return none
						})
						b.life()
						b.good()
					})
				})
			}
		}
	}
}

// A bucket that is down for an hour, or forbids what it should not, in each phase: the
// retries end, and what was accepted is there when it answers again.
func TestBucketIsDownInEachPhase(t *testing.T) {
	for op, phases := range map[string][]string{
		"put":    {"sources/", "catalog/", "init-", ".m4s", "event.m3u8", "index.m3u8", "master.m3u8"},
		"open":   {"catalog/", "init-", ".m4s", "index.m3u8", "master.m3u8"},
		"stat":   {"sources/"},
		"list":   {"sources/", "catalog/", "media/"},
		"delete": {"catalog/", "media/"},
	} {
		for _, from := range phases {
			for _, f := range []fault{forbids, slow} {
				t.Run(fmt.Sprintf("%s %s from %s", op, f, strings.Trim(from, "/")), func(t *testing.T) {
					inBubble(t, func(b *bucketBench) {
						var down time.Time
						b.bucket.set(func(o string, _ int, key string) fault {
							if down.IsZero() && o == op && strings.Contains(key, from) {
								down = time.Now()
							}
							if o == op && !down.IsZero() && time.Since(down) < time.Hour {
								return f
							}
							return none
						})
						b.life()
						b.good()
					})
				})
			}
		}
	}
}

// The delays between runs double, and end.
func TestRetriesOfABadBucketEnd(t *testing.T) {
	for _, f := range []fault{refuses, forbids, breaks, lies} {
		t.Run(string(f), func(t *testing.T) {
			inBubble(t, func(b *bucketBench) {
				var at []time.Time
				b.bucket.set(func(op string, _ int, key string) fault {
					if op == "put" && strings.HasSuffix(key, ".m4s") {
						if n := len(at); n == 0 || time.Since(at[n-1]) > time.Second {
							at = append(at, time.Now())
						}
						return f
					}
					return none
				})
				b.again(func() error { return b.Start(b.ctx) })
				a, err := b.Create(b.ctx, upload.NewAsset{ID: "film"}, strings.NewReader("a film that is longer than ten bytes"))
				require.NoError(t, err)
				b.ledger.Line(fmt.Sprintln("accepted", a.ID, a.Attempt))
				end, err := b.rec.WaitAttempt(b.ctx, a.ID, a.Attempt)
				require.NoError(t, err)
				require.Equal(t, progress.Error, end.Status)
				assert.Equal(t, encoder.CodeStorage, end.Error.Code)
				assert.False(t, end.Error.Permanent)
				waits := []time.Duration{}
				for i := 1; i < len(at); i++ {
					waits = append(waits, at[i].Sub(at[i-1]).Round(time.Second))
				}
				assert.True(t, slices.Equal([]time.Duration{10 * time.Second, 20 * time.Second}, waits), "%v", waits)
				b.bucket.set(nil)
				b.ends()
				b.good()
			})
		})
	}
}
