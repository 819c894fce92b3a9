package upload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// mortal is the Store of a process that dies: from then on nothing of it arrives.
type mortal struct {
	storage.Store
	mu   sync.Mutex
	dies func(key string) bool // before it is put
	dead bool
	puts map[string]int // how often each media segment was written
}

func newMortal(s storage.Store, dies func(key string) bool) *mortal {
	return &mortal{Store: s, dies: dies, puts: map[string]int{}}
}

func (s *mortal) alive(key string, put bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if put && s.dies != nil && s.dies(key) {
		s.dead = true
	}
	if s.dead {
		return errBroken
	}
	if put && path.Ext(key) == ".m4s" {
		s.puts[key]++
	}
	return nil
}

func (s *mortal) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

func (s *mortal) segments() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.puts)
}

func (s *mortal) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	if err := s.alive(key, true); err != nil {
		return storage.Info{}, err
	}
	return s.Store.Put(ctx, key, r, o)
}

func (s *mortal) Delete(ctx context.Context, key string) error {
	if err := s.alive(key, false); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s *mortal) Open(ctx context.Context, key string, o *storage.OpenOptions) (*storage.Object, error) {
	if err := s.alive(key, false); err != nil {
		return nil, err
	}
	return s.Store.Open(ctx, key, o)
}

// service is one of several pipelines over a Store, one after another.
type service struct {
	*upload.Pipeline
	store   *mortal
	fake    *encodertest.Fake
	rec     *recording
	catalog *upload.StoreCatalog
}

// recording keeps the terminal events.
type recording struct {
	ended chan progress.Event
}

func (r *recording) Report(_ context.Context, e progress.Event) {
	if e.Status.Terminal() {
		r.ended <- e
	}
}

// windowed is what encoders are wrapped in.
func windowed(f *encodertest.Fake) studioEncoder {
	return encoder.Parallel(encoder.Limit(f, 2, nil), &encoder.ParallelOptions{Workers: 2})
}

// plain is for what stands still in the middle of an update: Parallel holds a mutex over
// that, and the time of a bubble would stand still.
func plain(f *encodertest.Fake) studioEncoder { return f }

type studioEncoder interface {
	encoder.Encoder
	encoder.Prober
}

func startService(t *testing.T, s storage.Store, dies func(key string) bool, fake encodertest.FakeOptions, opts upload.Options) *service {
	t.Helper()
	return startServiceOver(t, s, dies, fake, windowed, opts)
}

func startServiceOver(t *testing.T, s storage.Store, dies func(key string) bool, fake encodertest.FakeOptions, wrap func(*encodertest.Fake) studioEncoder, opts upload.Options) *service {
	t.Helper()
	p := &service{store: newMortal(s, dies), rec: &recording{ended: make(chan progress.Event, 10)}}
	if fake.Duration == 0 {
		fake.Duration = 3 * time.Minute
	}
	p.fake = encodertest.NewFake(p.store, &fake)
	p.catalog = upload.NewStoreCatalog(p.store, &upload.StoreCatalogOptions{Logger: testLog(t)})
	opts.Catalog, opts.Sink, opts.RetryDelay, opts.Logger = p.catalog, p.rec, time.Millisecond, testLog(t)
	if opts.Lease == 0 {
		opts.Lease = time.Second
	}
	enc := wrap(p.fake)
	var err error
	p.Pipeline, err = upload.New(p.store, enc, enc, &opts)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context()))
	return p
}

// end waits for the attempt's end, and for what follows it.
func (p *service) end(t *testing.T, id string) upload.Asset {
	t.Helper()
	select {
	case <-p.rec.ended:
	case <-time.After(time.Hour): // of a synctest bubble, or the test's own end
		t.Fatal("no end came")
	}
	for {
		a, err := p.Get(t.Context(), id)
		require.NoError(t, err)
		if !a.Unfinished() {
			return a
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// interrupt ends it in the middle of what it does, as a deploy does.
func (p *service) interrupt(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.Shutdown(ctx), context.Canceled)
}

func (p *service) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Shutdown(t.Context()))
}

// settled checks that what is in the Store is whole, and that nothing is too much.
func settled(t *testing.T, p *service) {
	t.Helper()
	broken, err := invariant.Settled(t.Context(), p.store.Store, p.catalog)
	require.NoError(t, err)
	assert.Empty(t, broken)
}

const (
	filmSegments = 30 // of 6 s
	filmTracks   = 5  // four renditions and the sound
	filmObjects  = filmSegments * filmTracks
)

// film starts an upload.
func film(t *testing.T, p *service) upload.Asset {
	t.Helper()
	a, err := p.Create(t.Context(), upload.NewAsset{ID: "film"}, strings.NewReader("a film"))
	require.NoError(t, err)
	return a
}

// heldAt is an encoder that stands still at a segment of the pictures until it is stopped.
func heldAt(n int) (opts encodertest.FakeOptions, held chan struct{}) {
	held = make(chan struct{})
	var once sync.Once
	opts.Segment = func(ctx context.Context, job encoder.Job, number int) error {
		if number < n || job.Tracks[0].Kind != hls.Video {
			return nil
		}
		once.Do(func() { close(held) })
		<-ctx.Done()
		return ctx.Err()
	}
	return opts, held
}

// A service that is restarted in the middle of an encode goes on where it was: nothing is
// encoded again but what was at work, and who watches sees the playlists grow again.
func TestRestartGoesOn(t *testing.T) {
	s := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		opts, held := heldAt(12)
		p := startService(t, s, nil, opts, upload.Options{})
		a := film(t, p)
		<-held
		time.Sleep(time.Minute) // the sound is done
		p.interrupt(t)
		before := p.store.segments()
		a, _, err := p.catalog.Get(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, progress.Ready, a.Status)
		assert.NotEmpty(t, a.Playlist)
		event := a.Output + "/v720/event.m3u8"
		grown := text(t, s, event)
		assert.NotContains(t, grown, "ENDLIST", "it goes on")

		p = startService(t, s, nil, encodertest.FakeOptions{}, upload.Options{})
		a = p.end(t, a.ID)
		assert.Equal(t, progress.Complete, a.Status, a.Error)
		assert.Equal(t, 2, a.Runs)
		assert.Equal(t, 3*time.Minute, a.Duration)
		assert.Equal(t, filmObjects, before+p.store.segments(), "nothing is encoded twice")
		for _, j := range p.fake.Jobs() {
			assert.Equal(t, hls.Video, j.Tracks[0].Kind, "the sound was done")
		}
		assert.True(t, strings.HasPrefix(text(t, s, event), grown), "it is only ever appended to")
		assert.Contains(t, text(t, s, a.Playlist), "/index-2.m3u8")
		p.stop(t)
		settled(t, p)
	})
}

func text(t *testing.T, s storage.Store, key string) string {
	t.Helper()
	obj, err := s.Open(t.Context(), key, nil)
	require.NoError(t, err, key)
	defer obj.Close()
	b, err := io.ReadAll(obj)
	require.NoError(t, err)
	return string(b)
}

// A process dies before any of its writes, and another goes on: in the end all is whole,
// nothing is left over, and no more was encoded twice than was at work.
func TestDeathAnywhereGoesOn(t *testing.T) {
	for _, what := range []string{"journal/", "/event.m3u8", "/master.m3u8", "/index.m3u8", ".m4s"} {
		for _, nth := range []int{1, 2, 7, 20} {
			t.Run(fmt.Sprintf("%d %s", nth, strings.Trim(what, "/.")), func(t *testing.T) {
				t.Parallel()
				s := newStore(t)
				synctest.Test(t, func(t *testing.T) {
					left := nth
					p := startService(t, s, func(key string) bool {
						if strings.Contains(key, what) {
							left--
						}
						return left == 0
					}, encodertest.FakeOptions{Delay: 100 * time.Millisecond}, upload.Options{KeepSuperseded: time.Second})
					a := film(t, p)
					time.Sleep(2 * time.Minute)
					if !p.store.isDead() {
						p.stop(t)
						return // there are not so many
					}
					_ = p.Shutdown(t.Context())
					first := p.store.segments()

					p = startService(t, s, nil, encodertest.FakeOptions{Delay: 100 * time.Millisecond}, upload.Options{KeepSuperseded: time.Second})
					a = p.end(t, a.ID)
					assert.Equal(t, progress.Complete, a.Status, a.Error)
					// The sound is made again where it had not ended, and of each of two windows
					// what came since the last page of the journal.
					assert.LessOrEqual(t, first+p.store.segments(), filmObjects+filmSegments+2*2*2)
					p.stop(t)
					p = startService(t, s, nil, encodertest.FakeOptions{}, upload.Options{})
					_, err := p.Sweep(t.Context(), &upload.SweepOptions{OlderThan: -1})
					require.NoError(t, err)
					settled(t, p)
					p.stop(t)
				})
			})
		}
	}
}

// What another version of the encoder, or another ladder, has made is not gone on with.
func TestAnotherRecipeBeginsAnew(t *testing.T) {
	narrow := &encoder.PlanOptions{MaxHeight: 480}
	for name, next := range map[string]struct {
		fake encodertest.FakeOptions
		opts upload.Options
	}{
		"version": {encodertest.FakeOptions{Fingerprint: "fake-2"}, upload.Options{}},
		"ladder":  {encodertest.FakeOptions{}, upload.Options{Plan: narrow}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			synctest.Test(t, func(t *testing.T) {
				opts, held := heldAt(5)
				p := startService(t, s, nil, opts, upload.Options{})
				a := film(t, p)
				<-held
				time.Sleep(time.Minute)
				p.interrupt(t)
				a, _, err := p.catalog.Get(t.Context(), a.ID)
				require.NoError(t, err)
				published := a.Published
				require.NotEmpty(t, published)

				hold, held := heldAt(3)
				hold.Fingerprint = next.fake.Fingerprint
				next.opts.KeepSuperseded = time.Minute
				p = startService(t, s, nil, hold, next.opts)
				<-held
				assert.Contains(t, text(t, s, published+"/v480/event.m3u8"), "#EXT-X-ENDLIST", "it grows no more")
				assert.Contains(t, text(t, s, a.Playlist), path.Base(published)+"/", "it stays until the other is complete")
				p.interrupt(t)

				p = startService(t, s, nil, next.fake, next.opts)
				a = p.end(t, a.ID)
				assert.Equal(t, progress.Complete, a.Status, a.Error)
				assert.NotEqual(t, published, a.Published)
				p.stop(t)
				settled(t, p)
			})
		})
	}
}

// Where what was encoded is gone, the check finds it out, and the next run begins anew.
func TestWhatIsGoneIsEncodedAgain(t *testing.T) {
	s := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		opts, held := heldAt(12)
		p := startService(t, s, nil, opts, upload.Options{})
		a := film(t, p)
		<-held
		time.Sleep(time.Minute)
		p.interrupt(t)
		a, _, err := p.catalog.Get(t.Context(), a.ID)
		require.NoError(t, err)
		for _, key := range keysOf(t, s, a.Output+"/v480/7-") {
			require.NoError(t, s.Delete(t.Context(), key))
		}
		p = startService(t, s, nil, encodertest.FakeOptions{}, upload.Options{KeepSuperseded: time.Second})
		b := p.end(t, a.ID)
		assert.Equal(t, progress.Complete, b.Status, b.Error)
		assert.NotEqual(t, a.Output, b.Output)
		assert.Equal(t, 1, b.Failures)
		p.stop(t)
		settled(t, p)
	})
}

// A service whose storage was away for a moment goes on by itself.
func TestFailedRunGoesOn(t *testing.T) {
	s := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		var failed atomic.Bool
		p := startService(t, s, nil, encodertest.FakeOptions{Delay: time.Second, Segment: func(_ context.Context, job encoder.Job, n int) error {
			if n == 20 && !failed.Swap(true) {
				return &encoder.Error{Code: encoder.CodeStorage, Message: "The storage is away.", Err: errBroken}
			}
			return nil
		}}, upload.Options{})
		a := film(t, p)
		a = p.end(t, a.ID)
		assert.Equal(t, progress.Complete, a.Status, a.Error)
		assert.Equal(t, 1, a.Failures)
		again := map[string]bool{} // the numbers of segments that were made twice
		for key, n := range p.store.puts {
			if !strings.Contains(key, "/audio/") && n > 1 {
				number, _, _ := strings.Cut(path.Base(key), "-")
				again[number] = true
			}
		}
		assert.LessOrEqual(t, len(again), 1, "the one at work in the other window: %v", again)
		p.stop(t)
		settled(t, p)
	})
}

// A video that waits to be gone on with can be cancelled and deleted, and nothing stays.
func TestEndWhatWaitsToGoOn(t *testing.T) {
	for _, end := range []string{"cancel", "delete", "keep"} {
		t.Run(end, func(t *testing.T) {
			s := newStore(t)
			synctest.Test(t, func(t *testing.T) {
				opts, held := heldAt(5)
				p := startService(t, s, nil, opts, upload.Options{})
				a := film(t, p)
				<-held
				time.Sleep(time.Minute)
				// The only worker has something else to do after the restart.
				_, err := p.Create(t.Context(), upload.NewAsset{ID: "other", Priority: 1}, strings.NewReader("another film"))
				require.NoError(t, err)
				p.interrupt(t)

				opts, held = heldAt(0)
				p = startService(t, s, nil, opts, upload.Options{Workers: 1})
				<-held
				if end == "delete" {
					require.NoError(t, p.Delete(t.Context(), a.ID))
					assert.Empty(t, keysOf(t, s, "media/film/"))
				} else {
					a, err = p.Cancel(t.Context(), a.ID)
					require.NoError(t, err)
					assert.Equal(t, progress.Error, a.Status)
					assert.Equal(t, progress.CodeCancelled, a.Error.Code)
					assert.Contains(t, text(t, s, a.Published+"/v480/event.m3u8"), "#EXT-X-ENDLIST", "what can be played ends")
				}
				assert.Empty(t, keysOf(t, s, "journal/film/"))
				require.NoError(t, p.Delete(t.Context(), "other"))
				p.stop(t)
			})
		})
	}
}

// A process stands still before a write into what runs share, another takes over and
// completes, and the late write arrives: what is told and played is right in the end.
func TestLateWritesIntoASharedOutput(t *testing.T) {
	for what, nth := range map[string]int{"journal/": 2, "/v480/event.m3u8": 2, "/v480/index.m3u8": 1, "/v720/3-": 1, "/master.m3u8": 2} {
		t.Run(strings.Trim(what, "/"), func(t *testing.T) {
			s := newStore(t)
			synctest.Test(t, func(t *testing.T) {
				n := 0
				late := newLateStore(s, func(op, key string) bool {
					if op != "put" || !strings.Contains(key, what) {
						return false
					}
					n++
					return n == nth
				})
				off := &failingStore{Store: late} // nothing else comes through meanwhile
				p := startServiceOver(t, off, nil, encodertest.FakeOptions{Delay: 100 * time.Millisecond}, plain, upload.Options{})
				a := film(t, p)
				<-late.inside
				off.set(func(string, string) error { return errBroken })

				q := startService(t, s, nil, encodertest.FakeOptions{Delay: 100 * time.Millisecond}, upload.Options{KeepSuperseded: 10 * time.Second})
				select {
				case <-q.rec.ended:
				case <-time.After(time.Hour):
					t.Fatal("no end came")
				}
				off.set(nil)
				close(late.goOn)
				time.Sleep(5 * time.Second)
				err := p.Shutdown(t.Context())
				if err != nil {
					require.ErrorIs(t, err, upload.ErrOwned)
				}
				for {
					a, err = q.Get(t.Context(), a.ID)
					require.NoError(t, err)
					if !a.Unfinished() {
						break
					}
					time.Sleep(time.Second)
				}
				assert.Equal(t, progress.Complete, a.Status, a.Error)
				_, err = q.Sweep(t.Context(), &upload.SweepOptions{OlderThan: -1})
				require.NoError(t, err)
				settled(t, q)
				q.stop(t)
			})
		})
	}
}

// An encoder that cannot tell what it is begins anew, as always.
func TestNoFingerprintBeginsAnew(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Lease = time.Second })
	at, _ := b.studio.hold(2)
	a := b.create(upload.NewAsset{})
	first := receive(t, at)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.Shutdown(ctx), context.Canceled)
	assert.Empty(t, keysOf(t, b.store, "journal/"))
	b.studio.set(func(s *studio) { s.encode = nil })
	b.start()
	e, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, e.Status)
	jobs := b.studio.jobs
	assert.Equal(t, first+"-2", jobs[1].Output)
	assert.Empty(t, jobs[1].Done)
	assert.True(t, slices.IsSorted([]string{jobs[0].ID, jobs[1].ID}) && jobs[0].ID != jobs[1].ID)
	assert.NotErrorIs(t, err, errors.ErrUnsupported)
}
