package upload_test

import (
	"encoding/json"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func (b *bench) begin(n upload.NewAsset, opts *upload.SessionOptions) upload.Session {
	b.t.Helper()
	s, err := b.BeginSession(b.ctx, n, opts)
	require.NoError(b.t, err)
	return s
}

func TestSessionBecomesAnAssetOnce(t *testing.T) {
	b := newBench(t, nil)
	s := b.begin(upload.NewAsset{Name: "a/film.mp4", Size: 8, Metadata: map[string]string{"k": "v"}, Tenant: "t"},
		&upload.SessionOptions{Protocol: "tus", State: json.RawMessage(`{"a":1}`)})
	_, err := b.Get(b.ctx, s.ID)
	require.ErrorIs(t, err, upload.ErrNotFound, "it is no asset yet")
	_, err = b.Create(b.ctx, upload.NewAsset{ID: s.ID}, strings.NewReader("x"))
	require.ErrorIs(t, err, upload.ErrExist)
	_, err = b.FinishSession(b.ctx, s.ID, nil)
	require.ErrorIs(t, err, upload.ErrIncomplete)

	b.put(s.PartKey(0), "abc")
	b.put(s.PartKey(5), "fgh") // behind a gap
	_, err = b.FinishSession(b.ctx, s.ID, nil)
	require.ErrorIs(t, err, upload.ErrIncomplete)
	b.put(s.PartKey(3), "de")
	parts, err := b.SessionParts(b.ctx, s)
	require.NoError(t, err)
	assert.Equal(t, int64(8), encoder.Source{Parts: parts}.Size())
	_, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)

	again, err := b.Session(b.ctx, s.ID)
	require.NoError(t, err)
	assert.Equal(t, "film.mp4", again.New.Name)
	assert.JSONEq(t, `{"a":1}`, string(again.State))

	var wg sync.WaitGroup
	for range 8 { // an impatient client
		wg.Go(func() {
			a, err := b.FinishSession(b.ctx, s.ID, nil)
			if assert.NoError(t, err) {
				assert.Equal(t, s.ID, a.ID)
				assert.Equal(t, int64(8), a.Size)
				assert.Len(t, a.Source.Parts, 3)
				assert.Equal(t, "t", a.Tenant)
				assert.Equal(t, map[string]string{"k": "v"}, a.Metadata)
			}
		})
	}
	wg.Wait()
	e, err := b.rec.WaitTerminal(b.ctx, s.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, e.Status)
	assets, err := b.List(b.ctx, upload.Query{})
	require.NoError(t, err)
	require.Len(t, assets, 1)
	assert.Equal(t, 1, assets[0].Attempts)

	_, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	require.Len(t, keysOf(t, b.store, "sources/"), 3)
	_, err = b.SaveSession(b.ctx, again)
	require.ErrorIs(t, err, upload.ErrEnded)
	require.NoError(t, b.Delete(b.ctx, s.ID))
	_, err = b.FinishSession(b.ctx, s.ID, nil)
	require.ErrorIs(t, err, upload.ErrNotFound, "it is not made again")
	require.NoError(t, b.AbandonSession(b.ctx, s.ID))
	assert.Empty(t, b.kept())
}

// What a session was refused with before its first byte it is not refused with afterwards.
func TestSessionAdmission(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Backlog, b.opts.Workers, b.opts.MaxSize = 2, 1, 100 })
	for _, c := range []struct {
		n    upload.NewAsset
		want error
	}{
		{upload.NewAsset{ID: "../x"}, upload.ErrInvalid},
		{upload.NewAsset{ContentType: "text/html"}, upload.ErrType},
		{upload.NewAsset{Size: 101}, upload.ErrTooLarge},
	} {
		_, err := b.BeginSession(b.ctx, c.n, nil)
		require.ErrorIs(t, err, c.want)
	}
	_, err := b.BeginSession(b.ctx, upload.NewAsset{}, &upload.SessionOptions{Replace: "nobody"})
	require.ErrorIs(t, err, upload.ErrNotFound)
	assert.Empty(t, b.kept())

	s := b.begin(upload.NewAsset{ID: "mine"}, nil)
	_, err = b.BeginSession(b.ctx, upload.NewAsset{ID: "mine"}, nil)
	require.ErrorIs(t, err, upload.ErrExist)
	reached, goOn := b.studio.hold(1)
	b.create(upload.NewAsset{})
	receive(t, reached)
	b.create(upload.NewAsset{})
	b.create(upload.NewAsset{})
	_, err = b.BeginSession(b.ctx, upload.NewAsset{}, nil)
	require.ErrorIs(t, err, upload.ErrBacklogFull)

	s.New.Size = 101
	_, err = b.SaveSession(b.ctx, s)
	require.ErrorIs(t, err, upload.ErrTooLarge)
	s.New.Size = 3
	s, err = b.SaveSession(b.ctx, s)
	require.NoError(t, err)
	s.New.Size = 4
	_, err = b.SaveSession(b.ctx, s)
	require.ErrorIs(t, err, upload.ErrInvalid)
	b.put(s.PartKey(0), "abc")
	_, err = b.FinishSession(b.ctx, s.ID, []encoder.Part{{Key: "sources/other/x"}})
	require.ErrorIs(t, err, upload.ErrInvalid)
	_, err = b.FinishSession(b.ctx, s.ID, []encoder.Part{{Key: s.PartKey(0), ETag: "another"}})
	require.ErrorIs(t, err, upload.ErrIncomplete)
	a, err := b.FinishSession(b.ctx, s.ID, nil)
	require.NoError(t, err, "there is room for what has begun")
	assert.Equal(t, "mine", a.ID)
	close(goOn)
	_, err = b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
}

// The note that a session has ended may fail, or its process die before it.
func TestSessionEndUnnoted(t *testing.T) {
	store := &failingStore{}
	b := newBench(t, func(b *bench) {
		store.Store = b.store
		b.store, b.studio.store = store, store
	})
	s := b.begin(upload.NewAsset{}, nil)
	b.put(s.PartKey(0), "abc")
	store.set(func(op, key string) error {
		if op == "put" && strings.HasPrefix(key, "uploads/") {
			return errBroken
		}
		return nil
	})
	a, err := b.FinishSession(b.ctx, s.ID, nil)
	require.NoError(t, err)
	_, err = b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	store.set(nil)
	is, err := b.Session(b.ctx, s.ID)
	require.NoError(t, err)
	assert.Zero(t, is.Finished)
	again, err := b.FinishSession(b.ctx, s.ID, nil)
	require.NoError(t, err)
	assert.Equal(t, a.Attempt, again.Attempt)
	is, err = b.Session(b.ctx, s.ID)
	require.NoError(t, err)
	assert.NotZero(t, is.Finished)
	require.NoError(t, b.AbandonSession(b.ctx, s.ID))
	require.Len(t, keysOf(t, b.store, "sources/"), 1, "the asset's")
	_, err = b.Session(b.ctx, s.ID)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A session that brings nothing more is abandoned, one that goes on is not.
func TestSessionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(b *bench) { b.opts.SessionExpiry = time.Hour })
		idle, going, done := b.begin(upload.NewAsset{}, nil), b.begin(upload.NewAsset{}, nil), b.begin(upload.NewAsset{}, nil)
		ctx := t.Context()
		for _, s := range []upload.Session{idle, going, done} {
			_, err := b.store.Put(ctx, s.PartKey(0), strings.NewReader("abc"), nil)
			require.NoError(t, err)
		}
		_, err := b.FinishSession(ctx, done.ID, nil)
		require.NoError(t, err)
		time.Sleep(50 * time.Minute)
		_, err = b.store.Put(ctx, going.PartKey(3), strings.NewReader("def"), nil)
		require.NoError(t, err)
		at, err := b.SessionExpires(ctx, going)
		require.NoError(t, err)
		assert.Equal(t, time.Hour, time.Until(at).Round(time.Second))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		_, err = b.Session(ctx, idle.ID)
		require.ErrorIs(t, err, upload.ErrNotFound)
		_, err = b.Session(ctx, going.ID)
		require.NoError(t, err)
		assert.Empty(t, keysOf(t, b.store, "sources/"+idle.ID))
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		assert.Empty(t, keysOf(t, b.store, "uploads/"))
		assert.Len(t, keysOf(t, b.store, "sources/"), 1, "the asset's")
	})
}
