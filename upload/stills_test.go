package upload_test

import (
	"context"
	"encoding/json"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

var stillsPlan = &encoder.PlanOptions{Stills: true, MaxRenditions: 1}

// A complete asset has a poster and a storyboard that can be had over HTTP, and no
// pictures that nobody refers to.
func TestStills(t *testing.T) {
	b, _ := newParallelBench(t, encodertest.FakeOptions{Duration: time.Minute}, func(o *upload.Options) { o.Plan = stillsPlan })
	a := b.ended()
	require.Equal(t, progress.Complete, a.Status, a.Error)

	h := upload.NewHandler(b.Pipeline, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/assets/"+a.ID, nil))
	var view struct{ Poster, Storyboard string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &view))
	require.True(t, strings.HasPrefix(view.Poster, "/media/"+a.ID+"/"), view.Poster)

	media := http.StripPrefix("/media", hls.NewHandler(b.store, nil))
	get := func(url, kind string) io.Reader {
		w := httptest.NewRecorder()
		media.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
		require.Equal(t, http.StatusOK, w.Code, url)
		assert.Equal(t, kind, w.Header().Get("Content-Type"))
		assert.Contains(t, w.Header().Get("Cache-Control"), "immutable")
		return w.Body
	}
	poster, err := jpeg.DecodeConfig(get(view.Poster, "image/jpeg"))
	require.NoError(t, err)
	assert.Equal(t, [2]int{1280, 720}, [2]int{poster.Width, poster.Height})
	vtt, err := io.ReadAll(get(view.Storyboard, "text/vtt"))
	require.NoError(t, err)
	sheets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(.+\.jpg)#xywh=`).FindAllStringSubmatch(string(vtt), -1) {
		sheets[m[1]] = true
		_, err := jpeg.DecodeConfig(get(path.Join(path.Dir(view.Storyboard), m[1]), "image/jpeg"))
		require.NoError(t, err)
	}
	assert.Equal(t, 30, strings.Count(string(vtt), "-->"), "every two seconds")
	assert.Contains(t, string(vtt), "00:00:58.000 --> 00:01:00.000\n", "up to the end")
	assert.Len(t, sheets, 2)

	b.eventually(func() bool { return len(keysOf(t, b.store, a.Output+"/stills/")) == 4 }, "the rest is removed")
}

// Where the plan has none, or the source has no picture, there are none.
func TestNoStills(t *testing.T) {
	sound := encoder.Media{Duration: 12 * time.Second, Streams: []encoder.Stream{{Kind: encoder.AudioStream, Codec: "aac",
		SampleRate: 48000, Channels: 2, End: 12 * time.Second, Packets: 563}}}
	for name, tc := range map[string]struct {
		plan  *encoder.PlanOptions
		media *encoder.Media
	}{"off": {nil, nil}, "sound alone": {stillsPlan, &sound}} {
		t.Run(name, func(t *testing.T) {
			b, _ := newParallelBench(t, encodertest.FakeOptions{Media: tc.media}, func(o *upload.Options) { o.Plan = tc.plan })
			a := b.ended()
			assert.Equal(t, progress.Complete, a.Status, a.Error)
			assert.Empty(t, a.Poster)
			assert.Empty(t, a.Storyboard)
			assert.Empty(t, keysOf(t, b.store, a.Output+"/stills/"))
		})
	}
}

// While another attempt runs, and when it fails, the poster of what is published stays. A
// new one takes its place with the video.
func TestStillsOfAnotherAttempt(t *testing.T) {
	var failing atomic.Bool
	b, _ := newParallelBench(t, encodertest.FakeOptions{Duration: 20 * time.Second, Segment: func(_ context.Context, _ encoder.Job, number int) error {
		if failing.Load() && number == 2 {
			return &encoder.Error{Code: encoder.CodeCorrupt, Permanent: true, Message: "It fails."}
		}
		return nil
	}}, func(o *upload.Options) { o.Plan = stillsPlan })
	first := b.ended()
	require.Equal(t, progress.Complete, first.Status, first.Error)
	again := func() (a upload.Asset) {
		a, err := b.Retry(b.ctx, first.ID)
		require.NoError(t, err)
		b.eventually(func() bool {
			a, err = b.Get(b.ctx, first.ID)
			require.NoError(t, err)
			return a.Status.Terminal()
		}, "the attempt ends")
		return a
	}
	failing.Store(true)
	a := again()
	assert.Equal(t, progress.Error, a.Status)
	assert.Equal(t, first.Poster, a.Poster)
	assert.Equal(t, first.Storyboard, a.Storyboard)
	_, err := b.store.Stat(b.ctx, a.Poster)
	require.NoError(t, err)

	failing.Store(false)
	a = again()
	assert.Equal(t, progress.Complete, a.Status, a.Error)
	assert.NotEqual(t, first.Poster, a.Poster)
	assert.True(t, strings.HasPrefix(a.Poster, a.Published+"/"))
	assert.True(t, strings.HasPrefix(a.Storyboard, a.Published+"/"))
}

// Pictures that are damaged cost the storyboard, not the video.
func TestStillsDamaged(t *testing.T) {
	var b *bench
	b, _ = newParallelBench(t, encodertest.FakeOptions{Duration: 20 * time.Second}, func(o *upload.Options) { o.Plan = stillsPlan })
	b.studio.set(func(s *studio) {
		enc := s.encode
		s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
			return enc(ctx, job, func(u encoder.Update) error {
				if u.Segment != nil && u.Segment.Track == "stills" {
					_, err := b.store.Put(ctx, job.Output+"/"+u.Segment.Key, strings.NewReader("no JPEG"), nil)
					require.NoError(t, err)
				}
				return emit(u)
			})
		}
	})
	a := b.ended()
	assert.Equal(t, progress.Complete, a.Status, a.Error)
	assert.Empty(t, a.Storyboard)
	assert.NotEmpty(t, a.Poster)
}

// A process dies over its pictures or what is made of them, and another goes on: in the
// end they are as if nothing had happened, and nothing is left over.
func TestStillsAfterDeath(t *testing.T) {
	names := func(t *testing.T, s storage.Store, a upload.Asset) (names []string) {
		t.Helper()
		require.Equal(t, progress.Complete, a.Status, a.Error)
		require.NotEmpty(t, a.Poster)
		require.NotEmpty(t, a.Storyboard)
		for _, key := range keysOf(t, s, a.Output+"/stills/") {
			names = append(names, path.Base(key))
		}
		return names
	}
	opts := upload.Options{Plan: stillsPlan}
	s := newStore(t)
	p := startService(t, s, nil, encodertest.FakeOptions{}, opts)
	whole := p.end(t, film(t, p).ID)
	p.stop(t)
	want := names(t, s, whole)
	assert.Len(t, want, 4+2, "four sheets of 90 pictures, the poster and the storyboard")

	for _, what := range []string{"/stills/12-", "/stills/sheet-2", "/stills/storyboard-", "/index.m3u8"} {
		t.Run(strings.Trim(what, "/-"), func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			synctest.Test(t, func(t *testing.T) {
				p := startService(t, s, func(key string) bool { return strings.Contains(key, what) },
					encodertest.FakeOptions{Delay: 100 * time.Millisecond}, opts)
				a := film(t, p)
				time.Sleep(2 * time.Minute)
				require.True(t, p.store.isDead())
				_ = p.Shutdown(t.Context())

				p = startService(t, s, nil, encodertest.FakeOptions{Delay: 100 * time.Millisecond}, opts)
				a = p.end(t, a.ID)
				p.stop(t)
				assert.Equal(t, 2, a.Runs)
				assert.Equal(t, want, names(t, s, a))
			})
		})
	}
}
