package upload_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// tidyBench is a pipeline over a store in memory within a synctest bubble.
type tidyBench struct {
	*upload.Pipeline
	t      *testing.T
	store  storage.Store
	studio *studio
	opts   upload.Options
}

func (b *tidyBench) start() {
	b.t.Helper()
	var err error
	b.opts.CheckOff, b.opts.Logger = true, testLog(b.t)
	b.Pipeline, err = upload.New(b.store, b.studio, b.studio, &b.opts)
	require.NoError(b.t, err)
	require.NoError(b.t, b.Start(b.t.Context()))
}

func (b *tidyBench) stop() {
	b.t.Helper()
	require.NoError(b.t, b.Shutdown(b.t.Context()))
}

func (b *tidyBench) encode() upload.Asset {
	b.t.Helper()
	a, err := b.Create(b.t.Context(), upload.NewAsset{ID: "film"}, strings.NewReader("a video"))
	require.NoError(b.t, err)
	return b.ended(a)
}

func (b *tidyBench) again() upload.Asset {
	b.t.Helper()
	a, err := b.Retry(b.t.Context(), "film")
	require.NoError(b.t, err)
	return b.ended(a)
}

func (b *tidyBench) ended(a upload.Asset) upload.Asset {
	b.t.Helper()
	time.Sleep(time.Second)
	got, err := b.Get(b.t.Context(), a.ID)
	require.NoError(b.t, err)
	require.Equal(b.t, progress.Complete, got.Status)
	require.Equal(b.t, a.Attempt, got.Attempt)
	return got
}

// runs returns which of the attempts have objects.
func (b *tidyBench) runs(attempts ...upload.Asset) []bool {
	var there []bool
	for _, a := range attempts {
		there = append(there, len(keysOf(b.t, b.store, a.Output+"/")) > 0)
	}
	return there
}

func (b *tidyBench) whole(id string) {
	b.t.Helper()
	a, err := b.Get(b.t.Context(), id)
	require.NoError(b.t, err)
	require.NotEmpty(b.t, a.Master)
	assert.Equal(b.t, a.Master, contents(b.t, b.store, "media/"+id+"/master")["media/"+id+"/master.m3u8"])
	assert.Contains(b.t, a.Master, strings.TrimPrefix(a.Published, "media/"+id+"/")+"/audio/index.m3u8")
}

// tidied waits until nothing is left to do for the asset.
func tidied(t testing.TB, p *upload.Pipeline, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		a, err := p.Get(context.Background(), id)
		return errors.Is(err, upload.ErrNotFound) || err == nil && !a.Unfinished()
	}, 5*time.Minute, 5*time.Millisecond)
}

func TestSupersededStaysForAWhile(t *testing.T) {
	store := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		b := &tidyBench{t: t, store: store, studio: &studio{store: store}}
		b.start()
		first := b.encode()
		assert.False(t, first.Unfinished())
		second := b.again()
		assert.Equal(t, []string{first.Output}, second.Superseded)
		assert.Equal(t, []bool{true, true}, b.runs(first, second))
		time.Sleep(5 * time.Minute)
		third := b.again()
		_, err := b.Sweep(t.Context(), &anyAge)
		require.NoError(t, err)
		time.Sleep(9 * time.Minute)
		assert.Equal(t, []bool{true, true, true}, b.runs(first, second, third), "the time counts from the last")
		time.Sleep(2 * time.Minute)
		assert.Equal(t, []bool{false, false, true}, b.runs(first, second, third))
		b.whole("film")
		got, err := b.Get(t.Context(), "film")
		require.NoError(t, err)
		assert.False(t, got.Unfinished())
		assert.Empty(t, got.Superseded)
		assert.Empty(t, keysOf(t, store, "catalog/due/"))

		// A process that dies meanwhile does not forget it.
		fourth := b.again()
		b.stop()
		time.Sleep(time.Hour)
		assert.Equal(t, []bool{true, true}, b.runs(third, fourth))
		b.start()
		time.Sleep(time.Second)
		assert.Equal(t, []bool{false, true}, b.runs(third, fourth))
		b.whole("film")

		// A deletion does not wait.
		b.again()
		require.NoError(t, b.Delete(t.Context(), "film"))
		assert.Empty(t, keysOf(t, store, "media/"))
		b.stop()
	})
}

func TestSupersededIsRemovedWhenTheStoreAnswers(t *testing.T) {
	fs := &failingStore{Store: newStore(t)}
	synctest.Test(t, func(t *testing.T) {
		b := &tidyBench{t: t, store: fs, studio: &studio{store: fs}, opts: upload.Options{KeepSuperseded: time.Minute}}
		b.start()
		first := b.encode()
		second := b.again()
		fs.set(func(op, key string) error {
			if op == "delete" && strings.HasPrefix(key, "media/") {
				return errBroken
			}
			return nil
		})
		time.Sleep(10 * time.Minute)
		assert.Equal(t, []bool{true, true}, b.runs(first, second))
		third := b.again() // nobody has to wait for that
		fs.set(nil)
		time.Sleep(2 * time.Minute)
		assert.Equal(t, []bool{false, false, true}, b.runs(first, second, third))
		b.whole("film")
		b.stop()
	})
}

func TestSupersededIsRemovedAtOnce(t *testing.T) {
	store := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		b := &tidyBench{t: t, store: store, studio: &studio{store: store}, opts: upload.Options{KeepSuperseded: -1}}
		b.start()
		first := b.encode()
		second := b.again()
		assert.False(t, second.Unfinished())
		assert.Equal(t, []bool{false, true}, b.runs(first, second))
		b.stop()
	})
}

// A process that stands still right before it replaces, or removes, the multivariant
// playlist does so when it wakes, long after it was succeeded.
func TestLateMaster(t *testing.T) {
	for name, test := range map[string]struct {
		retry  bool   // the write is of a second attempt
		op     string // of the multivariant playlist
		broken bool   // the attempt fails before it can be played
	}{
		"first playlist":        {op: "put"},
		"playlist of a retry":   {op: "put", retry: true},
		"removal of a playlist": {op: "delete", broken: true},
	} {
		for _, healer := range []string{"itself", "successor", "sweep"} {
			t.Run(name+" by "+healer, func(t *testing.T) {
				s := newStore(t)
				synctest.Test(t, func(t *testing.T) {
					armed := !test.retry
					late := newLateStore(s, func(op, key string) bool { return armed && op == test.op && strings.HasSuffix(key, "/master.m3u8") })
					off := &failingStore{Store: late}
					first := &tidyBench{t: t, store: off, studio: &studio{store: off}}
					if test.broken {
						first.studio.encode = failing
					}
					first.start()
					if test.retry {
						first.encode()
						armed = true
						_, err := first.Retry(t.Context(), "film")
						require.NoError(t, err)
					} else {
						_, err := first.Create(t.Context(), upload.NewAsset{ID: "film"}, strings.NewReader("a video"))
						require.NoError(t, err)
					}
					<-late.inside
					off.set(func(string, string) error { return errBroken })

					second := &tidyBench{t: t, store: s, studio: &studio{store: s}}
					second.start() // takes its time
					time.Sleep(time.Minute)
					second.whole("film")
					want := contents(t, s, "media/film/master.m3u8")
					if healer == "sweep" {
						time.Sleep(time.Hour)
					}
					if healer == "itself" {
						off.set(nil)
					}
					close(late.goOn) // otherwise it is killed right behind the write
					synctest.Wait()
					if healer == "itself" {
						time.Sleep(time.Minute)
					} else {
						assert.NotEqual(t, want, contents(t, s, "media/film/master.m3u8"))
					}
					switch healer {
					case "successor":
						time.Sleep(time.Hour)
					case "sweep":
						report, err := second.Sweep(t.Context(), &upload.SweepOptions{OlderThan: -1, DryRun: true})
						require.NoError(t, err)
						assert.Equal(t, []string{"media/film/master.m3u8"}, report.Restored)
						assert.NotEqual(t, want, contents(t, s, "media/film/master.m3u8"))
						report, err = second.Sweep(t.Context(), &anyAge)
						require.NoError(t, err)
						assert.Equal(t, []string{"media/film/master.m3u8"}, report.Restored)
					}
					assert.Equal(t, want, contents(t, s, "media/film/master.m3u8"))
					second.whole("film")
					off.set(nil)
					first.stop()
					second.whole("film")
					second.stop()
				})
			})
		}
	}
}

// failing is an encode that ends before anything can be played.
func failing(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	return &encoder.Error{Code: encoder.CodeCorrupt, Permanent: true, Message: "It is no video."}
}
