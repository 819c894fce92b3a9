package upload_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

func TestWholeLife(t *testing.T) {
	b := newBench(t, nil)
	a := b.create(upload.NewAsset{Name: `C:\fakepath\holiday.mp4`, Tenant: "acme", Metadata: map[string]string{"k": "v"}})
	assert.Equal(t, progress.Ready, a.Status)
	assert.Equal(t, "holiday.mp4", a.Name)
	assert.EqualValues(t, 18, a.Size)

	end, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, end.Status)
	assert.Equal(t, "media/"+a.ID+"/master.m3u8", end.Playlist)
	assert.Equal(t, 18*time.Second, end.Front)

	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, got.Status)
	assert.Equal(t, end.Playlist, got.Playlist)
	assert.Equal(t, 1.0, got.Fraction)
	assert.Equal(t, 18*time.Second, got.Duration)
	assert.Equal(t, "acme", got.Tenant)
	assert.Equal(t, map[string]string{"k": "v"}, got.Metadata)
	assert.Empty(t, got.Owner)
	assert.False(t, got.Completed.IsZero())
	_, err = b.store.Stat(b.ctx, got.Playlist)
	assert.NoError(t, err)
	assert.Empty(t, keysOf(t, b.store, "catalog/due/"), "nothing is due")

	var seen []progress.Status
	playable := false
	for _, e := range b.rec.Of(a.ID) {
		if len(seen) == 0 || seen[len(seen)-1] != e.Status {
			seen = append(seen, e.Status)
		}
		playable = playable || e.Status == progress.Running && e.Playlist != "" && e.Front == 6*time.Second
	}
	assert.Equal(t, []progress.Status{progress.Ready, progress.Running, progress.Complete}, seen)
	assert.True(t, playable, "playable while it runs")

	snap, err := b.Snapshot(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, snap.Status)
}

func TestOwnIDs(t *testing.T) {
	b := newBench(t, nil)
	a := b.create(upload.NewAsset{ID: "movie-42"})
	assert.Equal(t, "movie-42", a.ID)
	_, err := b.Create(b.ctx, upload.NewAsset{ID: "movie-42"}, strings.NewReader("x"))
	assert.ErrorIs(t, err, upload.ErrExist)
	for _, id := range []string{"../x", ".x", "-x", "a/b", "x.", strings.Repeat("x", 129)} {
		_, err := b.Create(b.ctx, upload.NewAsset{ID: id}, strings.NewReader("x"))
		assert.ErrorIs(t, err, upload.ErrInvalid, id)
	}
	assert.Len(t, keysOf(t, b.store, "sources/"), 1)
	for _, id := range []string{"x.attrs", "x.0123456789abcdef.tmp"} { // names that a folder keeps for itself
		end, err := b.rec.WaitTerminal(b.ctx, b.create(upload.NewAsset{ID: id}).ID)
		require.NoError(t, err)
		assert.Equal(t, progress.Complete, end.Status, id)
	}
}

func TestUploadThatFailsLeavesNothing(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.MaxSize = 100 })
	cases := map[string]struct {
		n    upload.NewAsset
		r    io.Reader
		want error
	}{
		"reader fails":  {r: io.MultiReader(strings.NewReader("abc"), failingReader{errBroken}), want: errBroken},
		"empty":         {r: strings.NewReader(""), want: upload.ErrEmpty},
		"too long":      {r: strings.NewReader(strings.Repeat("x", 101)), want: upload.ErrTooLarge},
		"announced":     {n: upload.NewAsset{Size: 101}, r: failingReader{errors.New("read")}, want: upload.ErrTooLarge},
		"too few":       {n: upload.NewAsset{Size: 4}, r: strings.NewReader("abc"), want: upload.ErrIncomplete},
		"too many":      {n: upload.NewAsset{Size: 2}, r: strings.NewReader("abc"), want: upload.ErrIncomplete},
		"type":          {n: upload.NewAsset{ContentType: "text/html"}, r: failingReader{errors.New("read")}, want: upload.ErrType},
		"much metadata": {n: upload.NewAsset{Metadata: map[string]string{"k": strings.Repeat("x", 5000)}}, r: failingReader{errors.New("read")}, want: upload.ErrInvalid},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.n.ID = "x"
			_, err := b.Create(b.ctx, c.n, c.r)
			assert.ErrorIs(t, err, c.want)
		})
	}
	ctx, cancel := context.WithCancel(b.ctx)
	_, err := b.Create(ctx, upload.NewAsset{ID: "x"}, readerFunc(func([]byte) (int, error) { cancel(); return 0, ctx.Err() }))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []string{"catalog/owner/0000000001.json"}, keysOf(t, b.store, ""))
	assert.Empty(t, b.rec.Events())
	b.create(upload.NewAsset{ID: "x"}) // and the id is free
}

func TestExactlyMaxSize(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.MaxSize = 18 })
	b.create(upload.NewAsset{})
}

func TestConcurrentUploadsOfOneID(t *testing.T) {
	b := newBench(t, nil)
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = b.Create(b.ctx, upload.NewAsset{ID: "one"}, strings.NewReader("video"))
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			assert.ErrorIs(t, err, upload.ErrExist)
		}
	}
	assert.Equal(t, 1, won)
	assert.Len(t, keysOf(t, b.store, "sources/"), 1)
}

func TestImport(t *testing.T) {
	b := newBench(t, nil)
	_, err := b.store.Put(b.ctx, "host/film.mp4", strings.NewReader("a film"), nil)
	require.NoError(t, err)
	a, err := b.Import(b.ctx, upload.NewAsset{Name: "film"}, "host/film.mp4", nil)
	require.NoError(t, err)
	assert.True(t, a.External)
	assert.EqualValues(t, 6, a.Size)
	assert.Equal(t, "host/film.mp4", a.Source.Parts[0].Key)
	end, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, end.Status)
	require.NoError(t, b.Delete(b.ctx, a.ID))
	_, err = b.store.Stat(b.ctx, "host/film.mp4")
	assert.NoError(t, err, "the host's object stays")

	_, err = b.store.Put(b.ctx, "sources/given/film", strings.NewReader("a film"), nil)
	require.NoError(t, err)
	a, err = b.Import(b.ctx, upload.NewAsset{ID: "given"}, "sources/given/film", nil)
	require.NoError(t, err)
	require.NoError(t, b.Delete(b.ctx, a.ID))
	_, err = b.store.Stat(b.ctx, "sources/given/film")
	assert.NoError(t, err, "also where vodkit keeps its own")

	a, err = b.Import(b.ctx, upload.NewAsset{}, "host/film.mp4", &upload.ImportOptions{Own: true})
	require.NoError(t, err)
	require.NoError(t, b.Delete(b.ctx, a.ID))
	_, err = b.store.Stat(b.ctx, "host/film.mp4")
	assert.ErrorIs(t, err, storage.ErrNotExist, "it was handed over")

	_, err = b.Import(b.ctx, upload.NewAsset{}, "host/missing", nil)
	assert.ErrorIs(t, err, storage.ErrNotExist)
	_, err = b.Import(b.ctx, upload.NewAsset{}, "media/x/master.m3u8", nil)
	assert.ErrorIs(t, err, upload.ErrInvalid)
}

func TestPermanentFailure(t *testing.T) {
	b := newBench(t, nil)
	b.studio.probe = func(encoder.Source) (encoder.Media, error) {
		return encoder.Media{}, &encoder.Error{Code: encoder.CodeUnsupportedFormat, Message: "This is a poem.", Permanent: true}
	}
	a := b.create(upload.NewAsset{})
	end, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, &progress.Failure{Code: "unsupported_format", Message: "This is a poem.", Permanent: true}, end.Error)
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, end.Error, got.Error)
	assert.Equal(t, 1, got.Runs)
	assert.Empty(t, keysOf(t, b.store, "media/"))
}

func TestTruncatedSources(t *testing.T) {
	b := newBench(t, nil)
	b.studio.set(func(s *studio) {
		s.probe = func(encoder.Source) (encoder.Media, error) {
			m := s.media()
			m.Truncated, m.Duration, m.HeaderDuration = true, 4*time.Second, 18*time.Second
			return m, nil
		}
	})
	end, err := b.rec.WaitTerminal(b.ctx, b.create(upload.NewAsset{}).ID)
	require.NoError(t, err)
	assert.Equal(t, &progress.Failure{Code: "truncated", Permanent: true,
		Message: "The file ends early: 4.0 s of 18.0 s could be read. Upload it again."}, end.Error)

	b.studio.set(func(s *studio) { // the probe says all is well, the encode ends early without an error
		s.probe = nil
		s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
			return s.render(ctx, job, emit, 1)
		}
	})
	a := b.create(upload.NewAsset{})
	end, err = b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, &progress.Failure{Code: "truncated", Permanent: true,
		Message: "The file ends early: 6.0 s of 18.0 s could be read. Upload it again."}, end.Error)
	assert.NotEmpty(t, end.Playlist, "what could be played can be played")
	assert.Equal(t, 6*time.Second, end.Front)
	obj, err := b.store.Open(b.ctx, "media/"+a.ID+"/"+a.Attempt+"/audio/event.m3u8", nil)
	require.NoError(t, err)
	defer obj.Close()
	text, err := io.ReadAll(obj)
	require.NoError(t, err)
	assert.Contains(t, string(text), "#EXT-X-ENDLIST", "players stop where the video stops")
}

func TestRetryableFailuresAreRunAgain(t *testing.T) {
	b := newBench(t, nil)
	tries := 0
	b.studio.set(func(s *studio) {
		s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
			tries++
			switch tries {
			case 1: // before anything can be played
				return &encoder.Error{Code: encoder.CodeEncoderFailed, Message: "Out of memory."}
			case 2: // after
				if err := s.render(ctx, job, emit, 2); err != nil {
					return err
				}
				panic("the encoder has a bug")
			}
			return s.render(ctx, job, emit, -1)
		}
	})
	a := b.create(upload.NewAsset{})
	end, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, end.Status)
	assert.Equal(t, a.Attempt, end.Attempt, "it is one attempt")
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, 3, got.Runs)
	assert.Equal(t, "media/"+a.ID+"/"+a.Attempt+"-3", got.Output)
	b.eventually(func() bool {
		for _, k := range keysOf(t, b.store, "media/"+a.ID+"/") {
			if k != got.Playlist && !strings.HasPrefix(k, got.Output+"/") {
				return false
			}
		}
		return true
	}, "only the last run's objects are left")
}

func TestRetriesEnd(t *testing.T) {
	b := newBench(t, nil)
	b.studio.set(func(s *studio) {
		s.encode = func(context.Context, encoder.Job, func(encoder.Update) error) error { return errBroken }
	})
	a := b.create(upload.NewAsset{})
	end, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, encoder.CodeEncoderFailed, end.Error.Code)
	assert.False(t, end.Error.Permanent)
	assert.NotContains(t, end.Error.Message, errBroken.Error(), "what is inside stays inside")
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, 3, got.Runs)
	b.eventually(func() bool { return len(keysOf(t, b.store, "media/")) == 0 }, "nothing is left of it")
}

func TestRetryReplacesWhatIsPublished(t *testing.T) {
	b := newBench(t, nil)
	a := b.create(upload.NewAsset{})
	_, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	first, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)

	reached, goOn := b.studio.hold(2)
	again, err := b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	assert.NotEqual(t, a.Attempt, again.Attempt)
	assert.Equal(t, 2, again.Attempts)
	assert.Equal(t, first.Playlist, again.Playlist, "the old one can be played meanwhile")
	receive(t, reached)
	_, err = b.Retry(b.ctx, a.ID)
	assert.ErrorIs(t, err, upload.ErrBusy)
	obj, err := b.store.Open(b.ctx, first.Playlist, nil)
	require.NoError(t, err)
	text, err := io.ReadAll(obj)
	require.NoError(t, err)
	require.NoError(t, obj.Close())
	assert.Contains(t, string(text), a.Attempt)
	assert.NotContains(t, string(text), again.Attempt)

	close(goOn)
	end, err := b.rec.WaitAttempt(b.ctx, a.ID, again.Attempt)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, end.Status)
	b.eventually(func() bool { return len(keysOf(t, b.store, first.Output+"/")) == 0 }, "the old one goes")
	_, err = b.Retry(b.ctx, "nobody")
	assert.ErrorIs(t, err, upload.ErrNotFound)
}

func TestFailedRetryKeepsWhatIsPublished(t *testing.T) {
	b := newBench(t, nil)
	a := b.create(upload.NewAsset{})
	_, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	first, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	before := keysOf(t, b.store, "media/")
	b.studio.set(func(s *studio) {
		s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
			if err := s.render(ctx, job, emit, 1); err != nil {
				return err
			}
			return &encoder.Error{Code: encoder.CodeStalled, Message: "It stalled.", Permanent: true}
		}
	})
	again, err := b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	end, err := b.rec.WaitAttempt(b.ctx, a.ID, again.Attempt)
	require.NoError(t, err)
	assert.Equal(t, progress.Error, end.Status)
	assert.Equal(t, first.Playlist, end.Playlist)
	b.eventually(func() bool { return assert.ObjectsAreEqual(before, keysOf(t, b.store, "media/")) }, "as before")
}

func TestCancel(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers = 1 })
	reached, _ := b.studio.hold(0)
	running := b.create(upload.NewAsset{})
	receive(t, reached)
	waiting := b.create(upload.NewAsset{})
	for _, a := range []upload.Asset{waiting, running} {
		got, err := b.Cancel(b.ctx, a.ID)
		require.NoError(t, err)
		assert.Equal(t, progress.Error, got.Status)
		assert.Equal(t, progress.CodeCancelled, got.Error.Code)
		end, err := b.rec.WaitTerminal(b.ctx, a.ID)
		require.NoError(t, err)
		assert.Equal(t, progress.CodeCancelled, end.Error.Code)
		_, err = b.Cancel(b.ctx, a.ID)
		assert.ErrorIs(t, err, upload.ErrEnded)
	}
	assert.Empty(t, keysOf(t, b.store, "media/"), "nothing is left of the encode")
	assert.Len(t, keysOf(t, b.store, "sources/"), 2, "but the sources are")
	_, err := b.Cancel(b.ctx, "nobody")
	assert.ErrorIs(t, err, upload.ErrNotFound)
}

func TestDeleteWhileRunningLeavesNothing(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers = 1 })
	reached, _ := b.studio.hold(2)
	running := b.create(upload.NewAsset{})
	receive(t, reached)
	waiting := b.create(upload.NewAsset{})
	for _, a := range []upload.Asset{running, waiting} {
		require.NoError(t, b.Delete(b.ctx, a.ID))
		end, err := b.rec.WaitTerminal(b.ctx, a.ID)
		require.NoError(t, err)
		assert.Equal(t, progress.CodeDeleted, end.Error.Code)
		_, err = b.Get(b.ctx, a.ID)
		assert.ErrorIs(t, err, upload.ErrNotFound)
		assert.ErrorIs(t, b.Delete(b.ctx, a.ID), upload.ErrNotFound)
		terminal := 0
		for _, e := range b.rec.Of(a.ID) {
			if e.Status.Terminal() {
				terminal++
			}
		}
		assert.Equal(t, 1, terminal)
	}
	assert.Equal(t, []string{"catalog/owner/0000000001.json"}, keysOf(t, b.store, ""))
}

func TestDeleteManyTimesAtOnce(t *testing.T) {
	var told atomic.Int32
	b := newBench(t, func(b *bench) {
		b.opts.OnDelete = func(_ context.Context, a upload.Asset) {
			assert.Equal(t, "x", a.ID)
			told.Add(1)
			panic("which ends nothing")
		}
	})
	reached, _ := b.studio.hold(1)
	a := b.create(upload.NewAsset{ID: "x"})
	receive(t, reached)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := b.Delete(b.ctx, a.ID); err != nil {
				assert.ErrorIs(t, err, upload.ErrNotFound)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, int32(1), told.Load())
	assert.Equal(t, []string{"catalog/owner/0000000001.json"}, keysOf(t, b.store, ""))
}

// turns lets the first deletion of media wait for the next record to be written.
type turns struct {
	storage.Store
	begin, goOn   sync.Once
	begun, wished chan struct{}
}

func (s *turns) Delete(ctx context.Context, key string) error {
	if strings.HasPrefix(key, "media/") {
		s.begin.Do(func() {
			close(s.begun)
			<-s.wished
		})
	}
	return s.Store.Delete(ctx, key)
}

func (s *turns) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	info, err := s.Store.Put(ctx, key, r, o)
	select {
	case <-s.begun:
		s.goOn.Do(func() { close(s.wished) })
	default:
	}
	return info, err
}

// Who wished it while the asset was there is not told that it never was.
func TestDeleteThatAnotherFinishes(t *testing.T) {
	s := &turns{begun: make(chan struct{}), wished: make(chan struct{})}
	b := newBench(t, func(b *bench) {
		s.Store = b.store
		b.store, b.studio.store = s, s
		b.opts.Catalog = upload.NewStoreCatalog(s, &upload.StoreCatalogOptions{Heartbeat: time.Minute})
	})
	a := b.create(upload.NewAsset{})
	_, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	first := make(chan error, 1)
	go func() { first <- b.Delete(b.ctx, a.ID) }()
	receive(t, s.begun)
	assert.NoError(t, b.Delete(b.ctx, a.ID))
	assert.NoError(t, receive(t, first))
}

func TestDeleteGoesOnAfterAFailure(t *testing.T) {
	fs := &failingStore{}
	b := newBench(t, func(b *bench) {
		fs.Store = b.store
		b.store, b.studio.store = fs, fs
	})
	a := b.create(upload.NewAsset{})
	_, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	fs.set(func(op, key string) error {
		if op == "delete" && strings.HasPrefix(key, "sources/") {
			return errBroken
		}
		return nil
	})
	require.ErrorIs(t, b.Delete(b.ctx, a.ID), errBroken)
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, upload.IntentDelete, got.Intent)
	fs.set(nil)
	b.eventually(func() bool { return len(keysOf(t, b.store, "")) == 1 }, "a worker finishes the deletion")
}

func TestBacklog(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers, b.opts.Backlog = 1, 2 })
	reached, goOn := b.studio.hold(0)
	b.create(upload.NewAsset{})
	receive(t, reached) // it runs: nobody waits
	low := b.create(upload.NewAsset{})
	high := b.create(upload.NewAsset{Priority: 5})
	_, err := b.Create(b.ctx, upload.NewAsset{}, failingReader{errors.New("nobody reads this")})
	assert.ErrorIs(t, err, upload.ErrBacklogFull)

	place := func(id string, n int) {
		_, err := b.rec.Wait(b.ctx, func(e progress.Event) bool { return e.Asset == id && e.Queue == n })
		assert.NoError(t, err)
	}
	place(high.ID, 1)
	place(low.ID, 2)
	snap, err := b.Snapshot(b.ctx, low.ID)
	require.NoError(t, err)
	assert.Equal(t, 2, snap.Queue)
	close(goOn)
	_, err = b.rec.WaitTerminal(b.ctx, low.ID)
	require.NoError(t, err)
	assert.Equal(t, 3, len(b.studio.jobs))
	assert.Contains(t, b.studio.jobs[1].Output, high.ID, "priority goes first")
}

func TestShutdownLeavesTheRestForTheNextProcess(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers = 1 })
	reached, _ := b.studio.hold(2)
	running := b.create(upload.NewAsset{})
	receive(t, reached)
	waiting := b.create(upload.NewAsset{})

	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.Shutdown(ctx), context.DeadlineExceeded)
	require.NoError(t, b.Shutdown(b.ctx), "again")
	_, err := b.Create(b.ctx, upload.NewAsset{}, strings.NewReader("x"))
	assert.ErrorIs(t, err, upload.ErrClosed)
	assert.ErrorIs(t, b.Start(b.ctx), upload.ErrClosed)
	for _, id := range []string{running.ID, waiting.ID} {
		got, err := b.Get(b.ctx, id)
		require.NoError(t, err)
		assert.Equal(t, progress.Ready, got.Status)
		assert.Empty(t, got.Owner)
	}
	owner, err := b.store.Open(b.ctx, "catalog/owner/0000000001.json", nil)
	require.NoError(t, err)
	said, err := io.ReadAll(owner)
	require.NoError(t, errors.Join(err, owner.Close()))
	assert.Contains(t, string(said), `"released":true`)

	b.studio.set(func(s *studio) { s.encode = nil })
	b.start()
	for _, a := range []upload.Asset{running, waiting} {
		end, err := b.rec.WaitTerminal(b.ctx, a.ID)
		require.NoError(t, err)
		assert.Equal(t, progress.Complete, end.Status)
		assert.Equal(t, a.Attempt, end.Attempt, "the attempt goes on")
	}
}

// A Store that answers nothing any more holds Shutdown up for a moment only; what ran
// is left to the next process.
func TestShutdownDoesNotWaitForAStoreThatHangs(t *testing.T) {
	fs := &failingStore{}
	b := newBench(t, func(b *bench) {
		fs.Store = b.store
		b.store, b.studio.store = fs, fs
		b.opts.LastWords = 50 * time.Millisecond
	})
	reached, _ := b.studio.hold(1)
	a := b.create(upload.NewAsset{})
	receive(t, reached)
	hang := make(chan struct{})
	fs.hang(hang)
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.Shutdown(ctx) }()
	select {
	case err := <-done:
		require.ErrorIs(t, err, context.DeadlineExceeded)
	case <-time.After(lastWordsOfOld):
		t.Fatal("Shutdown waits for the Store")
	}
	fs.hang(nil)
	close(hang)
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.True(t, got.Unfinished(), "whoever claims it next goes on")
}

// lastWordsOfOld is how long a run's last words may take while nobody is in a hurry.
const lastWordsOfOld = 10 * time.Second

func TestShutdownDrains(t *testing.T) {
	b := newBench(t, nil)
	reached, goOn := b.studio.hold(1)
	a := b.create(upload.NewAsset{})
	receive(t, reached)
	done := make(chan error, 1)
	go func() { done <- b.Shutdown(b.ctx) }()
	b.eventually(func() bool {
		_, err := b.Create(b.ctx, upload.NewAsset{}, strings.NewReader("x"))
		return errors.Is(err, upload.ErrClosed)
	}, "nothing new is accepted")
	close(goOn)
	require.NoError(t, receive(t, done))
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, got.Status)
}

func TestShutdownInAnyState(t *testing.T) {
	s := newStore(t)
	p, err := upload.New(s, &studio{}, &studio{}, nil)
	require.NoError(t, err)
	assert.NoError(t, p.Shutdown(context.Background()))
	assert.NoError(t, p.Shutdown(context.Background()))
	assert.ErrorIs(t, p.Start(context.Background()), upload.ErrClosed)
	_, err = upload.New(nil, nil, nil, nil)
	assert.Error(t, err)
}

func TestStoreThatFails(t *testing.T) {
	fs := &failingStore{}
	b := newBench(t, func(b *bench) {
		fs.Store = b.store
		b.store, b.studio.store = fs, fs
	})
	failed := 0
	fs.set(func(op, key string) error {
		if op == "put" && strings.HasSuffix(key, ".m3u8") && failed < 1 {
			failed++
			return errBroken
		}
		return nil
	})
	a := b.create(upload.NewAsset{})
	end, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, end.Status, "a hiccup is tried again")

	fs.set(func(op, key string) error {
		if op == "put" && strings.HasSuffix(key, ".m3u8") {
			return errBroken
		}
		return nil
	})
	a = b.create(upload.NewAsset{})
	end, err = b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, encoder.CodeStorage, end.Error.Code)
	assert.False(t, end.Error.Permanent)

	fs.set(func(op, key string) error {
		if op == "put" && strings.HasPrefix(key, "catalog/assets/") {
			return errBroken
		}
		return nil
	})
	_, err = b.Create(b.ctx, upload.NewAsset{ID: "unrecorded"}, strings.NewReader("x"))
	require.ErrorIs(t, err, errBroken)
	assert.Empty(t, keysOf(t, b.store, "sources/unrecorded/"), "no source without a record")
}

func TestSinkThatPanics(t *testing.T) {
	b := newBench(t, nil)
	opts := b.opts
	require.NoError(t, b.Shutdown(b.ctx))
	opts.Sink = progress.SinkFunc(func(ctx context.Context, e progress.Event) {
		b.rec.Report(ctx, e)
		panic("a bug of the host")
	})
	p, err := upload.New(b.store, b.studio, b.studio, &opts)
	require.NoError(t, err)
	require.NoError(t, p.Start(b.ctx))
	defer func() { assert.NoError(t, p.Shutdown(b.ctx)) }()
	a, err := p.Create(b.ctx, upload.NewAsset{}, strings.NewReader("x"))
	require.NoError(t, err)
	end, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, end.Status)
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
