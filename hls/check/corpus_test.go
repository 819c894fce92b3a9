package check_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/storage/blobstore"
)

var serverTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func itoa(n int) string { return strconv.Itoa(n) }

// Playlists that others published parse, and the errors in them are the known ones. Their
// media is not here.
func TestPublishedPlaylists(t *testing.T) {
	dir := os.Getenv("VODKIT_MEDIA")
	if dir == "" {
		t.Skip("VODKIT_MEDIA is not set: the collection of real files is not here")
	}
	root := filepath.Join(dir, "m3u8")
	if _, err := os.Stat(root); err != nil {
		t.Skip("VODKIT_MEDIA has no m3u8")
	}
	folder, err := check.Dir(root)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, folder.Close()) })
	n := 0
	var found strings.Builder
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		r, err := check.Run(t.Context(), folder, filepath.ToSlash(name), &check.Options{Skip: []string{"READ"}})
		require.NoError(t, err, name)
		// One is an excerpt, with EXT-X-SESSION-DATA alone.
		assert.Equal(t, strings.Contains(name, "8.8-Session-Data"), len(r.Tracks) == 0, name)
		for _, f := range r.Findings {
			if f.Severity == check.Error {
				fmt.Fprintf(&found, "%s\t%s:%d\n", f.Rule, filepath.ToSlash(name), f.Where.Line)
			}
		}
		return nil
	}))
	assert.Positive(t, n)
	const golden = "testdata/published.tsv"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(found.String()), 0o644))
	}
	assert.Equal(t, strings.ReplaceAll(string(read(t, golden)), "\r\n", "\n"), found.String())
}

// What the real encoder and the Publisher make of a real source conforms.
func TestFFmpeg(t *testing.T) {
	for _, tool := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not on PATH")
		}
	}
	file := filepath.Join(t.TempDir(), "source.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30000/1001:duration=14.3",
		"-f", "lavfi", "-i", "sine=frequency=440:duration=14.3", "-ac", "2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", file).CombinedOutput()
	require.NoError(t, err, string(out))
	body, err := os.Open(file)
	require.NoError(t, err)
	defer body.Close()

	bucket := memblob.OpenBucket(nil)
	t.Cleanup(func() { require.NoError(t, bucket.Close()) })
	store := blobstore.New(bucket, nil)
	info, err := store.Put(t.Context(), "sources/1", body, nil)
	require.NoError(t, err)
	enc := ffmpeg.New(store, nil)
	src := encoder.Source{Parts: []encoder.Part{{Key: "sources/1", Size: info.Size}}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	media, err := enc.Probe(ctx, src)
	require.NoError(t, err)
	grid, tracks, err := encoder.Plan(media, nil)
	require.NoError(t, err)
	job := encoder.Job{Version: encoder.JobVersion, ID: "1", Output: "media/42/a1", Source: src, Media: media, Grid: grid, Tracks: tracks}
	p, err := hls.NewPublisher(store, "media/42", "a1", job.Presentation(), nil)
	require.NoError(t, err)
	require.NoError(t, enc.Encode(ctx, job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			return p.Init(ctx, *u.Init)
		case u.Segment != nil:
			return p.Segment(ctx, *u.Segment)
		}
		return nil
	}))

	growing := objects(t, store)
	r, err := check.Run(ctx, growing, master, nil)
	require.NoError(t, err)
	require.NoError(t, r.Err())
	assert.True(t, r.Growing)

	require.NoError(t, p.Finish(ctx))
	r, err = check.Run(ctx, objects(t, store), master, &check.Options{Expected: media.Duration})
	require.NoError(t, err)
	for _, f := range r.Findings {
		if f.Profile == check.Conformance {
			t.Error(f)
		} else {
			t.Log(f)
		}
	}
	for _, id := range rules(r) {
		assert.True(t, strings.HasPrefix(id, "M") || strings.HasPrefix(id, "S"), id)
	}
}
