//go:build unix

package upload_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/faults"
	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// originFile is where a process reads, beside its folder, the URL that it imports from.
func originFile(dir string) string { return dir + ".origin" }

// newChangingOrigin returns an origin whose first connection breaks in the second part, and
// that has another version of the file from then on.
func newChangingOrigin(t *testing.T) *originServer {
	o := newOrigin(t, 3500)
	o.set(func(o *originServer) {
		o.cut = func(n int) int {
			if n == 0 {
				return 1500
			}
			o.file, o.etag = noise(3400), `"two"`
			return -1
		}
	})
	return o
}

// TestImportFaultVictim is the process that is killed.
func TestImportFaultVictim(t *testing.T) {
	dir := faults.Dir()
	if dir == "" {
		t.Skip("only for TestImportKilledAtEachWrite")
	}
	text, err := os.ReadFile(originFile(dir))
	require.NoError(t, err)
	url := string(text)
	folder, err := blobstore.OpenFile(dir, &blobstore.Options{BufferSize: 1000})
	require.NoError(t, err)
	defer folder.Close()
	ended := make(chan progress.Event, 100)
	p, _, err := newFaultPipeline(t.Context(), folder, faults.NewStore(folder),
		progress.SinkFunc(func(_ context.Context, e progress.Event) {
			if e.Status.Terminal() {
				ended <- e
			}
		}), upload.Options{Fetch: fetchFrom(t, url)})
	require.NoError(t, err)
	_, err = p.ImportURL(t.Context(), upload.NewAsset{ID: "film"}, url+"/film.mp4?signature=secret")
	require.NoError(t, err)
	fmt.Println("accepted")
	require.Equal(t, progress.Complete, (<-ended).Status)
	require.NoError(t, p.Shutdown(t.Context()))
}

// importVictim runs the process until its end and returns what it said.
func importVictim(t *testing.T, o *originServer, dir, at string) (accepted bool, points []string, killed bool) {
	t.Helper()
	require.NoError(t, os.WriteFile(originFile(dir), []byte(o.URL), 0o600))
	lines, points, killed, err := faults.Run("TestImportFaultVictim", dir, at)
	require.NoError(t, err)
	accepted = slices.Contains(lines, "accepted")
	return accepted, points, killed
}

// A process is killed at each write of a fetch, and the next one ends it.
func TestImportKilledAtEachWrite(t *testing.T) {
	_, points, killed := importVictim(t, newChangingOrigin(t), t.TempDir(), "")
	require.False(t, killed)
	for _, want := range []string{
		"after put record READY/queued #1", "before put record RUNNING/fetching #1", "before put source #1", "after put record RUNNING/fetching #2",
		"within put source #2", "before delete source #1", "after put source #3", "after put source #6",
	} {
		require.Contains(t, points, want)
	}
	points = slices.DeleteFunc(points, func(point string) bool {
		return strings.HasPrefix(point, "before put") || // what the write before it left
			!strings.Contains(point, "source") && !strings.Contains(point, "fetching") && !strings.Contains(point, "queued")
	})
	slices.Sort(points)
	points = slices.Compact(points)
	if testing.Short() {
		points = points[:3]
	}
	t.Logf("%d fault points", len(points))
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			dir, o := t.TempDir(), newChangingOrigin(t)
			accepted, _, killed := importVictim(t, o, dir, point)
			if !killed {
				t.Skip("another order of writes: this process did not pass here")
			}
			importGoesOn(t, o, dir, accepted)
		})
	}
}

// importGoesOn is the process behind the one that was killed.
func importGoesOn(t *testing.T, o *originServer, dir string, accepted bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	folder, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	defer folder.Close()
	p, catalog, err := newFaultPipeline(ctx, folder, folder, nil, upload.Options{
		RetryDelay: time.Millisecond, KeepSuperseded: time.Millisecond, Lease: time.Second, Logger: testLog(t), Fetch: fetchFrom(t, o.URL),
	})
	require.NoError(t, err)
	var a upload.Asset
	require.Eventually(t, func() bool {
		a, err = p.Get(ctx, "film")
		return err == nil && !a.Unfinished() || !accepted && errors.Is(err, upload.ErrNotFound)
	}, 30*time.Second, 5*time.Millisecond, "nothing stays undone")
	_, err = p.Sweep(ctx, &upload.SweepOptions{OlderThan: -1})
	require.NoError(t, err)
	if a.ID != "" {
		require.Equal(t, progress.Complete, a.Status, a.Error)
		b := &bench{t: t, ctx: ctx, store: folder}
		if len(o.ranges()) > 1 { // or the first process was killed before the break
			b.has(a, o)
		}
		assert.NotContains(t, b.everything("catalog/"), "secret")
	}
	require.Eventually(t, func() bool { // the mark goes behind the record
		for range folder.List(ctx, "catalog/due/") {
			return false
		}
		return true
	}, 10*time.Second, time.Millisecond)
	broken, err := invariant.Settled(ctx, folder, catalog)
	require.NoError(t, err)
	assert.Empty(t, broken)
	left, err := invariant.Temporary(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
	require.NoError(t, p.Shutdown(ctx))
}
