//go:build unix

package upload_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/internal/faults"
	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// newFaultPipeline starts a pipeline over a folder, whose videos have two segments of
// one rendition and of sound.
func newFaultPipeline(ctx context.Context, folder *blobstore.Store, store storage.Store, sink progress.Sink, o upload.Options) (*upload.Pipeline, *upload.StoreCatalog, error) {
	base, err := encodertest.NewFake(folder, nil).Probe(ctx, encoder.Source{})
	if err != nil {
		return nil, nil, err
	}
	base.Streams[0].Width, base.Streams[0].Height = 320, 180
	fake := encodertest.NewFake(store, &encodertest.FakeOptions{Media: &base})
	catalog := upload.NewStoreCatalog(store, nil)
	o.Catalog, o.Sink = catalog, sink
	p, err := upload.New(store, fake, fake, &o)
	if err != nil {
		return nil, nil, err
	}
	if o.Fetch != nil {
		p.FetchInParts(1000)
	}
	return p, catalog, p.Start(ctx)
}

// TestFaultVictim is the process that is killed.
func TestFaultVictim(t *testing.T) {
	dir := faults.Dir()
	if dir == "" {
		t.Skip("only for TestKilledAtEachWrite")
	}
	folder, err := blobstore.OpenFile(dir, &blobstore.Options{BufferSize: 1000})
	require.NoError(t, err)
	defer folder.Close()
	ended := make(chan progress.Event, 100)
	p, _, err := newFaultPipeline(t.Context(), folder, faults.NewStore(folder),
		progress.SinkFunc(func(_ context.Context, e progress.Event) {
			if e.Status.Terminal() {
				fmt.Println("event", e.Asset, e.Attempt, e.Status)
				ended <- e
			}
		}), upload.Options{KeepSuperseded: time.Millisecond})
	require.NoError(t, err)

	// An upload, a new attempt with another source, and its deletion.
	a, err := p.Create(t.Context(), upload.NewAsset{ID: "film"}, strings.NewReader(strings.Repeat("a film", 500)))
	require.NoError(t, err)
	fmt.Println("accepted", a.ID, a.Attempt)
	require.Equal(t, progress.Complete, (<-ended).Status)
	fmt.Println("retry", a.ID)
	a, err = p.Replace(t.Context(), a.ID, upload.NewSource{}, strings.NewReader(strings.Repeat("a reel", 400)))
	require.NoError(t, err)
	fmt.Println("retried", a.ID, a.Attempt)
	require.Equal(t, progress.Complete, (<-ended).Status)
	require.Eventually(t, func() bool {
		a, err = p.Get(t.Context(), a.ID)
		return err == nil && !a.Unfinished()
	}, 30*time.Second, time.Millisecond, "what was replaced is removed")
	fmt.Println("delete", a.ID)
	require.NoError(t, p.Delete(t.Context(), a.ID))
	fmt.Println("deleted", a.ID)
	require.NoError(t, p.Shutdown(t.Context()))
}

// ledgerOf is what a process has said.
func ledgerOf(lines []string) *invariant.Ledger {
	ledger := &invariant.Ledger{}
	for _, line := range lines {
		ledger.Line(line)
	}
	return ledger
}

func TestKilledAtEachWrite(t *testing.T) {
	lines, points, killed, err := faults.Run("TestFaultVictim", t.TempDir(), "")
	require.NoError(t, err)
	require.False(t, killed)
	require.Equal(t, invariant.Counts{Accepted: 1, Deleted: 1, Complete: 2}, ledgerOf(lines).Counts())
	for _, want := range []string{
		"before put source #1", "within put source #1", "after put mark #1", "before put record READY/queued #1",
		"after put record RUNNING/probing #1", "before put init #1", "within put segment #2", "after put event.m3u8 #1",
		"before put master.m3u8 #1", "after put index.m3u8 #2", "before put record RUNNING/publishing #1", "after put master.m3u8 #2",
		"before put record COMPLETE/ #1", "after delete mark #1", "before put record READY/queued #2", "after put record COMPLETE/ #2",
		"after put record COMPLETE/ tidy #2", "after delete segment #1", "before put record COMPLETE/ delete #1", "after delete master.m3u8 #1",
		"within put source #2", "before delete source #1", "after delete source #2", "after delete record #1",
	} {
		require.Contains(t, points, want)
	}
	faults.Walk(t, "TestFaultVictim", points, 5, func(t *testing.T, dir string, lines []string) {
		t.Helper()
		goOn(t, dir, ledgerOf(lines))
	})
}

// goOn is the process behind the one that was killed.
func goOn(t *testing.T, dir string, ledger *invariant.Ledger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	folder, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	defer folder.Close()
	nothingBroken := func(broken []string, err error) {
		t.Helper()
		require.NoError(t, err)
		assert.Empty(t, broken)
	}
	nothingBroken(invariant.Living(ctx, folder, nil))

	p, catalog, err := newFaultPipeline(ctx, folder, folder, progress.SinkFunc(func(_ context.Context, e progress.Event) {
		if e.Status.Terminal() {
			ledger.Line(fmt.Sprintln("event", e.Asset, e.Attempt, e.Status))
		}
	}), upload.Options{RetryDelay: time.Millisecond, KeepSuperseded: time.Millisecond, Lease: time.Second, Logger: testLog(t)})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		for a, err := range catalog.List(ctx, upload.Query{}) {
			if err != nil || a.Unfinished() {
				return false
			}
		}
		return true
	}, 30*time.Second, 5*time.Millisecond, "nothing stays undone")
	require.NoError(t, p.Shutdown(ctx)) // what follows the last record is done, too
	nothingBroken(invariant.Living(ctx, folder, nil))

	p, catalog, err = newFaultPipeline(ctx, folder, folder, nil, upload.Options{})
	require.NoError(t, err)
	_, err = p.Sweep(ctx, &upload.SweepOptions{OlderThan: -1})
	require.NoError(t, err)
	nothingBroken(ledger.Broken(ctx, catalog))
	nothingBroken(invariant.Settled(ctx, folder, catalog))
	nothingBroken(invariant.Temporary(dir))
	require.NoError(t, p.Shutdown(ctx))
}
