//go:build unix

package tus_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/faults"
	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// The film of the fault walk: its end is longer than what is held back of a body with a
// checksum, so that there are parts behind a gap.
var faultFilm = noise(2*mib + 5000)

// cuts are where its requests begin.
var cuts = []int{0, 1000, 2500, 4000, len(faultFilm)}

// TestFaultVictim is the process that is killed.
func TestFaultVictim(t *testing.T) {
	dir := faults.Dir()
	if dir == "" {
		t.Skip("only for TestKilledAtEachWrite")
	}
	folder, err := blobstore.OpenFile(dir, &blobstore.Options{BufferSize: 1000})
	require.NoError(t, err)
	defer folder.Close()
	b := newBench(t, func(b *bench) { b.store = faults.NewStore(folder) })
	// One upload that is taken back, and one that becomes an asset.
	gone := b.create(100)
	fmt.Println("created", gone)
	require.Equal(t, 204, b.patch(gone, 0, "a bit of it").StatusCode)
	fmt.Println("terminate", gone)
	require.Equal(t, 204, b.do("DELETE", gone, nil).StatusCode)
	fmt.Println("terminated", gone)

	path := b.create(len(faultFilm))
	fmt.Println("created", path)
	for i, at := range cuts[:len(cuts)-1] {
		data := faultFilm[at:cuts[i+1]]
		var head []string
		if i%2 == 1 {
			head = withSum(data)
		}
		require.Equal(t, 204, b.patch(path, at, string(data), head...).StatusCode)
		fmt.Println("has", path, at+len(data))
	}
	_, err = b.rec.WaitTerminal(t.Context(), idOf(path))
	require.NoError(t, err)
}

func withSum(data []byte) []string {
	sum := sha1.Sum(data)
	return []string{"Upload-Checksum", "sha1 " + base64.StdEncoding.EncodeToString(sum[:])}
}

// A process that is killed anywhere in an upload loses nothing that it has answered for, and
// the upload becomes one asset: by its client, or, where all was there, without it.
func TestKilledAtEachWrite(t *testing.T) {
	_, points, killed, err := faults.Run("TestFaultVictim", t.TempDir(), "")
	require.NoError(t, err)
	require.False(t, killed)
	for _, want := range []string{
		"before put session #1", "within put source #1", "after delete source #1", "before delete session #1", "after delete session #1",
		"after put session #2", "before put source #2", "after put source #3", "within put source #4", "after put source #5",
		"before put record READY/queued #1", "after put record READY/queued #1", "before put session #3", "after put session #3",
	} {
		require.Contains(t, points, want)
	}
	var ours []string // what comes when the asset is recorded is in upload's own walk
	for _, point := range points {
		for _, kind := range []string{"session", "source", "READY", "mark"} {
			if strings.Contains(point, kind) {
				ours = append(ours, point)
				break
			}
		}
	}
	faults.Walk(t, "TestFaultVictim", ours, 4, goOn)
}

// goOn is the process behind the one that was killed, and the clients' next try.
func goOn(t *testing.T, dir string, lines []string) {
	t.Helper()
	folder, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = folder.Close() }) // behind the bench
	b := newBench(t, func(b *bench) {
		b.store, b.opts = folder, upload.Options{KeepSuperseded: -1, RetryDelay: time.Millisecond, Lease: time.Second}
	})
	uploads, has, ends := []string{}, map[string]int{}, map[string]string{}
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.HasPrefix(words[1], "/uploads/") {
			continue
		}
		switch words[0] {
		case "created":
			uploads = append(uploads, words[1])
		case "has":
			has[words[1]], err = strconv.Atoi(words[2])
			require.NoError(t, err)
		default:
			ends[words[1]] = words[0]
		}
	}
	for i, path := range uploads {
		head := b.do("HEAD", path, nil)
		if i == 0 { // its client has taken it back, or does so now
			if ends[path] == "terminated" {
				assert.Equal(t, 404, head.StatusCode)
			}
			status := b.do("DELETE", path, nil).StatusCode
			assert.True(t, status == 204 || status == 404 && ends[path] != "", status)
			continue
		}
		require.Equal(t, 200, head.StatusCode)
		at := b.offset(path)
		assert.GreaterOrEqual(t, at, has[path], "what was answered for is there")
		for at < len(faultFilm) {
			a := b.patch(path, at, string(faultFilm[at:]), withSum(faultFilm[at:])...)
			require.Equal(t, 204, a.StatusCode, a.body)
			at = b.offset(path)
		}
		b.stored(path, faultFilm)
	}
	catalog := upload.NewStoreCatalog(folder, nil)
	b.stop()

	// What no client knows of expires.
	p, err := newPipeline(t.Context(), folder, upload.Options{Catalog: catalog, SessionExpiry: time.Nanosecond, KeepSuperseded: -1, Lease: time.Second})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		for range folder.List(t.Context(), "uploads/") {
			return false
		}
		for a, err := range catalog.List(t.Context(), upload.Query{}) {
			if err != nil || a.Unfinished() {
				return false
			}
		}
		return true
	}, 30*time.Second, 5*time.Millisecond, "nothing stays undone")
	_, err = p.Sweep(t.Context(), &upload.SweepOptions{OlderThan: -1})
	require.NoError(t, err)
	assets, err := p.List(t.Context(), upload.Query{})
	require.NoError(t, err)
	assert.LessOrEqual(t, len(assets), 1)
	nothing := func(broken []string, err error) {
		t.Helper()
		require.NoError(t, err)
		assert.Empty(t, broken)
	}
	nothing(invariant.Settled(t.Context(), folder, catalog))
	require.NoError(t, p.Shutdown(t.Context()))
	nothing(invariant.Temporary(dir))
}

// All bytes are there, and the process dies before they are an asset: the next one makes it,
// although its client never comes back.
func TestFinishedByTheNext(t *testing.T) {
	dir := t.TempDir()
	lines, _, killed, err := faults.Run("TestFaultVictim", dir, "before put record READY/queued #1")
	require.NoError(t, err)
	require.True(t, killed)
	path := strings.Fields(lines[len(lines)-1])[1]
	folder, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = folder.Close() }) // behind the bench
	b := newBench(t, func(b *bench) {
		b.store, b.opts = folder, upload.Options{KeepSuperseded: -1, RetryDelay: time.Millisecond, Lease: time.Second}
	})
	require.Eventually(t, func() bool {
		_, err := b.pipeline.Get(t.Context(), idOf(path))
		return err == nil
	}, 10*time.Second, 5*time.Millisecond)
	b.stored(path, faultFilm)
}
