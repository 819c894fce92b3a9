package upload_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// remembering is a KeyProvider that remembers the keys it gave.
type remembering struct {
	hls.KeyProvider
	mu    sync.Mutex
	given map[string][]byte // by asset and id
}

func derived(t testing.TB, b byte) *remembering {
	t.Helper()
	keys, err := hls.NewDerivedKeys(map[string][]byte{"1": bytes.Repeat([]byte{b}, 32), "2": bytes.Repeat([]byte{b + 1}, 32)})
	require.NoError(t, err)
	return &remembering{KeyProvider: keys, given: map[string][]byte{}}
}

func (r *remembering) Key(ctx context.Context, asset, id string) ([]byte, error) {
	key, err := r.KeyProvider.Key(ctx, asset, id)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.given[asset+" "+id] = key
	}
	return key, err
}

// tap keeps what is ever put into a Store, and where: media, records and journals.
type tap struct {
	storage.Store
	all lockedBuffer
}

func (s *tap) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	fmt.Fprintln(&s.all, key)
	return s.Store.Put(ctx, key, io.TeeReader(r, &s.all), o)
}

// assertSecret looks for all keys that were given in what is not the service's memory.
func (r *remembering) assertSecret(t testing.TB, where []byte) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	assert.NotEmpty(t, r.given)
	for id, key := range r.given {
		for _, form := range testmedia.Forms(key) {
			assert.False(t, bytes.Contains(where, form), "key %s is there as %q", id, form)
		}
	}
}

// keyURIs returns the URIs of EXT-X-KEY of a media playlist.
func keyURIs(playlist string) (uris []string) {
	for line := range strings.Lines(playlist) {
		if _, uri, ok := strings.Cut(line, `#EXT-X-KEY:METHOD=AES-128,URI="`); ok {
			uris = append(uris, strings.TrimSuffix(strings.TrimSpace(uri), `"`))
		}
	}
	return uris
}

func TestEncryptedAsset(t *testing.T) {
	keys := derived(t, 1)
	var log lockedBuffer
	var put *tap
	b := newBench(t, func(b *bench) {
		put = &tap{Store: b.store}
		b.store = put
		f := encodertest.NewFake(b.store, &encodertest.FakeOptions{Duration: 30 * time.Second, Keys: keys})
		b.studio.probe = func(src encoder.Source) (encoder.Media, error) { return f.Probe(context.Background(), src) }
		b.studio.encode = f.Encode
		b.studio.version = "1" // so that there is a journal
		b.opts.CheckOff = false
		b.opts.Plan, b.opts.Keys = &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{Rotate: 2}, Stills: true}, keys
		b.opts.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	a := b.ended()
	require.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
	job := b.studio.jobs[0]
	assert.Equal(t, &encoder.Encryption{Asset: a.ID, Keys: "1-" + a.Attempt, Rotate: 2}, job.Encryption)
	for _, track := range []string{"v720", "audio"} {
		list := text(t, b.store, a.Output+"/"+track+"/index.m3u8")
		var want []string
		for n := range 3 {
			want = append(want, fmt.Sprintf("../../keys/1-%s-%d.key", a.Attempt, n))
		}
		assert.Equal(t, want, keyURIs(list), list)
	}
	assert.True(t, strings.HasPrefix(text(t, b.store, a.Poster), "\xff\xd8\xff"), "the poster is a clear JPEG")
	assert.NotContains(t, b.master(a), "I-FRAME")

	// Whoever may have the keys gets them where the playlists say.
	h := hls.NewHandler(b.store, &hls.HandlerOptions{Keys: keys, Authorize: func(r *http.Request, action, asset string) error {
		if action == hls.ActionKey && (asset != a.ID || r.Header.Get("Authorization") == "") {
			return fmt.Errorf("no %s of %s", action, asset)
		}
		return nil
	}})
	for _, who := range []string{"", "me"} {
		r := httptest.NewRequest(http.MethodGet, "/"+strings.TrimPrefix(path.Join(a.Output, "v720", "../../keys/1-"+a.Attempt+"-0.key"), "media/"), nil)
		r.Header.Set("Authorization", who)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, map[string]int{"": 403, "me": 200}[who], w.Code)
	}
	for _, kind := range []string{"journal/", "catalog/assets/", "/master.m3u8", ".m4s", `"key_id":"1-` + a.Attempt} {
		assert.Contains(t, put.all.String(), kind)
	}
	keys.assertSecret(t, []byte(put.all.String()))
	text, err := json.Marshal(b.studio.jobs)
	require.NoError(t, err)
	keys.assertSecret(t, text)
	keys.assertSecret(t, []byte(log.String()))
	events := fmt.Sprintf("%+v", b.rec.Events())
	keys.assertSecret(t, []byte(events))
}

// The check reads through the encryption: with other keys it refuses what was made.
func TestGateRefusesOtherKeys(t *testing.T) {
	for name, c := range map[string]struct {
		check hls.KeyProvider
		code  string
	}{
		"another secret": {derived(t, 3), upload.CodeNonconformant},
		"unknown": {keyFunc(func(context.Context, string, string) ([]byte, error) {
			return nil, fmt.Errorf("key: %w", storage.ErrNotExist)
		}), upload.CodeNonconformant},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFakeBench(t, &encodertest.FakeOptions{Keys: derived(t, 1)}, nil, func(o *upload.Options) {
				o.Plan, o.Keys, o.Retries = &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{}}, c.check, -1
			})
			a := b.ended()
			require.Equal(t, progress.Error, a.Status)
			assert.Equal(t, c.code, a.Error.Code, a.Error.Message)
			assert.NotContains(t, b.master(a), hls.IndexName)
		})
	}
}

// keyFunc is a KeyProvider.
type keyFunc func(ctx context.Context, asset, id string) ([]byte, error)

func (f keyFunc) Key(ctx context.Context, asset, id string) ([]byte, error) { return f(ctx, asset, id) }

// What an encoder leaves clear, or encrypts with another key than it was told, is never
// published.
func TestEncoderThatDoesNotEncrypt(t *testing.T) {
	for name, forget := range map[string]func(*encoder.Job){
		"clear":       func(j *encoder.Job) { j.Encryption = nil },
		"another key": func(j *encoder.Job) { j.Encryption = &encoder.Encryption{Asset: "x", Keys: "1-x"} },
	} {
		t.Run(name, func(t *testing.T) {
			keys := derived(t, 1)
			b := newFakeBench(t, &encodertest.FakeOptions{Keys: keys}, nil, func(o *upload.Options) {
				o.Plan, o.Keys = &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{}}, keys
			})
			b.studio.set(func(s *studio) {
				inner := s.encode
				s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
					forget(&job)
					return inner(ctx, job, emit)
				}
			})
			a := b.ended()
			require.Equal(t, progress.Error, a.Status)
			assert.Equal(t, encoder.CodeKeys, a.Error.Code)
			assert.True(t, a.Error.Permanent)
			assert.Empty(t, a.Playlist)
			b.eventually(func() bool { return len(keysOf(t, b.store, "media/")) == 0 }, "nor does it stay")
		})
	}
}

// Without keys an encoder does not begin, and the asset says why.
func TestEncoderWithoutKeys(t *testing.T) {
	b := newFakeBench(t, nil, nil, func(o *upload.Options) {
		o.Plan, o.Keys = &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{}}, derived(t, 1)
	})
	a := b.ended()
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, encoder.CodeKeys, a.Error.Code)
	assert.True(t, a.Error.Permanent)
	assert.Equal(t, 1, a.Runs)
	b.eventually(func() bool { return len(keysOf(t, b.store, "media/")) == 0 }, "nothing is there")
}

func TestNewRefusesEncryptionThatCannotBeChecked(t *testing.T) {
	s := newStore(t)
	fake := encodertest.NewFake(s, nil)
	try := func(o upload.Options) error {
		_, err := upload.New(s, fake, fake, &o)
		return err
	}
	plan := &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{}}
	assert.ErrorContains(t, try(upload.Options{Plan: plan}), "Options.Keys")
	assert.NoError(t, try(upload.Options{Plan: plan, CheckOff: true}))
	assert.NoError(t, try(upload.Options{Plan: plan, Keys: derived(t, 1)}))
	assert.NoError(t, try(upload.Options{Plan: &encoder.PlanOptions{}, Keys: derived(t, 1)}))
	plan.Encrypt.Generation = "a/b"
	assert.ErrorContains(t, try(upload.Options{Plan: plan, Keys: derived(t, 1)}), "Generation")
}

// A run that goes on uses the keys that were used before it: segments of both are in one
// playlist. Where encryption has changed meanwhile, a run begins anew.
func TestRestartGoesOnEncrypted(t *testing.T) {
	for name, c := range map[string]struct {
		before, after *encoder.EncryptOptions
		anew          bool
	}{
		"the same":        {&encoder.EncryptOptions{Rotate: 4}, &encoder.EncryptOptions{Rotate: 4}, false},
		"clear before":    {nil, &encoder.EncryptOptions{}, true},
		"clear from then": {&encoder.EncryptOptions{}, nil, true},
		"rotates":         {&encoder.EncryptOptions{}, &encoder.EncryptOptions{Rotate: 3}, true},
		"a new secret":    {&encoder.EncryptOptions{}, &encoder.EncryptOptions{Generation: "2"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &tap{Store: newStore(t)}
			keys := derived(t, 1)
			synctest.Test(t, func(t *testing.T) {
				opts, held := heldAt(12)
				opts.Keys = keys
				p := startService(t, s, nil, opts, upload.Options{Plan: &encoder.PlanOptions{Encrypt: c.before}, Keys: keys, KeepSuperseded: time.Second})
				a := film(t, p)
				<-held
				time.Sleep(time.Minute) // the sound is done
				p.interrupt(t)
				before := p.store.segments()
				a, _, err := p.catalog.Get(t.Context(), a.ID)
				require.NoError(t, err)
				output := a.Output

				p = startService(t, s, nil, encodertest.FakeOptions{Keys: keys}, upload.Options{Plan: &encoder.PlanOptions{Encrypt: c.after}, Keys: keys, KeepSuperseded: time.Second})
				a = p.end(t, a.ID)
				require.Equal(t, progress.Complete, a.Status, a.Error) // the check has read it all
				assert.Equal(t, c.anew, output != a.Output)
				if c.anew {
					assert.Equal(t, filmObjects, p.store.segments())
				} else {
					assert.Equal(t, filmObjects, before+p.store.segments(), "nothing is encoded twice")
				}
				want := 0 // keys
				if c.after != nil {
					want = 1
					if c.after.Rotate > 0 {
						want = (filmSegments + c.after.Rotate - 1) / c.after.Rotate
					}
				}
				lists := 0
				for _, key := range keysOf(t, s, a.Output+"/") {
					if strings.HasPrefix(path.Base(key), "index") {
						lists++
						uris := keyURIs(text(t, s, key))
						assert.Len(t, uris, want, key)
						for n, uri := range uris {
							assert.Equal(t, fmt.Sprintf("../../keys/%s-%s-%d.key", orOne(c.after.Generation), path.Base(a.Output), n), uri)
						}
					}
				}
				assert.Equal(t, filmTracks, lists)
				p.stop(t)
				settled(t, p)
				if c.before != nil || c.after != nil {
					keys.assertSecret(t, []byte(s.all.String()))
				}
			})
		})
	}
}

func orOne(s string) string {
	if s == "" {
		return "1"
	}
	return s
}

// Playlists of a bucket's website or a CDN lead to where the keys are, and the check finds
// the keys of such addresses, too.
func TestKeyURI(t *testing.T) {
	for name, uri := range map[string]func(asset, id string) string{
		"elsewhere":   func(asset, id string) string { return "https://api.example/keys/" + asset + "/" + id },
		"a query":     func(asset, id string) string { return "//api.example/keys?asset=" + asset + "&id=" + id + "#k" },
		"of the root": func(asset, id string) string { return "/private/" + asset + "/" + id },
		"relative":    func(_, id string) string { return "../../secret/" + id },
	} {
		t.Run(name, func(t *testing.T) {
			keys := derived(t, 1)
			b := newFakeBench(t, &encodertest.FakeOptions{Keys: keys}, nil, func(o *upload.Options) {
				o.Plan, o.Keys, o.KeyURI = &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{Rotate: 1}}, keys, uri
			})
			a := b.ended()
			require.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
			assert.Equal(t, []string{uri(a.ID, "1-"+a.Attempt+"-0"), uri(a.ID, "1-"+a.Attempt+"-1")}, keyURIs(text(t, b.store, a.Output+"/audio/index.m3u8")))
		})
	}
}

// Sweeping and tidying know that keys are no objects: nothing is taken for missing, nothing
// else is removed.
func TestSweepKeepsWhatIsEncrypted(t *testing.T) {
	keys := derived(t, 1)
	b := newFakeBench(t, &encodertest.FakeOptions{Keys: keys}, nil, func(o *upload.Options) {
		o.Plan, o.Keys = &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{Rotate: 1}}, keys
	})
	a := b.ended()
	require.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
	before := keysOf(t, b.store, "media/")
	report, err := b.Sweep(b.ctx, &upload.SweepOptions{OlderThan: -1})
	require.NoError(t, err)
	assert.Empty(t, report.Objects)
	assert.Empty(t, report.Restored)
	assert.Equal(t, before, keysOf(t, b.store, "media/"))
	refers, err := hls.References(b.ctx, b.store, "media/"+a.ID, []byte(b.master(a)))
	require.NoError(t, err)
	for key := range refers {
		assert.Contains(t, before, key)
	}
}

// A service whose videos are worth nothing to those who have no key: the bucket may be
// anybody's CDN.
func Example_encryption() {
	ctx := context.Background()
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	store := blobstore.New(bucket, nil)
	keys, err := hls.NewDerivedKeys(map[string][]byte{"1": []byte("made by chance, 32 bytes or more")})
	if err != nil {
		fmt.Println(err)
		return
	}
	enc := encodertest.NewFake(store, &encodertest.FakeOptions{Keys: keys}) // or ffmpeg.Options.Keys
	events := &progresstest.Recorder{}
	vod, err := upload.New(store, enc, enc, &upload.Options{
		Plan: &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{Rotate: 10}}, // a key for each minute
		Keys: keys, Sink: events,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := vod.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = vod.Shutdown(ctx) }()
	a, err := vod.Create(ctx, upload.NewAsset{ID: "film"}, strings.NewReader("a film"))
	if err != nil {
		fmt.Println(err)
		return
	}
	end, err := events.WaitTerminal(ctx, a.ID)
	fmt.Println(end.Status, err)
	media := hls.NewHandler(store, &hls.HandlerOptions{Keys: keys, Authorize: func(r *http.Request, action, asset string) error {
		if action == hls.ActionKey && r.Header.Get("Authorization") == "" {
			return fmt.Errorf("nobody has bought the %s", asset)
		}
		return nil
	}})
	for _, who := range []string{"", "a buyer"} {
		r := httptest.NewRequest(http.MethodGet, "/film/keys/1-"+a.Attempt+"-0.key", nil)
		r.Header.Set("Authorization", who)
		w := httptest.NewRecorder()
		media.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Content-Type"))
	}
	// Output:
	// COMPLETE <nil>
	// 403 application/json; charset=utf-8
	// 200 application/octet-stream
}
