package upload_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
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

// rottingStore keeps something else than it was given where rot says so.
type rottingStore struct {
	storage.Store
	rot func(key string, b []byte) []byte
}

func (s *rottingStore) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	if strings.HasPrefix(key, "media/") {
		b, err := io.ReadAll(r)
		if err != nil {
			return storage.Info{}, err
		}
		r = bytes.NewReader(s.rot(key, b))
		if o != nil {
			plain := *o
			plain.Size = 0
			o = &plain
		}
	}
	return s.Store.Put(ctx, key, r, o)
}

// newFakeBench starts a pipeline that checks what a fake encoder of real segments
// writes.
func newFakeBench(t *testing.T, fake *encodertest.FakeOptions, rot func(key string, b []byte) []byte, change func(*upload.Options)) *bench {
	t.Helper()
	return newBench(t, func(b *bench) {
		if rot != nil {
			b.store = &rottingStore{b.store, rot}
		}
		f := encodertest.NewFake(b.store, fake)
		b.studio.probe = func(src encoder.Source) (encoder.Media, error) { return f.Probe(context.Background(), src) }
		b.studio.encode = f.Encode
		b.opts.CheckOff = false
		if change != nil {
			change(&b.opts)
		}
	})
}

// ended waits for the end of a new asset and returns its record.
func (b *bench) ended() upload.Asset {
	b.t.Helper()
	a := b.create(upload.NewAsset{})
	_, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(b.t, err)
	a, err = b.Get(b.ctx, a.ID)
	require.NoError(b.t, err)
	return a
}

// master returns the multivariant playlist.
func (b *bench) master(a upload.Asset) string {
	b.t.Helper()
	obj, err := b.store.Open(b.ctx, a.Playlist, nil)
	require.NoError(b.t, err)
	defer obj.Close()
	text, err := io.ReadAll(obj)
	require.NoError(b.t, err)
	return string(text)
}

func TestGateLetsThroughWhatConforms(t *testing.T) {
	b := newFakeBench(t, nil, nil, nil)
	a := b.ended()
	require.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
	assert.Equal(t, 1, a.Runs)
	assert.Empty(t, a.Warnings)
	assert.Contains(t, b.master(a), hls.IndexName)
}

func TestGateRunsOnceMoreWhereBytesRot(t *testing.T) {
	var rotten atomic.Bool
	b := newFakeBench(t, nil, func(key string, body []byte) []byte {
		if strings.Contains(key, "/audio/1-") && rotten.CompareAndSwap(false, true) {
			return body[:len(body)-1]
		}
		return body
	}, nil)
	a := b.ended()
	require.True(t, rotten.Load())
	assert.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
	assert.Equal(t, 2, a.Runs)
}

func TestGateKeepsWhatDoesNotConform(t *testing.T) {
	cut := func(key string, body []byte) []byte {
		if strings.HasSuffix(key, ".m4s") && strings.Contains(key, "/audio/1-") {
			return body[:len(body)/2]
		}
		return body
	}
	b := newFakeBench(t, nil, cut, nil)
	a := b.ended()
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, upload.CodeNonconformant, a.Error.Code)
	assert.False(t, a.Error.Permanent)
	assert.Contains(t, a.Error.Message, "did not pass its check")
	assert.Equal(t, 2, a.Runs, "it is tried once more")
	assert.NotContains(t, b.master(a), hls.IndexName, "the final playlists are not published")

	off := newFakeBench(t, nil, cut, func(o *upload.Options) { o.CheckOff = true })
	assert.Equal(t, progress.Complete, off.ended().Status, "the host may switch it off")
}

func TestGateMeasuresEachTrackOnItsBytes(t *testing.T) {
	// The second half of the sound is there and claimed, but has fewer samples than it says.
	b := newFakeBench(t, nil, nil, nil)
	b.studio.set(func(s *studio) {
		inner := s.encode
		s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
			return inner(ctx, job, func(u encoder.Update) error {
				if s := u.Segment; s != nil && s.Track == "audio" && s.Number == 1 {
					lie := *s
					lie.Duration /= 2
					u.Segment = &lie
				}
				return emit(u)
			})
		}
	})
	a := b.ended()
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, upload.CodeNonconformant, a.Error.Code)
}

func TestGateWhereTheStoreDoesNotAnswer(t *testing.T) {
	fs := &failingStore{}
	b := newBench(t, func(b *bench) {
		fs.Store = b.store
		b.store = fs
		f := encodertest.NewFake(fs.Store, nil)
		b.studio.probe = func(src encoder.Source) (encoder.Media, error) { return f.Probe(context.Background(), src) }
		b.studio.encode = f.Encode
		b.opts.CheckOff = false
	})
	fs.set(func(op, key string) error {
		if op == "open" && strings.HasSuffix(key, ".m4s") {
			return errBroken
		}
		return nil
	})
	a := b.ended()
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, encoder.CodeStorage, a.Error.Code)
	assert.False(t, a.Error.Permanent)
	assert.Equal(t, 3, a.Runs)
}

func TestAllowPartial(t *testing.T) {
	media, err := encodertest.NewFake(nil, nil).Probe(t.Context(), encoder.Source{})
	require.NoError(t, err)
	media.HeaderDuration, media.Truncated = time.Minute, true

	cases := map[string]struct {
		fake    encodertest.FakeOptions
		message string
		lasts   time.Duration
	}{
		"the probe sees it": {encodertest.FakeOptions{Media: &media},
			"The file ends early: 12.0 s of 60.0 s could be read. Upload it again.", 12 * time.Second},
		"the encoder says it": {encodertest.FakeOptions{Duration: 30 * time.Second, FailAt: 2,
			Err: &encoder.Error{Code: encoder.CodeTruncated, Permanent: true, Message: "The file ends before its index does."}},
			"The file ends before its index does.", 12 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newFakeBench(t, &c.fake, nil, func(o *upload.Options) { o.AllowPartial = true })
			a := b.ended()
			require.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
			assert.Equal(t, []upload.Warning{{Code: "truncated", Message: c.message}}, a.Warnings)
			assert.InDelta(t, c.lasts.Seconds(), a.Duration.Seconds(), 0.1)
			answer := b.do(upload.NewHandler(b.Pipeline, nil), "GET", "/assets/"+a.ID, nil)
			assert.Contains(t, answer.body, `"warnings":[{"code":"truncated","message":"`+c.message+`"}]`)

			b = newFakeBench(t, &c.fake, nil, nil)
			a = b.ended()
			assert.Equal(t, progress.Error, a.Status)
			assert.Equal(t, encoder.CodeTruncated, a.Error.Code)
			assert.Empty(t, a.Warnings)
		})
	}
	t.Run("nothing is there", func(t *testing.T) {
		none := media
		none.Duration = 0
		b := newFakeBench(t, &encodertest.FakeOptions{Media: &none}, nil, func(o *upload.Options) { o.AllowPartial = true })
		assert.Equal(t, encoder.CodeTruncated, b.ended().Error.Code)
	})
}
