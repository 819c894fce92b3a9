package upload_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// terminal waits for the end of an attempt and returns the asset.
func (b *bench) terminal(a upload.Asset) upload.Asset {
	b.t.Helper()
	var got upload.Asset
	b.eventually(func() bool {
		var err error
		got, err = b.Get(b.ctx, a.ID)
		return err == nil && got.Attempt == a.Attempt && got.Status.Terminal()
	}, "the attempt ends")
	return got
}

func (b *bench) text(key string) string {
	b.t.Helper()
	obj, err := b.store.Open(b.ctx, key, nil)
	require.NoError(b.t, err)
	defer obj.Close()
	text, err := io.ReadAll(obj)
	require.NoError(b.t, err)
	return string(text)
}

// sources waits until these are the keys of all sources.
func (b *bench) sources(want ...string) {
	b.t.Helper()
	b.eventually(func() bool { return slices.Equal(want, keysOf(b.t, b.store, "sources/")) }, "what is used up is removed")
}

func TestReplace(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{Name: "old.mp4", Tenant: "t", Metadata: map[string]string{"k": "v"}, Priority: 3}))
	require.Equal(t, progress.Complete, a.Status)
	oldMaster := b.master(a)
	reached, goOn := b.studio.hold(2)
	c, err := b.Replace(b.ctx, a.ID, upload.NewSource{Name: "x/new.mp4", ContentType: "video/mp4"}, strings.NewReader("another video"))
	require.NoError(t, err)
	assert.Equal(t, progress.Ready, c.Status)
	assert.NotEqual(t, a.Attempt, c.Attempt)
	assert.Equal(t, 2, c.Attempts)
	assert.Equal(t, "new.mp4", c.Name)
	assert.EqualValues(t, 13, c.Size)
	assert.Equal(t, map[string]string{"k": "v"}, c.Metadata)
	assert.Equal(t, a.Created, c.Created)
	assert.Equal(t, &upload.ReplacedSource{Source: a.Source}, c.Replaced)
	assert.Len(t, keysOf(t, b.store, "sources/"), 2, "the old source is kept")
	assert.Equal(t, "another video", b.text(c.Source.Parts[0].Key))

	receive(t, reached)
	assert.Equal(t, oldMaster, b.master(a), "the old video is served")
	close(goOn)
	done := b.terminal(c)
	assert.Equal(t, progress.Complete, done.Status)
	assert.Nil(t, done.Replaced)
	b.sources(c.Source.Parts[0].Key)
	assert.NotEqual(t, oldMaster, b.master(a))
	assert.Equal(t, c.Source, b.studio.jobs[1].Source)

	_, err = b.Replace(b.ctx, "nobody", upload.NewSource{}, unread{t})
	require.ErrorIs(t, err, upload.ErrNotFound)
}

// What fails changes nothing.
func TestReplaceThatFails(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.MaxSize = 20 })
	a := b.terminal(b.create(upload.NewAsset{}))
	kept := b.kept()
	for name, c := range map[string]struct {
		n    upload.NewSource
		r    io.Reader
		want error
	}{
		"reader fails": {r: io.MultiReader(strings.NewReader("abc"), failingReader{errBroken}), want: errBroken},
		"empty":        {r: strings.NewReader(""), want: upload.ErrEmpty},
		"too long":     {r: strings.NewReader(strings.Repeat("x", 21)), want: upload.ErrTooLarge},
		"announced":    {n: upload.NewSource{Size: 21}, r: unread{t}, want: upload.ErrTooLarge},
		"too few":      {n: upload.NewSource{Size: 4}, r: strings.NewReader("abc"), want: upload.ErrIncomplete},
		"type":         {n: upload.NewSource{ContentType: "text/html"}, r: unread{t}, want: upload.ErrType},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Replace(b.ctx, a.ID, c.n, c.r)
			require.ErrorIs(t, err, c.want)
			got, err := b.Get(b.ctx, a.ID)
			require.NoError(t, err)
			assert.Equal(t, a, got)
			assert.Equal(t, kept, b.kept())
		})
	}
}

// An attempt of the old source ends before the new one begins, whatever it is at.
func TestReplaceWhileItRuns(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers = 1 })
	reached, goOn := b.studio.hold(2)
	running := b.create(upload.NewAsset{})
	receive(t, reached)
	waiting := b.create(upload.NewAsset{})
	for _, old := range []upload.Asset{waiting, running} {
		now, err := b.Replace(b.ctx, old.ID, upload.NewSource{}, strings.NewReader("another"))
		require.NoError(t, err)
		e := b.rec.Of(old.ID)
		var ended bool
		for _, e := range e {
			ended = ended || e.Attempt == old.Attempt && e.Status == progress.Error && e.Error.Code == progress.CodeCancelled
		}
		assert.True(t, ended, "the old attempt was cancelled")
		assert.Equal(t, progress.Ready, now.Status)
	}
	close(goOn)
	for _, a := range []upload.Asset{waiting, running} {
		got, err := b.Get(b.ctx, a.ID)
		require.NoError(t, err)
		got = b.terminal(got)
		assert.Equal(t, progress.Complete, got.Status, "%+v", got.Error)
		assert.Equal(t, 2, got.Attempts)
		assert.EqualValues(t, 7, got.Size)
	}
	b.eventually(func() bool { return len(keysOf(t, b.store, "sources/")) == 2 }, "the old ones are removed")
}

// While the new bytes come the asset goes on with its life.
func TestReplaceWhileOthersChangeTheAsset(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{}))
	bytes, send := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := b.Replace(b.ctx, a.ID, upload.NewSource{}, bytes)
		ended <- err
	}()
	_, err := send.Write([]byte("some"))
	require.NoError(t, err)
	_, err = b.Replace(b.ctx, a.ID, upload.NewSource{}, unread{t})
	require.ErrorIs(t, err, upload.ErrBusy, "one at a time")
	c, err := b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	b.terminal(c)
	_, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	require.NoError(t, b.Delete(b.ctx, a.ID))
	again := b.create(upload.NewAsset{ID: a.ID})
	require.NoError(t, send.Close())
	require.ErrorIs(t, <-ended, upload.ErrNotFound, "another asset has the id")
	again = b.terminal(again)
	assert.Equal(t, []string{again.Source.Parts[0].Key}, keysOf(t, b.store, "sources/"))
}

func TestReplaceOfTheHosts(t *testing.T) {
	b := newBench(t, nil)
	b.put("host/film.mp4", "a film")
	a, err := b.Import(b.ctx, upload.NewAsset{}, "host/film.mp4", nil)
	require.NoError(t, err)
	b.terminal(a)
	a, err = b.Replace(b.ctx, a.ID, upload.NewSource{}, strings.NewReader("another"))
	require.NoError(t, err)
	b.terminal(a)
	assert.Equal(t, "a film", b.text("host/film.mp4"))
	assert.False(t, a.External)
	require.NoError(t, b.Delete(b.ctx, a.ID))
	assert.Equal(t, []string{"host/film.mp4"}, b.kept())
}

// A full backlog refuses before the first byte, and not behind the last.
func TestReplaceAndTheBacklog(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers, b.opts.Backlog = 1, 2 })
	a := b.terminal(b.create(upload.NewAsset{}))
	reached, goOn := b.studio.hold(1)
	busy := b.create(upload.NewAsset{})
	receive(t, reached)
	bytes, send := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := b.Replace(b.ctx, a.ID, upload.NewSource{}, bytes)
		ended <- err
	}()
	_, err := send.Write([]byte("some"))
	require.NoError(t, err)
	b.create(upload.NewAsset{})
	_, err = b.Create(b.ctx, upload.NewAsset{}, unread{t})
	require.ErrorIs(t, err, upload.ErrBacklogFull)
	require.NoError(t, send.Close())
	require.NoError(t, <-ended)
	_, err = b.Replace(b.ctx, busy.ID, upload.NewSource{}, unread{t})
	require.ErrorIs(t, err, upload.ErrBacklogFull)
	close(goOn)
}

// The answer to the write of the record may be lost, and the caller may be gone.
func TestReplaceIsRecordedOnce(t *testing.T) {
	bucket := &badBucket{calls: map[string]int{}}
	b := newBench(t, func(b *bench) {
		bucket.Store = b.store
		b.store, b.studio.store = bucket, bucket
	})
	a := b.terminal(b.create(upload.NewAsset{}))
	ctx, cancel := context.WithCancel(b.ctx)
	bytes, send := io.Pipe()
	go func() {
		_, _ = io.WriteString(send, "another")
		lied := false
		bucket.set(func(op string, _ int, key string) fault {
			if lied || op != "put" || !strings.HasPrefix(key, "catalog/assets/") {
				return none
			}
			lied = true
			cancel()
			return lies
		})
		_ = send.Close()
	}()
	got, err := b.Replace(ctx, a.ID, upload.NewSource{}, bytes)
	require.NoError(t, err)
	assert.Equal(t, 2, got.Attempts)
	got = b.terminal(got)
	assert.Equal(t, progress.Complete, got.Status)
	b.sources(got.Source.Parts[0].Key)
}

func TestSessionReplaces(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{Name: "old.mp4"}))
	s := b.begin(upload.NewAsset{Size: 5}, &upload.SessionOptions{Replace: a.ID})
	b.put(s.PartKey(0), "abc")
	b.put(s.PartKey(3), "de")
	c, err := b.FinishSession(b.ctx, s.ID, nil)
	require.NoError(t, err)
	assert.Equal(t, a.ID, c.ID)
	assert.Equal(t, "old.mp4", c.Name)
	assert.Len(t, c.Source.Parts, 2)
	again, err := b.FinishSession(b.ctx, s.ID, nil)
	require.NoError(t, err)
	assert.Equal(t, c.Attempt, again.Attempt)
	c = b.terminal(c)
	assert.Equal(t, progress.Complete, c.Status)
	assert.Equal(t, 2, c.Attempts)
	b.sources(s.PartKey(0), s.PartKey(3))
	assert.Equal(t, encoder.Source{Parts: c.Source.Parts}, b.studio.jobs[1].Source)
}

// A session does not touch an asset that has taken the id of the one it was for.
func TestSessionReplacesNoOther(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{ID: "film"}))
	s := b.begin(upload.NewAsset{}, &upload.SessionOptions{Replace: a.ID})
	b.put(s.PartKey(0), "abc")
	require.NoError(t, b.Delete(b.ctx, a.ID))
	b.put(s.PartKey(0), "abc") // it goes on
	a = b.terminal(b.create(upload.NewAsset{ID: "film"}))
	_, err := b.FinishSession(b.ctx, s.ID, nil)
	require.ErrorIs(t, err, upload.ErrNotFound)
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, a, got)
}

func TestHTTPReplace(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.MaxSize = 100 })
	var actions []string
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Tenant: func(r *http.Request) string { return r.Header.Get("Tenant") },
		Authorize: func(_ *http.Request, action, asset string) error {
			actions = append(actions, action+" "+asset)
			return nil
		},
		Prepare: func(_ *http.Request, n *upload.NewAsset) error {
			if n.Name == "no.mp4" {
				return &upload.Refusal{Status: 422, Message: "No."}
			}
			return nil
		},
	})
	a := b.terminal(b.create(upload.NewAsset{Name: "old.mp4", Tenant: "t"}))
	target := "/assets/" + a.ID + "/source"
	put := func(body io.Reader, headers ...string) answer {
		return b.do(h, "PUT", target, body, append([]string{"Tenant", "t"}, headers...)...)
	}
	got := put(strings.NewReader("another video"), "Content-Type", "video/mp4", "X-File-Name", "n%20ew.mp4")
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	assert.Equal(t, []string{"replace " + a.ID}, actions)
	assert.Equal(t, "/assets/"+a.ID, got.header.Get("Location"))
	assert.Equal(t, "n ew.mp4", got.Name)
	assert.EqualValues(t, 13, got.Size)
	assert.NotEqual(t, a.Attempt, got.Attempt)
	assert.NotEmpty(t, got.Playlist, "the old one")
	done := b.terminal(upload.Asset{ID: a.ID, Attempt: got.Attempt})
	assert.Equal(t, progress.Complete, done.Status)
	b.sources(done.Source.Parts[0].Key)

	kept := keysOf(t, b.store, "sources/")
	for name, c := range map[string]struct {
		got    answer
		status int
		code   string
	}{
		"another tenant's": {b.do(h, "PUT", target, unread{t}, "Tenant", "u"), 404, "not_found"},
		"missing":          {b.do(h, "PUT", "/assets/nobody/source", unread{t}), 404, "not_found"},
		"too large":        {put(strings.NewReader(strings.Repeat("x", 101))), 413, "too_large"},
		"a form":           {put(unread{t}, "Content-Type", "multipart/form-data; boundary=x"), 415, "unsupported_type"},
		"empty":            {put(strings.NewReader("")), 422, "empty_upload"},
		"encoded":          {put(unread{t}, "Content-Encoding", "gzip"), 422, "invalid_field"},
		"refused":          {put(unread{t}, "X-File-Name", "no.mp4"), 422, "refused"},
	} {
		assert.Equal(t, c.status, c.got.status, name)
		assert.Equal(t, c.code, c.got.Error.Code, name)
	}
	assert.Equal(t, kept, keysOf(t, b.store, "sources/"))
	assert.Equal(t, http.StatusNotFound, b.do(h, "GET", target, nil, "Tenant", "t").status, "originals are not shown")
	assert.Equal(t, "PUT, OPTIONS", b.do(h, "OPTIONS", target, nil).header.Get("Allow"))
	shown := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Originals: true})
	assert.Equal(t, "GET, HEAD, PUT, OPTIONS", b.do(shown, "OPTIONS", target, nil).header.Get("Allow"))
	assert.Equal(t, "another video", b.do(shown, "GET", target, nil).body)
}

// A name that is changed while the new bytes come stays.
func TestReplaceKeepsWhatIsChangedMeanwhile(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{Name: "old"}))
	bytes, send := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := b.Replace(b.ctx, a.ID, upload.NewSource{}, bytes)
		ended <- err
	}()
	_, err := send.Write([]byte("some"))
	require.NoError(t, err)
	_, err = b.Update(b.ctx, a.ID, func(e *upload.Edit) error { e.Name = "new"; return nil })
	require.NoError(t, err)
	require.NoError(t, send.Close())
	require.NoError(t, <-ended)
	a, err = b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, "new", a.Name)
	b.terminal(a)
}

// Cancel does not take back a wish to delete.
func TestCancelOfWhatIsBeingDeleted(t *testing.T) {
	b := newBench(t, nil)
	reached := make(chan string, 1)
	goOn := make(chan struct{})
	b.studio.set(func(s *studio) {
		s.encode = func(context.Context, encoder.Job, func(encoder.Update) error) error {
			reached <- ""
			<-goOn // whatever its context says
			return errBroken
		}
	})
	a := b.create(upload.NewAsset{})
	receive(t, reached)
	deleted := make(chan error, 1)
	go func() { deleted <- b.Delete(b.ctx, a.ID) }()
	b.eventually(func() bool {
		got, err := b.Get(b.ctx, a.ID)
		return err == nil && got.Intent == upload.IntentDelete
	}, "the wish is recorded")
	_, err := b.Cancel(b.ctx, a.ID)
	require.ErrorIs(t, err, upload.ErrNotFound)
	_, err = b.Update(b.ctx, a.ID, func(e *upload.Edit) error { e.Name = "x"; return nil })
	require.ErrorIs(t, err, upload.ErrNotFound)
	_, err = b.Replace(b.ctx, a.ID, upload.NewSource{}, unread{t})
	require.ErrorIs(t, err, upload.ErrNotFound)
	close(goOn)
	require.NoError(t, <-deleted)
	assert.Empty(t, b.kept())
}

// What has no room is refused before its first byte, or as soon as that is known.
func TestHTTPReplaceWithoutRoom(t *testing.T) {
	store := &failingStore{}
	b := newBench(t, func(b *bench) {
		store.Store = b.store
		b.store, b.studio.store = store, store
		b.opts.Workers, b.opts.Backlog = 1, 1
		b.quotas(map[string]int64{"": 100})
	})
	h := upload.NewHandler(b.Pipeline, nil)
	a := b.terminal(b.create(upload.NewAsset{}))
	target := "/assets/" + a.ID + "/source"
	got := b.do(h, "PUT", target, strings.NewReader(strings.Repeat("x", 100)))
	assert.Equal(t, http.StatusRequestEntityTooLarge, got.status)
	assert.Equal(t, "quota_exceeded", got.Error.Code)
	store.set(func(op, key string) error {
		if op == "put" && strings.HasPrefix(key, "sources/") {
			return syscall.ENOSPC
		}
		return nil
	})
	got = b.do(h, "PUT", target, strings.NewReader("x"))
	assert.Equal(t, http.StatusInsufficientStorage, got.status)
	assert.Equal(t, "insufficient_storage", got.Error.Code)
	store.set(nil)
	reached, goOn := b.studio.hold(0)
	b.create(upload.NewAsset{})
	receive(t, reached)
	b.create(upload.NewAsset{})
	got = b.do(h, "PUT", target, unread{t})
	assert.Equal(t, http.StatusTooManyRequests, got.status)
	assert.Equal(t, "backlog_full", got.Error.Code)
	assert.Equal(t, "60", got.header.Get("Retry-After"))
	again, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, a, again, "it is as it was")
	close(goOn)
}
