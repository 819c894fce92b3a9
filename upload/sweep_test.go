package upload_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

var anyAge = upload.SweepOptions{OlderThan: -1}

func (b *bench) put(key, body string) {
	b.t.Helper()
	_, err := b.store.Put(b.ctx, key, strings.NewReader(body), nil)
	require.NoError(b.t, err)
}

// kept returns all keys but the catalog's.
func (b *bench) kept() []string {
	b.t.Helper()
	return slices.DeleteFunc(keysOf(b.t, b.store, ""), func(k string) bool { return strings.HasPrefix(k, "catalog/") })
}

// masterOf is a multivariant playlist of ours that points at attempt.
func masterOf(attempt string) string {
	return "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"" + attempt + "/audio/index.m3u8\"\n" +
		"#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\n" + attempt + "/v360/index.m3u8\n"
}

func TestSweepRemovesWhatNobodyRefersTo(t *testing.T) {
	b := newFakeBench(t, nil, nil, nil)
	whole := b.ended()
	b.put("host/film.mp4", "a film")
	imported, err := b.Import(b.ctx, upload.NewAsset{}, "host/film.mp4", nil)
	require.NoError(t, err)
	_, err = b.rec.WaitTerminal(b.ctx, imported.ID)
	require.NoError(t, err)
	b.eventually(func() bool { return len(b.kept()) > 0 }, "")

	foreign := []string{
		"other/" + whole.ID + "/x", "sources/readme.txt", "sources/their/film.mp4", "sources/their/" + ids.New(time.Now()) + ".mp4",
		"media/index.html", "media/their/poster.jpg", "media/" + whole.ID + "/poster.jpg",
		"media/" + whole.ID + "/" + ids.New(time.Now()) + "/v360/thumb.jpg",
		"media/their/a1/v360/init-0123456789abcdef.mp4", "media/.x/" + ids.New(time.Now()) + "/v360/index.m3u8",
	}
	for _, key := range foreign {
		b.put(key, "the host's")
	}
	b.put("media/their/master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhigh/index.m3u8\n")
	before := b.kept()

	gone, attempt := "gone", ids.New(time.Now())
	left := map[string]string{
		"sources/" + gone + "/" + ids.New(time.Now()):                                                      upload.SweptNoRecord,
		"sources/" + whole.ID + "/" + ids.New(time.Now()):                                                  upload.SweptUpload,
		"media/" + gone + "/" + attempt + "-2/v360/event.m3u8":                                             upload.SweptNoRecord,
		"media/" + gone + "/" + attempt + "-2/v360/12-0123456789abcdef.m4s":                                upload.SweptNoRecord,
		"media/" + whole.ID + "/" + whole.Attempt + "-2/v360/index.m3u8":                                   upload.SweptAttempt,
		"media/" + whole.ID + "/" + ids.New(time.Now()) + "/audio/init-0123456789abcdef.mp4":               upload.SweptAttempt,
		"media/" + imported.ID + "/" + ids.New(time.Now()) + "-13/audio/0-0123456789abcdef.m4s":            upload.SweptAttempt,
		"media/" + imported.ID + "/" + ids.New(time.Now()) + "-13/text-2/0-0123456789abcdef.vtt":           upload.SweptAttempt,
		"media/" + imported.ID + "/" + ids.New(time.Now()) + "-13/v360/iframe.m3u8":                        upload.SweptAttempt,
		"media/" + imported.ID + "/" + attempt + "/stills/7-0123456789abcdef.jpg":                          upload.SweptAttempt,
		"media/" + imported.ID + "/" + attempt + "/stills/poster-7-0123456789abcdef.jpg":                   upload.SweptAttempt,
		"media/" + imported.ID + "/" + attempt + "/stills/sheet-7-0123456789abcdef.jpg":                    upload.SweptAttempt,
		"media/" + imported.ID + "/" + attempt + "/stills/storyboard-0123456789abcdef.vtt":                 upload.SweptAttempt,
		"media/" + strings.Repeat("i", 128) + "/" + attempt + "/v-1080/init-0123456789abcdef.mp4":          upload.SweptNoRecord,
		"media/" + gone + "/master.m3u8":                                                                   upload.SweptNoRecord,
		"sources/" + strings.Repeat("i", 128) + "/" + ids.New(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)): upload.SweptNoRecord,
	}
	for key := range left {
		body := "left"
		if strings.HasSuffix(key, "master.m3u8") {
			body = masterOf(attempt)
		}
		b.put(key, body)
	}
	all := b.kept()

	report, err := b.Sweep(b.ctx, nil)
	require.NoError(t, err)
	assert.Empty(t, report.Objects, "all are young")
	report, err = b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1, DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, left, reasons(report))
	assert.Equal(t, all, b.kept(), "a dry run only lists")
	dry := report

	report, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Equal(t, dry, report)
	assert.EqualValues(t, 4*15+len(masterOf(attempt)), report.Bytes)
	assert.Equal(t, before, b.kept())
	report, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Empty(t, report.Objects)
}

func reasons(r upload.SweepReport) map[string]string {
	m := map[string]string{}
	for _, o := range r.Objects {
		m[o.Key] = o.Reason
	}
	return m
}

func TestSweepLeavesWhatIsAtWork(t *testing.T) {
	b := newFakeBench(t, nil, nil, nil)
	reached, goOn := b.studio.hold(2) // tiny objects: the gate is not reached
	running := b.create(upload.NewAsset{ID: "running"})
	output := receive(t, reached)
	waits := make(chan struct{})
	uploaded := make(chan error, 1)
	inside := make(chan struct{})
	go func() {
		first := true
		_, err := b.Create(b.ctx, upload.NewAsset{ID: "uploading"}, readerFunc(func(p []byte) (int, error) {
			if first {
				first = false
				close(inside)
				<-waits
				return copy(p, "x"), nil
			}
			return 0, errBroken
		}))
		uploaded <- err
	}()
	receive(t, inside)
	part := "sources/uploading/" + ids.New(time.Now())
	b.put(part, "an earlier part of it")
	b.put("media/running/"+running.Attempt+"-7/v360/event.m3u8", "left")
	// An asset of another's source, in a form that would be swept.
	theirs := "sources/elsewhere/" + ids.New(time.Now())
	b.put(theirs, "a film")
	other, err := b.Import(b.ctx, upload.NewAsset{ID: "other"}, theirs, &upload.ImportOptions{Own: true})
	require.NoError(t, err)

	report, err := b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"media/running/" + running.Attempt + "-7/v360/event.m3u8": upload.SweptAttempt}, reasons(report))
	keys := b.kept()
	assert.Contains(t, keys, part)
	assert.Contains(t, keys, theirs)
	assert.Contains(t, keys, output+"/audio/0-0.m4s")
	assert.Contains(t, keys, output+"/audio/event.m3u8")
	assert.Contains(t, keys, "media/running/master.m3u8")
	close(waits)
	require.ErrorIs(t, receive(t, uploaded), errBroken)
	close(goOn)
	require.NoError(t, b.Delete(b.ctx, other.ID))

	report, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Contains(t, reasons(report), part, "now it is abandoned")
}

func TestSweepKeepsWhatIsPlayed(t *testing.T) {
	// The record says that a second run is about to be published, the multivariant
	// playlist still points at the first.
	b := newFakeBench(t, nil, nil, nil)
	a := b.ended()
	first := a.Attempt
	require.NoError(t, b.Shutdown(b.ctx))
	b.editRecord(a.ID, func(a *upload.Asset) {
		a.Attempt = ids.New(time.Now())
		a.Output = "media/" + a.ID + "/" + a.Attempt
		a.Published = a.Output
		a.Status, a.Error = "ERROR", nil
	})
	b.start()
	before := b.kept()
	report, err := b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Empty(t, report.Objects)
	assert.Equal(t, before, b.kept())
	assert.Contains(t, b.master(a), first)

	// Of what failed before it could be played, nothing is needed.
	require.NoError(t, b.Shutdown(b.ctx))
	b.editRecord(a.ID, func(a *upload.Asset) { a.Playlist = "" })
	b.opts.KeepFailed = true
	b.start()
	report, err = b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1, DryRun: true})
	require.NoError(t, err)
	assert.NotContains(t, reasons(report), "media/"+a.ID+"/master.m3u8", "the host keeps what failed")
	require.NoError(t, b.Shutdown(b.ctx))
	b.opts.KeepFailed = false
	b.start()
	_, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Len(t, b.kept(), 1, "the source is left, for a retry")
}

// editRecord changes a record while no pipeline runs.
func (b *bench) editRecord(id string, change func(*upload.Asset)) {
	b.t.Helper()
	c := upload.NewStoreCatalog(b.store, nil)
	require.NoError(b.t, c.Start(b.ctx))
	a, rev, err := c.Get(b.ctx, id)
	require.NoError(b.t, err)
	change(&a)
	_, err = c.Put(b.ctx, a, rev)
	require.NoError(b.t, err)
	require.NoError(b.t, c.Close(b.ctx))
}

func TestSweepLeavesWhatHasARecordThatCannotBeRead(t *testing.T) {
	b := newFakeBench(t, nil, nil, nil)
	b.put("catalog/assets/newer.json", `{"version": 99, "id": "newer"}`)
	b.put("sources/newer/"+ids.New(time.Now()), "x")
	b.put("sources/gone/"+ids.New(time.Now()), "x")
	report, err := b.Sweep(b.ctx, &anyAge)
	require.ErrorIs(t, err, upload.ErrVersion)
	assert.Len(t, report.Objects, 1, "the rest is swept")
	assert.Len(t, keysOf(t, b.store, "sources/newer/"), 1)
}

func TestSweepGoesOnBehindFailures(t *testing.T) {
	fs := &failingStore{}
	b := newBench(t, func(b *bench) {
		fs.Store = b.store
		b.store, b.studio.store = fs, fs
	})
	for _, id := range []string{"a", "b", "c"} {
		b.put("sources/"+id+"/"+ids.New(time.Now()), "x")
	}
	fs.set(func(op, key string) error {
		if op == "delete" && strings.HasPrefix(key, "sources/b/") {
			return errBroken
		}
		return nil
	})
	report, err := b.Sweep(b.ctx, &anyAge)
	require.ErrorIs(t, err, errBroken)
	assert.Len(t, report.Objects, 2)
	fs.set(nil)
	report, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Len(t, report.Objects, 1)

	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	_, err = b.Sweep(ctx, &anyAge)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, b.Shutdown(b.ctx))
	_, err = b.Sweep(b.ctx, &anyAge)
	assert.ErrorIs(t, err, upload.ErrClosed)
}

func TestSweepOfTemporaryFiles(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "vod")
	var store storage.Store
	b := newBench(t, func(b *bench) {
		folder, err := blobstore.OpenFile(root, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = folder.Close() })
		store = storage.Prefix(folder, "vod")
		b.store, b.studio.store = store, store
	})
	name := "sources/gone/" + ids.New(time.Now()) + ".0123456789abcdef.tmp"
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sources/gone"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600))
	report, err := b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1, DryRun: true})
	require.NoError(t, err)
	assert.Empty(t, report.Temporary)
	report, err = b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Equal(t, []string{name}, report.Temporary)
	assert.NoFileExists(t, filepath.Join(dir, name))
}

func TestSweepEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		fake := encodertest.NewFake(store, nil)
		p, err := upload.New(store, fake, fake, &upload.Options{SweepEvery: time.Hour, Logger: testLog(t)})
		require.NoError(t, err)
		require.NoError(t, p.Start(t.Context()))
		key := "sources/gone/" + ids.New(time.Now())
		_, err = store.Put(t.Context(), key, strings.NewReader("x"), nil)
		require.NoError(t, err)
		time.Sleep(23 * time.Hour)
		_, err = store.Stat(t.Context(), key)
		require.NoError(t, err, "it is young")
		time.Sleep(3 * time.Hour)
		_, err = store.Stat(t.Context(), key)
		require.ErrorIs(t, err, storage.ErrNotExist)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
