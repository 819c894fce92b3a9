package ffmpeg_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// canary is what no input may reach: a server on the loopback address and files beside
// the uploads. Its videos are magenta, and all that it serves and holds names secret.
type canary struct {
	url    string // of the server, without a slash at its end
	dir    string // of the files: canary.mp4, canary.ts, canary.m3u8, canary.txt, img001.png
	secret string
	watch  *fileWatch

	mu       sync.Mutex
	requests []string
}

const magenta = "0xFF00FF"

// newCanary puts files into dir and starts the server.
func newCanary(t *testing.T, dir string) *canary {
	t.Helper()
	c := &canary{dir: dir, secret: "the canary sang 4f1c9a"}
	lavfi := []string{"-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "color=" + magenta + ":size=160x120:rate=25:duration=2"}
	for name, args := range map[string][]string{
		"canary.mp4": {"-c:v", "libx264", "-preset", "ultrafast", "-metadata", "title=" + c.secret},
		"canary.ts":  {"-c:v", "libx264", "-preset", "ultrafast", "-metadata", "service_name=" + c.secret},
		"img001.png": {"-frames:v", "1"},
	} {
		testmedia.Run(t, "ffmpeg", append(append(append([]string(nil), lavfi...), args...), filepath.Join(dir, name))...)
	}
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#" + c.secret + "\n#EXTINF:2,\ncanary.ts\n#EXT-X-ENDLIST\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "canary.m3u8"), []byte(playlist), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "canary.txt"), []byte(c.secret+"\n"), 0o600))
	files := http.FileServer(http.Dir(dir))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests = append(c.requests, r.Method+" "+r.URL.String())
		c.mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	c.url = srv.URL
	c.watch = watchFiles(t, dir)
	return c
}

// seen returns the requests and opened files since the last call.
func (c *canary) seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := append(c.requests, c.watch.opened()...)
	c.requests = nil
	return all
}

// A canary that does not sing proves nothing: an ffprobe without our whitelists reads
// the files and asks the server.
func TestCanarySings(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	c := newCanary(t, t.TempDir())
	crafted := filepath.Join(t.TempDir(), "a.m3u8")
	for what, uri := range map[string]string{"server": c.url + "/canary.ts", "file": "file:" + filepath.Join(c.dir, "canary.ts")} {
		require.NoError(t, os.WriteFile(crafted, []byte(hlsOf(uri)), 0o600))
		out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-protocol_whitelist", "file,http,tcp", "-show_entries", "stream=width", crafted).CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), "width=160", what)
		if what == "server" || c.watch.works() {
			assert.NotEmpty(t, c.seen(), what)
		}
	}
}

// No input reaches a server or a file beside it, whatever it names, with a source that
// is a file and with one that is read over loopback, in the probe and (over loopback) in
// an encode that was planned for another file. Where it is a video all the same, its own picture
// comes out.
func TestCanaryStaysUnseen(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	own := testmedia.Make(t, "own.mp4", "-f", "lavfi", "-i", "color=lime:size=160x120:rate=25:duration=2", "-c:v", "libx264", "-preset", "ultrafast")
	plan := &encoder.PlanOptions{MaxRenditions: 1}
	for name, open := range map[string]func(*testing.T) (storage.Store, string){
		"file": func(t *testing.T) (storage.Store, string) {
			dir := t.TempDir()
			store, err := blobstore.OpenFile(dir, nil)
			require.NoError(t, err)
			t.Cleanup(func() { _ = store.Close() })
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "sources", "a"), 0o700))
			return store, filepath.Join(dir, "sources", "a")
		},
		"memory": func(t *testing.T) (storage.Store, string) { return memStore(t), t.TempDir() },
	} {
		t.Run(name, func(t *testing.T) {
			store, dir := open(t)
			c := newCanary(t, dir)
			ff := ffmpeg.New(store, &ffmpeg.Options{Preset: "ultrafast", Threads: 1})
			good := encode(t, ff, store, putBytes(t, store, "sources/a/own", read(t, own)), plan)
			require.Empty(t, c.seen())
			inputs := craft(t, c, own)
			require.GreaterOrEqual(t, len(inputs), 30)
			for _, in := range inputs {
				if name == "file" && !in.video && bytes.Contains(in.data, []byte(c.url)) {
					continue // only the file protocol is let through there
				}
				t.Run(in.name, func(t *testing.T) {
					key := in.key
					if key == "" {
						key = "sources/a/0"
					}
					src := putBytes(t, store, key, in.data)
					said, job := try(t, ff, src, plan)
					if in.video {
						require.NotNil(t, job, said)
					}
					if job != nil {
						out := encodeJob(t, ff, store, *job)
						if job.Tracks[0].Kind == hls.Video {
							near(t, color.RGBA{G: 255}, pixel(t, out.file(t, job.Tracks[0].ID), 1.5, 0.5, 0.5), "its own picture")
						}
						said += out.everything(t)
					}
					if job != nil || name == "file" {
						assert.NotContains(t, said, c.secret)
						assert.Empty(t, c.seen(), "the canary was reached")
						return
					}
					// The file was swapped after the probe.
					swapped := good.job
					swapped.Source = src
					if err := ff.Encode(t.Context(), swapped, func(encoder.Update) error { return nil }); err != nil {
						said += explain(err)
					}
					assert.NotContains(t, said, c.secret)
					assert.Empty(t, c.seen(), "the canary was reached")
				})
			}
		})
	}
}

// try probes and plans. It returns all that was said, and a job where there is one.
func try(t *testing.T, ff *ffmpeg.Encoder, src encoder.Source, opts *encoder.PlanOptions) (string, *encoder.Job) {
	t.Helper()
	m, err := ff.Probe(t.Context(), src)
	raw, _ := json.Marshal(m)
	if err == nil {
		var grid encoder.Grid
		var tracks []encoder.TrackSpec
		if grid, tracks, err = encoder.Plan(m, opts); err == nil {
			return string(raw), &encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/b/1", Source: src, Media: m, Grid: grid, Tracks: tracks}
		}
	}
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.True(t, e.Permanent, "%v", err)
	return string(raw) + explain(err), nil
}

func explain(err error) string {
	var e *encoder.Error
	if errors.As(err, &e) {
		return err.Error() + e.Stderr
	}
	return err.Error()
}

// everything returns the bytes of all that was stored.
func (o output) everything(t *testing.T) string {
	t.Helper()
	var all bytes.Buffer
	for info, err := range o.store.List(t.Context(), o.job.Output+"/") {
		require.NoError(t, err)
		obj, err := o.store.Open(t.Context(), info.Key, nil)
		require.NoError(t, err)
		_, err = io.Copy(&all, obj)
		require.NoError(t, err)
		require.NoError(t, obj.Close())
	}
	return all.String()
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return raw
}

func putBytes(t *testing.T, store storage.Store, key string, data []byte) encoder.Source {
	t.Helper()
	info, err := store.Put(t.Context(), key, bytes.NewReader(data), nil)
	require.NoError(t, err)
	return encoder.Source{Parts: []encoder.Part{{Key: info.Key, Size: info.Size, ETag: info.ETag}}}
}

func hlsOf(uri string) string {
	return fmt.Sprintf("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n%s\n#EXT-X-ENDLIST\n", uri)
}
