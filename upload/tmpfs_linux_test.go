package upload_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// smallDisk mounts a disk of some megabytes.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Skip("no disk can be mounted here: ", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill leaves no room in the folder's disk until the function that it returns is called.
func fill(t *testing.T, dir string) (relieve func()) {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	f, err := os.Create(name)
	require.NoError(t, err)
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			size /= 2
		}
	}
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(name)) }
}

func TestRealDiskThatIsFull(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := smallDisk(t, 6)
	store, err := blobstore.OpenFile(filepath.Join(dir, "store"), nil)
	require.NoError(t, err)
	defer store.Close()
	reached, goOn := make(chan int, 100), make(chan struct{}, 100)
	fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 30 * time.Second,
		Segment: func(ctx context.Context, _ encoder.Job, n int) error {
			reached <- n
			select {
			case <-goOn:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}})
	rec := &progresstest.Recorder{}
	catalog := upload.NewStoreCatalog(store, nil)
	p, err := upload.New(store, fake, fake, &upload.Options{Catalog: catalog, Sink: rec, RetryDelay: time.Millisecond,
		Lease: time.Second, Logger: testLog(t)})
	require.NoError(t, err)
	require.NoError(t, p.Start(ctx))
	defer func() { require.NoError(t, p.Shutdown(context.WithoutCancel(ctx))) }()

	// While a video comes in.
	_, err = p.Create(ctx, upload.NewAsset{ID: "huge"}, strings.NewReader(strings.Repeat("x", 7<<20)))
	require.ErrorIs(t, err, syscall.ENOSPC)
	relieve := fill(t, dir)
	_, err = p.Create(ctx, upload.NewAsset{ID: "film"}, strings.NewReader("a film"))
	require.ErrorIs(t, err, syscall.ENOSPC)
	relieve()
	assert.Empty(t, keysOf(t, store, "sources/"))
	a, err := p.Create(ctx, upload.NewAsset{ID: "film"}, strings.NewReader("a film"))
	require.NoError(t, err)

	// While it is encoded, for as long as the runs go on.
	for range 2 {
		require.Equal(t, 0, receive(t, reached))
		goOn <- struct{}{}
		require.Equal(t, 1, receive(t, reached))
		relieve = fill(t, dir)
		goOn <- struct{}{}
		time.Sleep(300 * time.Millisecond)
		_, err = store.Stat(ctx, a.Source.Parts[0].Key)
		require.NoError(t, err, "what was accepted is there")
		relieve()
	}
	go func() {
		for {
			select {
			case goOn <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	end, err := rec.WaitAttempt(ctx, a.ID, a.Attempt)
	require.NoError(t, err)
	require.Equal(t, progress.Complete, end.Status, "%+v", end.Error)
	require.NoError(t, rec.CheckInvariants())

	_, err = p.Sweep(ctx, &upload.SweepOptions{OlderThan: -1})
	if !errors.Is(err, errors.ErrUnsupported) {
		require.NoError(t, err)
	}
	broken, err := invariant.Settled(ctx, store, catalog)
	require.NoError(t, err)
	assert.Empty(t, broken)
	broken, err = invariant.Temporary(dir)
	require.NoError(t, err)
	assert.Empty(t, broken)
	cancel()
}
