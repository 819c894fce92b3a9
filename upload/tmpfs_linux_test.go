package upload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/internal/faults"
	"github.com/vodkit/vodkit/internal/smalldisk"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// diskStore is a folder that tells before and after each Put what it is.
type diskStore struct {
	*blobstore.Store
	mu   sync.Mutex
	seen map[string]int
	at   func(moment string) // such as "before put segment #2"
}

// on has at told from now on, and begins to count.
func (s *diskStore) on(at func(moment string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.seen = at, map[string]int{}
}

func (s *diskStore) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	what := "put " + faults.KindOf(key)
	s.mu.Lock()
	s.seen[what]++
	what = fmt.Sprintf("%s #%d", what, s.seen[what])
	at := s.at
	s.mu.Unlock()
	if at == nil {
		return s.Store.Put(ctx, key, r, o)
	}
	at("before " + what)
	info, err := s.Store.Put(ctx, key, r, o)
	at("after " + what)
	return info, err
}

// diskBench is a pipeline over a disk of 100 MB.
type diskBench struct {
	*upload.Pipeline
	t       *testing.T
	ctx     context.Context
	dir     string
	store   *diskStore
	catalog *upload.StoreCatalog
	rec     *progresstest.Recorder
	ledger  invariant.Ledger
	log     *lockedBuffer

	probing func()
	prober  encoder.Prober
}

// Probe tells when it is called.
func (b *diskBench) Probe(ctx context.Context, src encoder.Source) (encoder.Media, error) {
	if b.probing != nil {
		b.probing()
	}
	return b.prober.Probe(ctx, src)
}

// fullFor is how long a disk stays full, at least: longer than a catalog's owner may be
// silent, and than a shortLease.
const (
	fullFor    = 500 * time.Millisecond
	shortLease = 300 * time.Millisecond
	longLease  = 10 * time.Second
)

// newDiskBench starts a pipeline. Nil ff means a fake, whose videos have ten segments of
// each track.
func newDiskBench(t *testing.T, lease time.Duration, ff func(storage.Store) *ffmpeg.Encoder) *diskBench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	b := &diskBench{t: t, ctx: ctx, dir: smalldisk.Mount(t, "size=100m"), rec: &progresstest.Recorder{}, log: &lockedBuffer{}}
	folder, err := blobstore.OpenFile(filepath.Join(b.dir, "store"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, folder.Close()) })
	b.store = &diskStore{Store: folder, seen: map[string]int{}}
	var enc encoder.Encoder
	if ff == nil {
		fake := encodertest.NewFake(b.store, &encodertest.FakeOptions{Duration: time.Minute})
		enc, b.prober = fake, fake
	} else {
		f := ff(b.store)
		enc, b.prober = f, f
	}
	b.catalog = upload.NewStoreCatalog(b.store, &upload.StoreCatalogOptions{Heartbeat: fullFor / 5})
	b.Pipeline, err = upload.New(b.store, enc, b, &upload.Options{KeepSuperseded: -1, Catalog: b.catalog, Sink: b.rec, RetryDelay: 10 * time.Millisecond,
		Lease: lease, Logger: slog.New(slog.NewTextHandler(io.MultiWriter(b.log, logWriter{t}), nil))})
	require.NoError(t, err)
	require.NoError(t, b.Start(ctx))
	t.Cleanup(func() { assert.NoError(t, b.Shutdown(ctx)) })
	return b
}

func (b *diskBench) create(text string) upload.Asset {
	b.t.Helper()
	a, err := b.Create(b.ctx, upload.NewAsset{ID: "film"}, strings.NewReader(text))
	require.NoError(b.t, err)
	b.ledger.Line(fmt.Sprintln("accepted", a.ID, a.Attempt))
	return a
}

// end waits until the asset's attempt has ended.
func (b *diskBench) end(a upload.Asset) upload.Asset {
	b.t.Helper()
	_, err := b.rec.WaitAttempt(b.ctx, a.ID, a.Attempt)
	require.NoError(b.t, err)
	a, err = b.Get(b.ctx, a.ID)
	require.NoError(b.t, err)
	return a
}

// complete waits until the asset is COMPLETE; an end for want of room before is one that
// a retry helps against.
func (b *diskBench) complete(a upload.Asset) {
	b.t.Helper()
	got := b.end(a)
	if got.Status == progress.Error {
		require.Equal(b.t, encoder.CodeNoSpace, got.Error.Code, "%+v", got.Error)
		require.False(b.t, got.Error.Permanent)
		require.Contains(b.t, got.Error.Message, "Try again when there is room.")
		again, err := b.Retry(b.ctx, a.ID)
		require.NoError(b.t, err)
		b.ledger.Line(fmt.Sprintln("retried", again.ID, again.Attempt))
		got = b.end(again)
	}
	require.Equal(b.t, progress.Complete, got.Status, "%+v", got.Error)
}

// clean checks that all came to a good end, and that nothing is left that nobody needs.
func (b *diskBench) clean() {
	b.t.Helper()
	require.NoError(b.t, b.rec.CheckInvariants())
	tidied(b.t, b.Pipeline, "film")
	b.eventually(func() bool {
		report, err := b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1})
		require.NoError(b.t, err)
		return len(report.Objects) == 0
	})
	for _, check := range []func() ([]string, error){
		func() ([]string, error) { return b.ledger.Broken(b.ctx, b.catalog) },
		func() ([]string, error) { return invariant.Settled(b.ctx, b.store, b.catalog) },
	} {
		broken, err := check()
		require.NoError(b.t, err)
		assert.Empty(b.t, broken)
	}
	require.NoError(b.t, b.Shutdown(b.ctx)) // a heartbeat has a temporary file, too
	broken, err := invariant.Temporary(b.dir)
	require.NoError(b.t, err)
	assert.Empty(b.t, broken)
}

func (b *diskBench) eventually(cond func() bool) {
	b.t.Helper()
	require.Eventually(b.t, cond, 20*time.Second, 10*time.Millisecond)
}

// The disk is full to the last byte from a moment on, for longer than the catalog's owner
// may be silent, and then has room again.
func TestFullDiskInEachPhase(t *testing.T) {
	for moment, lease := range map[string]time.Duration{
		"probing":                   longLease,
		"before put record #2":      longLease, // RUNNING
		"before put init #1":        longLease,
		"before put segment #1":     longLease,
		"before put event.m3u8 #1":  longLease,
		"before put master.m3u8 #1": longLease,
		"before put segment #20":    shortLease, // the run is given up, and begins anew
		"before put index.m3u8 #1":  longLease,
		"before put master.m3u8 #2": longLease,
		"after put master.m3u8 #2":  longLease, // COMPLETE cannot be recorded
	} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			b := newDiskBench(t, lease, nil)
			full := make(chan func(), 1)
			var once sync.Once
			at := func(m string) {
				if m == moment {
					once.Do(func() { full <- smalldisk.Fill(t, b.dir) })
				}
			}
			b.store.on(at)
			b.probing = func() { at("probing") }
			a := b.create("a film")
			relieve := receive(t, full)
			_, err := b.Create(b.ctx, upload.NewAsset{ID: "other"}, strings.NewReader("another film"))
			require.ErrorIs(t, err, storage.ErrNoSpace)
			time.Sleep(fullFor)
			_, err = b.store.Stat(b.ctx, a.Source.Parts[0].Key)
			require.NoError(t, err, "what was accepted is there")
			_, err = b.Get(b.ctx, a.ID)
			require.NoError(t, err, "and can be asked after")
			relieve()
			b.complete(a)
			b.clean()
		})
	}
}

// Where records can still be written, the retries end with ERROR.
func TestDiskWithoutRoomForAnEncode(t *testing.T) {
	for name, moment := range map[string]string{
		"known before it begins": "before put record #2",
		"found out in its midst": "before put segment #4",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newDiskBench(t, longLease, nil)
			full := make(chan func(), 1)
			b.store.on(func(m string) {
				if m == moment {
					full <- smalldisk.FillTo(t, b.dir, 64<<10)
				}
			})
			a := b.create("a film")
			relieve := receive(t, full)
			got := b.end(a)
			require.Equal(t, progress.Error, got.Status)
			assert.Equal(t, encoder.CodeNoSpace, got.Error.Code)
			assert.False(t, got.Error.Permanent)
			assert.Regexp(t, `^The storage has no room for this video, which may take up to [0-9.]+ MiB once encoded\. Try again when there is room\.$`, got.Error.Message)
			assert.Equal(t, 3, got.Runs, "retries end")
			assert.Contains(t, b.log.String(), "no space", "for the operator")
			t.Log(got.Error.Message)
			relieve()
			b.complete(a)
			b.clean()
		})
	}
}

// What fills the disk is the run itself, and its output is nobody's use: it makes room
// for the record of its end.
func TestRunThatFilledTheDisk(t *testing.T) {
	b := newDiskBench(t, longLease, nil)
	b.complete(b.create("a film"))
	full := make(chan func(), 1)
	b.store.on(func(m string) {
		if m == "before put segment #20" {
			full <- smalldisk.Fill(t, b.dir)
		}
	})
	again, err := b.Retry(b.ctx, "film")
	require.NoError(t, err)
	b.ledger.Line(fmt.Sprintln("retried", again.ID, again.Attempt))
	relieve := receive(t, full)
	got := b.end(again)
	require.Equal(t, progress.Error, got.Status, "although the ballast is there still")
	require.Equal(t, encoder.CodeNoSpace, got.Error.Code)
	require.NotEmpty(t, got.Playlist, "what was published stays")
	relieve()
	b.complete(again)
	b.clean()
}

func TestUploadToAFullDisk(t *testing.T) {
	b := newDiskBench(t, longLease, nil)
	before := smalldisk.Left(t, b.dir)

	unread := readerFunc(func([]byte) (int, error) { t.Error("read"); return 0, errBroken })
	_, err := b.Create(b.ctx, upload.NewAsset{ID: "film", Size: 101 << 20}, unread)
	require.ErrorIs(t, err, storage.ErrNoSpace, "known before the first byte")
	assert.ErrorContains(t, err, "101 MiB are needed")

	_, err = b.Create(b.ctx, upload.NewAsset{ID: "film"}, io.LimitReader(zeros{}, 101<<20))
	require.ErrorIs(t, err, storage.ErrNoSpace, "found out when it is full")
	require.ErrorIs(t, err, syscall.ENOSPC)

	relieve := func() {}
	filling := readerFunc(func([]byte) (int, error) {
		relieve = smalldisk.Fill(t, b.dir)
		return 0, io.EOF
	})
	_, err = b.Create(b.ctx, upload.NewAsset{ID: "film"}, io.MultiReader(io.LimitReader(zeros{}, 3<<20), filling, io.LimitReader(zeros{}, 2<<20)))
	require.ErrorIs(t, err, storage.ErrNoSpace, "filled by somebody else meanwhile")
	more := smalldisk.Fill(t, b.dir)
	_, err = b.Create(b.ctx, upload.NewAsset{ID: "film"}, unread)
	require.ErrorIs(t, err, storage.ErrNoSpace, "full before")
	more()
	assert.Equal(t, before, smalldisk.Left(t, b.dir), "what was refused has left nothing")
	relieve()
	b.complete(b.create("a film"))
	b.clean()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// Deleting is how people make room, so it must work without any.
func TestDeleteOnAFullDisk(t *testing.T) {
	b := newDiskBench(t, longLease, nil)
	empty := smalldisk.Left(t, b.dir)
	b.complete(b.create("a film"))
	smalldisk.Fill(t, b.dir)
	require.NoError(t, b.Delete(b.ctx, "film"))
	assert.Empty(t, keysOf(t, b.store, "media/"))
	assert.Empty(t, keysOf(t, b.store, "sources/"))
	_, err := b.Get(b.ctx, "film")
	require.ErrorIs(t, err, upload.ErrNotFound)
	assert.Subset(t, empty, onlyFiles(smalldisk.Left(t, b.dir)))
}

func onlyFiles(names []string) (files []string) {
	for _, n := range names {
		if filepath.Ext(n) != "" {
			files = append(files, n)
		}
	}
	return files
}

func TestSweepOnAFullDisk(t *testing.T) {
	b := newDiskBench(t, longLease, nil)
	orphan := "sources/gone/01m81vrb0mmhn418z7a8rbgmwp"
	_, err := b.store.Put(b.ctx, orphan, strings.NewReader(strings.Repeat("x", 2<<20)), nil)
	require.NoError(t, err)
	relieve := smalldisk.Fill(t, b.dir)
	report, err := b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1})
	require.NoError(t, err)
	require.Len(t, report.Objects, 1)
	assert.Equal(t, orphan, report.Objects[0].Key)
	relieve()
	b.clean()
}

// An owner that cannot renew its record for want of room stays the owner: nobody else
// can write one either.
func TestOwnershipOnAFullDisk(t *testing.T) {
	b := newDiskBench(t, longLease, nil)
	b.complete(b.create("a film"))
	relieve := smalldisk.Fill(t, b.dir)
	time.Sleep(fullFor)
	other := upload.NewStoreCatalog(b.store.Store, &upload.StoreCatalogOptions{Heartbeat: fullFor / 5})
	err := other.Start(b.ctx)
	if !errors.Is(err, upload.ErrOwned) { // the beat has stood still
		require.ErrorIs(t, err, storage.ErrNoSpace)
	}
	relieve()
	b.eventually(func() bool {
		_, err := b.Create(b.ctx, upload.NewAsset{ID: "next"}, strings.NewReader("a film"))
		return err == nil
	})
	require.ErrorIs(t, other.Start(b.ctx), upload.ErrOwned)
}

// ffmpeg itself needs no room for temporary files, and survives the Store's want of it.
func TestFullDisksUnderFFmpeg(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	film := testmedia.Make(t, "film.mkv", append(testmedia.Video("320x180", "25", "8"), "-c:v", "libx264", "-preset", "ultrafast")...)
	temp := smalldisk.Mount(t, "size=100m")
	b := newDiskBench(t, longLease, func(s storage.Store) *ffmpeg.Encoder { return ffmpeg.New(s, &ffmpeg.Options{Preset: "ultrafast"}) })
	t.Setenv("TMPDIR", temp)
	smalldisk.Fill(t, temp)
	full := make(chan func(), 1)
	b.store.on(func(m string) {
		if m == "before put segment #2" {
			full <- smalldisk.Fill(t, b.dir)
		}
	})
	original, err := os.ReadFile(film)
	require.NoError(t, err)
	a := b.create(string(original))
	relieve := receive(t, full)
	time.Sleep(fullFor)
	relieve()
	b.complete(a)
	b.clean()
	assert.Empty(t, smalldisk.Left(t, temp), "temporary use is none")
}
