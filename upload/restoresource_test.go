package upload_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// breakEncodes makes all encodes fail for good; mend makes them work again.
func (b *bench) breakEncodes() (mend func()) {
	b.studio.set(func(s *studio) {
		s.encode = func(context.Context, encoder.Job, func(encoder.Update) error) error {
			return &encoder.Error{Code: encoder.CodeCorrupt, Permanent: true, Message: "It is broken.", Err: errors.New("broken")}
		}
	})
	return func() { b.studio.set(func(s *studio) { s.encode = nil }) }
}

// replace replaces the source by text and waits for the end of the attempt.
func (b *bench) replace(a upload.Asset, text string) upload.Asset {
	b.t.Helper()
	a, err := b.Replace(b.ctx, a.ID, upload.NewSource{}, strings.NewReader(text))
	require.NoError(b.t, err)
	return b.terminal(a)
}

// A broken replacement loses nothing: the video plays on, and its source comes back.
func TestRestoreSource(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{ContentType: "video/mp4"}))
	master := b.master(a)
	mend := b.breakEncodes()

	first := b.replace(a, "a broken one")
	assert.Equal(t, progress.Error, first.Status)
	again := b.replace(a, "another broken one")
	assert.Equal(t, progress.Error, again.Status)
	retried, err := b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	again = b.terminal(retried)
	assert.Equal(t, &upload.ReplacedSource{Source: a.Source, ContentType: "video/mp4"}, again.Replaced)
	want := []string{a.Source.Parts[0].Key, again.Source.Parts[0].Key}
	slices.Sort(want)
	b.sources(want...)
	_, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Equal(t, want, keysOf(t, b.store, "sources/"), "both are needed")
	assert.Equal(t, master, b.master(a), "the old video is served")

	mend()
	back, err := b.RestoreSource(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Ready, back.Status)
	assert.Equal(t, a.Source, back.Source)
	assert.Equal(t, "video/mp4", back.ContentType)
	assert.Equal(t, a.Size, back.Size)
	assert.Equal(t, a.Playlist, back.Playlist)
	back = b.terminal(back)
	assert.Equal(t, progress.Complete, back.Status)
	assert.Equal(t, 5, back.Attempts)
	b.sources(a.Source.Parts[0].Key)

	_, err = b.RestoreSource(b.ctx, a.ID)
	require.ErrorIs(t, err, upload.ErrNotReplaced)
	_, err = b.RestoreSource(b.ctx, "nobody")
	require.ErrorIs(t, err, upload.ErrNotFound)
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, back.Attempt, got.Attempt, "what fails changes nothing")
}

// A replacement that works takes the old source away, also after one that did not.
func TestReplaceAfterABrokenOne(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{}))
	mend := b.breakEncodes()
	b.replace(a, "a broken one")
	mend()
	a = b.replace(a, "a good one")
	assert.Equal(t, progress.Complete, a.Status)
	assert.Nil(t, a.Replaced)
	b.sources(a.Source.Parts[0].Key)
}

func TestRestoreSourceWhileTheOtherRuns(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{}))
	reached, goOn := b.studio.hold(2)
	other, err := b.Replace(b.ctx, a.ID, upload.NewSource{}, strings.NewReader("the wrong one"))
	require.NoError(t, err)
	receive(t, reached)
	back, err := b.RestoreSource(b.ctx, a.ID)
	require.NoError(t, err)
	close(goOn)
	assert.NotEqual(t, other.Attempt, back.Attempt)
	back = b.terminal(back)
	assert.Equal(t, progress.Complete, back.Status, "%+v", back.Error)
	assert.Equal(t, a.Source, back.Source)
	b.sources(a.Source.Parts[0].Key)
}

// What was never published is not gone back to.
func TestReplaceOfWhatWasNeverPublished(t *testing.T) {
	b := newBench(t, nil)
	mend := b.breakEncodes()
	a := b.terminal(b.create(upload.NewAsset{}))
	require.Equal(t, progress.Error, a.Status)
	a = b.replace(a, "another")
	assert.Nil(t, a.Replaced)
	b.sources(a.Source.Parts[0].Key)
	_, err := b.RestoreSource(b.ctx, a.ID)
	require.ErrorIs(t, err, upload.ErrNotReplaced)
	mend()
}

// The host's source is gone back to, and never removed.
func TestRestoreSourceOfTheHosts(t *testing.T) {
	b := newBench(t, nil)
	b.put("host/film.mp4", "a film")
	a, err := b.Import(b.ctx, upload.NewAsset{}, "host/film.mp4", nil)
	require.NoError(t, err)
	b.terminal(a)
	mend := b.breakEncodes()
	a = b.replace(a, "a broken one")
	assert.True(t, a.Replaced.External)
	mend()
	a, err = b.RestoreSource(b.ctx, a.ID)
	require.NoError(t, err)
	a = b.terminal(a)
	assert.Equal(t, progress.Complete, a.Status)
	assert.True(t, a.External)
	b.breakEncodes()
	a = b.replace(a, "a broken one")
	require.NoError(t, b.Delete(b.ctx, a.ID))
	assert.Equal(t, []string{"host/film.mp4"}, b.kept())
}

func TestDeleteTakesBothSources(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{}))
	b.breakEncodes()
	b.replace(a, "a broken one")
	require.NoError(t, b.Delete(b.ctx, a.ID))
	assert.Empty(t, b.kept())
}

func TestHTTPRestore(t *testing.T) {
	b := newBench(t, nil)
	var actions []string
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Tenant: func(r *http.Request) string { return r.Header.Get("Tenant") },
		Authorize: func(_ *http.Request, action, asset string) error {
			actions = append(actions, action+" "+asset)
			return nil
		},
	})
	a := b.terminal(b.create(upload.NewAsset{Tenant: "t"}))
	target := "/assets/" + a.ID + "/restore"
	got := b.do(h, "POST", target, nil, "Tenant", "t")
	assert.Equal(t, http.StatusConflict, got.status)
	assert.Equal(t, "not_replaced", got.Error.Code)
	assert.Equal(t, []string{"replace " + a.ID}, actions)

	mend := b.breakEncodes()
	b.replace(a, "a broken one")
	mend()
	assert.Contains(t, b.do(h, "GET", "/assets/"+a.ID, nil, "Tenant", "t").body, `"replaced":true`)
	assert.Equal(t, http.StatusNotFound, b.do(h, "POST", target, nil, "Tenant", "u").status)
	assert.Equal(t, http.StatusMethodNotAllowed, b.do(h, "GET", target, nil, "Tenant", "t").status)
	got = b.do(h, "POST", target, nil, "Tenant", "t")
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	assert.NotContains(t, got.body, "replaced")
	assert.Equal(t, "/assets/"+a.ID, got.header.Get("Location"))
	done := b.terminal(upload.Asset{ID: a.ID, Attempt: got.Attempt})
	assert.Equal(t, progress.Complete, done.Status)
	assert.Equal(t, a.Source, done.Source)
}
