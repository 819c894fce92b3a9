//go:build unix

package upload_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/faults"
	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/presign"
	"github.com/vodkit/vodkit/upload"
)

// The film of this walk, in three parts.
var presignFilm = strings.Repeat("a film", 500)

func newPresignFault(t *testing.T, folder *blobstore.Store, store storage.Store, sink progress.Sink, o upload.Options) (*upload.Pipeline, *upload.StoreCatalog, *presign.Handler) {
	t.Helper()
	direct, err := presign.New(store, "/direct", [][]byte{presignSecret}, &presign.Options{PartSize: 1024})
	require.NoError(t, err)
	o.Presign = direct
	p, catalog, err := newFaultPipeline(t.Context(), folder, store, sink, o)
	require.NoError(t, err)
	return p, catalog, direct
}

// sendParts sends what is missing.
func sendParts(t *testing.T, direct http.Handler, u upload.PresignedUpload) {
	t.Helper()
	for _, part := range u.Parts {
		if part.Stored.IsZero() {
			body := strings.NewReader(presignFilm[part.Offset : part.Offset+part.Size])
			w := httptest.NewRecorder()
			direct.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), part.Method, part.URL, body))
			require.Equal(t, http.StatusOK, w.Code, w.Body)
		}
	}
}

// TestPresignFaultVictim is the process that is killed.
func TestPresignFaultVictim(t *testing.T) {
	dir := faults.Dir()
	if dir == "" {
		t.Skip("only for TestPresignKilledAtEachWrite")
	}
	folder, err := blobstore.OpenFile(dir, &blobstore.Options{BufferSize: 1000})
	require.NoError(t, err)
	defer folder.Close()
	ended := make(chan progress.Event, 100)
	p, _, direct := newPresignFault(t, folder, faults.NewStore(folder), progress.SinkFunc(func(_ context.Context, e progress.Event) {
		if e.Status.Terminal() {
			fmt.Println("event", e.Asset, e.Attempt, e.Status)
			ended <- e
		}
	}), upload.Options{KeepSuperseded: time.Millisecond})

	// One that is given up, and one that becomes an asset.
	gone, err := p.Presign(t.Context(), upload.NewAsset{ID: "gone", Size: int64(len(presignFilm))}, nil)
	require.NoError(t, err)
	gone.Parts = gone.Parts[:1]
	sendParts(t, direct, gone)
	require.NoError(t, p.AbandonSession(t.Context(), gone.ID))

	u, err := p.Presign(t.Context(), upload.NewAsset{ID: "film", Size: int64(len(presignFilm))}, nil)
	require.NoError(t, err)
	fmt.Println("begun", u.ID)
	sendParts(t, direct, u)
	a, err := p.CompletePresigned(t.Context(), u.ID)
	require.NoError(t, err)
	fmt.Println("accepted", a.ID, a.Attempt)
	require.Equal(t, progress.Complete, (<-ended).Status)
	require.NoError(t, p.Shutdown(t.Context()))
}

// A process that is killed anywhere in an upload to the bucket leaves one that its client
// goes on with, or nothing, and never two assets.
func TestPresignKilledAtEachWrite(t *testing.T) {
	_, points, killed, err := faults.Run("TestPresignFaultVictim", t.TempDir(), "")
	require.NoError(t, err)
	require.False(t, killed)
	for _, want := range []string{
		"before put session #1", "after put session #1", "after put session #2", "within put source #1", "after delete source #1", "after delete session #1",
		"after put session #3", "before put session #4", "before put source #2", "within put source #3", "after put source #4",
		"before put record READY/queued #1", "after put record READY/queued #1", "before put session #5", "after put session #5",
	} {
		require.Contains(t, points, want)
	}
	points = slices.DeleteFunc(points, func(point string) bool { // what comes later is in TestKilledAtEachWrite
		return !strings.Contains(point, "session") && !strings.Contains(point, "source") && !strings.Contains(point, "READY")
	})
	faults.Walk(t, "TestPresignFaultVictim", points, 4, presignGoesOn)
}

// presignGoesOn is the process behind the one that was killed, and the clients' next try.
func presignGoesOn(t *testing.T, dir string, lines []string) {
	t.Helper()
	ledger := ledgerOf(lines)
	folder, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	defer folder.Close()
	p, _, direct := newPresignFault(t, folder, folder, progress.SinkFunc(func(_ context.Context, e progress.Event) {
		if e.Status.Terminal() {
			ledger.Line(fmt.Sprintln("event", e.Asset, e.Attempt, e.Status))
		}
	}), upload.Options{RetryDelay: time.Millisecond, KeepSuperseded: time.Millisecond, Lease: time.Second, Logger: testLog(t)})
	var u upload.PresignedUpload
	if slices.Contains(lines, "begun film") {
		u, err = p.Presigned(t.Context(), "film")
	} else { // its client was told of nothing
		u, err = p.Presign(t.Context(), upload.NewAsset{Size: int64(len(presignFilm))}, nil)
	}
	if err != nil {
		require.ErrorIs(t, err, upload.ErrEnded)
		u.ID = "film"
	}
	sendParts(t, direct, u)
	a, err := p.CompletePresigned(t.Context(), u.ID)
	require.NoError(t, err)
	assert.EqualValues(t, len(presignFilm), a.Size)
	ledger.Line(fmt.Sprintln("accepted", a.ID, a.Attempt))
	require.Eventually(t, func() bool {
		got, err := p.Get(t.Context(), a.ID)
		return err == nil && got.Status == progress.Complete && !got.Unfinished()
	}, 30*time.Second, 5*time.Millisecond)
	got, err := p.Get(t.Context(), a.ID)
	require.NoError(t, err)
	assert.Equal(t, a.Attempt, got.Attempt)
	assert.Equal(t, 1, got.Attempts)
	require.NoError(t, p.Shutdown(t.Context()))

	// What nobody goes on with expires, and what came of it is swept.
	p, catalog, _ := newPresignFault(t, folder, folder, nil, upload.Options{SessionExpiry: time.Millisecond})
	require.Eventually(t, func() bool { return len(keysOf(t, folder, "uploads/")) == 0 }, 30*time.Second, 5*time.Millisecond)
	_, err = p.Sweep(t.Context(), &upload.SweepOptions{OlderThan: -1})
	require.NoError(t, err)
	assets, err := p.List(t.Context(), upload.Query{})
	require.NoError(t, err)
	assert.Len(t, assets, 1)
	for _, check := range []func() ([]string, error){
		func() ([]string, error) { return ledger.Broken(t.Context(), catalog) },
		func() ([]string, error) { return invariant.Settled(t.Context(), folder, catalog) },
		func() ([]string, error) { return invariant.Temporary(dir) },
	} {
		broken, err := check()
		require.NoError(t, err)
		assert.Empty(t, broken)
	}
	require.NoError(t, p.Shutdown(t.Context()))
}
