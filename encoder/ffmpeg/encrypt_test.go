package ffmpeg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/storage"
)

// derived are keys of a master secret that b fills.
func derived(t *testing.T, b byte) *hls.DerivedKeys {
	t.Helper()
	keys, err := hls.NewDerivedKeys(map[string][]byte{"1": bytes.Repeat([]byte{b}, 32)})
	require.NoError(t, err)
	return keys
}

// keyFunc is a hls.KeyProvider.
type keyFunc func(ctx context.Context, asset, id string) ([]byte, error)

func (f keyFunc) Key(ctx context.Context, asset, id string) ([]byte, error) { return f(ctx, asset, id) }

// publish encodes the job and publishes what comes.
func publish(t *testing.T, enc encoder.Encoder, store storage.Store, job encoder.Job) {
	t.Helper()
	p, err := hls.NewPublisher(store, path.Dir(job.Output), path.Base(job.Output), job.Presentation(), nil)
	require.NoError(t, err)
	require.NoError(t, enc.Encode(t.Context(), job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			return p.Init(t.Context(), *u.Init)
		case u.Segment != nil:
			return p.Segment(t.Context(), *u.Segment)
		}
		return nil
	}))
	require.NoError(t, p.Finish(t.Context()))
}

// An encrypted presentation, made in windows and with a key for every second segment,
// decodes in ffmpeg itself to the frames and the sound of the clear one, is clean for
// hls/check, and is nothing without its keys.
func TestEncryptedPresentation(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	dir := t.TempDir()
	text := filepath.Join(dir, "text.srt")
	require.NoError(t, os.WriteFile(text, []byte(srt), 0o600))
	made := func(name string, args ...string) string {
		file := filepath.Join(dir, name)
		in := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=192x108:r=25:d=20", "-f", "lavfi", "-i", "sine=r=48000:d=20", "-i", text,
			"-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1"}
		testmedia.Run(t, "ffmpeg", append(append(in, args...), file)...)
		return file
	}
	for name, source := range map[string]string{
		"encoded": made("a.mkv", "-g", "250", "-c:a", "flac", "-c:s", "srt"),
		"copied":  made("b.mp4", "-crf", "35", "-g", "40", "-bf", "2", "-c:a", "aac", "-ac", "2", "-c:s", "mov_text"),
	} {
		t.Run(name, func(t *testing.T) {
			store := fileStore(t)
			var asked atomic.Int64
			keys := derived(t, 1)
			ff := ffmpeg.New(store, &ffmpeg.Options{Preset: "ultrafast", Threads: 1, Keys: keyFunc(func(ctx context.Context, asset, id string) ([]byte, error) {
				asked.Add(1)
				return keys.Key(ctx, asset, id)
			})})
			enc := encoder.Parallel(ff, &encoder.ParallelOptions{Workers: 2})
			src := put(t, store, source)
			m, err := ff.Probe(t.Context(), src)
			require.NoError(t, err)
			opts := &encoder.PlanOptions{MaxRenditions: 1, Stills: true, Encrypt: &encoder.EncryptOptions{Rotate: 2}}
			grid, tracks, err := encoder.Plan(m, opts)
			require.NoError(t, err)
			require.Equal(t, name == "copied", tracks[0].Copy)
			job := encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/clear/1", Source: src, Media: m, Grid: grid, Tracks: tracks}
			publish(t, enc, store, job)
			assert.Zero(t, asked.Load())
			job.Output, job.Encryption = "media/sealed/1", opts.Encrypt.Encryption("sealed", "1")
			publish(t, enc, store, job)
			assert.Positive(t, asked.Load())

			var mu sync.Mutex
			fetched := map[string]bool{} // paths of keys
			handler := hls.NewHandler(store, &hls.HandlerOptions{Keys: keys, Authorize: func(r *http.Request, action, asset string) error {
				if action == hls.ActionKey {
					mu.Lock()
					defer mu.Unlock()
					fetched[r.URL.Path] = true
				}
				return nil
			}})
			server := httptest.NewServer(handler)
			defer server.Close()
			for _, stream := range []string{"0:v:0", "0:a:0"} {
				md5 := func(asset string) string {
					// ffmpeg goes by extensions that it knows unless it is told.
					return testmedia.Run(t, "ffmpeg", "-v", "error", "-allowed_extensions", "ALL", "-i", server.URL+"/"+asset+"/master.m3u8", "-map", stream, "-f", "framemd5", "-")
				}
				clear := md5("clear")
				assert.Greater(t, strings.Count(clear, "\n"), 400, stream)
				assert.Equal(t, clear, md5("sealed"), stream)
			}
			assert.Len(t, fetched, 2, "%v", fetched) // of four segments
			assert.True(t, fetched["/sealed/keys/1-1-1.key"])

			assertCheck(t, store, "clear", nil, "")
			assertCheck(t, store, "sealed", keys, "")
			assertCheck(t, store, "sealed", derived(t, 2), "RFC-4.3.2.4 ISO-4.2")
			assertNoKey(t, store, keys, job)
		})
	}
}

// assertCheck has hls/check read an asset through its encryption. want are rules one of
// which is broken, "" for none.
func assertCheck(t *testing.T, store storage.Store, asset string, keys hls.KeyProvider, want string) {
	t.Helper()
	opts := &check.Options{Profiles: []check.Profile{check.Conformance}}
	if keys != nil {
		opts.Key = func(ctx context.Context, uri string) ([]byte, error) {
			id, ok := strings.CutSuffix(strings.TrimPrefix(uri, "keys/"), ".key")
			require.True(t, ok, uri)
			return keys.Key(ctx, asset, id)
		}
	}
	report, err := check.Run(t.Context(), check.Store(storage.Prefix(store, "media/"+asset)), hls.MasterName, opts)
	require.NoError(t, err)
	if want == "" {
		require.NoError(t, report.Err())
		assert.Empty(t, report.Findings)
		for _, track := range report.Tracks {
			assert.Equal(t, keys != nil, track.Encrypted, track.URI)
			if track.Kind != "iframes" && track.Kind != "subtitles" {
				assert.True(t, track.Measured, track.URI)
			}
		}
		return
	}
	var bad *check.NonconformanceError
	require.ErrorAs(t, report.Err(), &bad)
	assert.Contains(t, want, bad.Findings[0].Rule)
}

// assertNoKey looks for the keys of the job in everything that is stored and in the job.
func assertNoKey(t *testing.T, store storage.Store, keys hls.KeyProvider, job encoder.Job) {
	t.Helper()
	var all []byte
	for info, err := range store.List(t.Context(), "") {
		require.NoError(t, err)
		obj, err := store.Open(t.Context(), info.Key, nil)
		require.NoError(t, err)
		var b bytes.Buffer
		_, err = b.ReadFrom(obj)
		require.NoError(t, err)
		require.NoError(t, obj.Close())
		all = append(all, b.Bytes()...)
	}
	text, err := json.Marshal(job)
	require.NoError(t, err)
	all = append(all, text...)
	for number := range job.Grid.Segments() {
		key, err := keys.Key(t.Context(), job.Encryption.Asset, job.Encryption.KeyID(number))
		require.NoError(t, err)
		for _, form := range testmedia.Forms(key) {
			assert.False(t, bytes.Contains(all, form), "key %d is there as %q", number, form)
		}
	}
}

// An encoder that cannot encrypt does not begin, and says what is missing.
func TestEncryptWithoutKeys(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	file := testmedia.Make(t, "a.mp4", append(testmedia.Video("128x72", "25", "8"), "-c:v", "libx264", "-preset", "ultrafast")...)
	for name, c := range map[string]struct {
		keys      hls.KeyProvider
		permanent bool
	}{
		"none":    {nil, true},
		"unknown": {derived(t, 1), true},
		"sealed":  {keyFunc(func(context.Context, string, string) ([]byte, error) { return nil, errors.New("the vault is sealed") }), false},
		"later": {keyFunc(func(_ context.Context, _, id string) ([]byte, error) {
			if id == "2-a-0" {
				return make([]byte, 16), nil
			}
			return nil, errors.New("the vault is sealed")
		}), false},
	} {
		t.Run(name, func(t *testing.T) {
			store := fileStore(t)
			ff := ffmpeg.New(store, &ffmpeg.Options{Preset: "ultrafast", Keys: c.keys})
			src := put(t, store, file)
			m, err := ff.Probe(t.Context(), src)
			require.NoError(t, err)
			grid, tracks, err := encoder.Plan(m, nil)
			require.NoError(t, err)
			job := encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid, Tracks: tracks}
			job.Encryption = &encoder.Encryption{Asset: "a", Keys: "2-a", Rotate: 1}
			segments := 0
			err = ff.Encode(t.Context(), job, func(u encoder.Update) error {
				if u.Segment != nil {
					segments++
				}
				return nil
			})
			var e *encoder.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, encoder.CodeKeys, e.Code)
			assert.Equal(t, c.permanent, e.Permanent)
			if name == "later" {
				assert.Equal(t, 1, segments, "what was encrypted is there")
				return
			}
			for info, err := range store.List(t.Context(), "media/") {
				require.NoError(t, err)
				assert.Fail(t, "something was stored", info.Key)
			}
		})
	}
}
