package check_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/storage"
)

// authoring is what the good presentation lacks: the fake has one picture for all
// renditions, and tells no keyframes, so that there are no I-frame playlists.
var authoring = []string{"M6.1", "M9.9"}

func TestGood(t *testing.T) {
	r := newPresentation(t).run(&check.Options{Expected: 20040 * time.Millisecond})
	require.NoError(t, r.Err())
	assert.Equal(t, authoring, rules(r))
	assert.Len(t, r.Findings, 2)
	assert.Zero(t, r.Omitted)
	assert.Zero(t, r.Missing)
	assert.Equal(t, 20040*time.Millisecond, r.Duration)
	assert.False(t, r.Growing)

	require.Len(t, r.Variants, 2)
	for _, v := range r.Variants { // the Publisher measures the same
		assert.InDelta(t, v.Bandwidth, v.Peak, 2)
		assert.InDelta(t, v.AverageBandwidth, v.Average, 2)
		assert.Equal(t, "128x72", v.Resolution)
	}
	require.Len(t, r.Tracks, 3)
	want := check.Track{
		URI: high, Kind: "video", Format: "fmp4", Codecs: "avc1.4d400b", Width: 128, Height: 72, FrameRate: 25,
		TargetDuration: 6, Segments: 4, Read: 4, Size: 45608, Declared: 20040 * time.Millisecond, Duration: 20040 * time.Millisecond,
		Measured: true, Peak: 18745, Average: 18207,
	}
	// Sizes and rates are those of the fake's recording.
	want.Size, want.Peak, want.Average = r.Tracks[0].Size, r.Tracks[0].Peak, r.Tracks[0].Average
	assert.Equal(t, want, r.Tracks[0])
	assert.Equal(t, "English", r.Tracks[2].Name)
	assert.Equal(t, 48000, r.Tracks[2].SampleRate)
	assert.Equal(t, 2, r.Tracks[2].Channels)
	assert.Equal(t, "mp4a.40.2", r.Tracks[2].Codecs)

	b, err := json.Marshal(r)
	require.NoError(t, err)
	var back check.Report
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, r, back)
}

// Whatever the frame rate and the length, what the Publisher writes conforms.
func TestGoodGrids(t *testing.T) {
	for _, frames := range []int64{1, 149, 150, 151, 299, 301, 1000} {
		p := newGrid(t, plan(frames))
		r := p.run(&check.Options{Profiles: []check.Profile{check.Conformance}, Expected: time.Duration(frames) * 40 * time.Millisecond})
		assert.Empty(t, r.Findings, "%d frames", frames)
	}
}

func TestGrowing(t *testing.T) {
	store := newStore(t)
	job := plan(501)
	publish(t, store, job, false)
	r, err := check.Run(t.Context(), objects(t, store), master, nil)
	require.NoError(t, err)
	assert.True(t, r.Growing)
	require.NoError(t, r.Err())
	// This plan has no bit rates, so that the first segment's are provisional.
	assert.Equal(t, []string{"M9.13", "M9.9"}, rules(r), "%v", r.Findings)
	assert.Zero(t, r.Count(check.Error))
	assert.Equal(t, 20040*time.Millisecond, r.Duration)

	r, err = check.Run(t.Context(), objects(t, store), master, &check.Options{Expected: time.Minute})
	require.NoError(t, err)
	assert.Equal(t, time.Minute-20040*time.Millisecond, r.Missing)
	require.ErrorContains(t, r.Err(), "39.96s are missing, 66.6 %")
}

func TestMediaPlaylistAlone(t *testing.T) {
	p := newPresentation(t)
	r, err := check.Run(t.Context(), p.objs, high, nil)
	require.NoError(t, err)
	assert.Empty(t, r.Findings)
	assert.Empty(t, r.Variants)
	require.Len(t, r.Tracks, 1)
	assert.Equal(t, "video", r.Tracks[0].Kind)
}

func TestCoverage(t *testing.T) {
	p := newPresentation(t)
	for _, c := range []struct {
		expected, tolerance, missing time.Duration
		found                        bool
	}{
		{20 * time.Second, 0, 0, false},
		{26 * time.Second, 0, 5960 * time.Millisecond, false},
		{27 * time.Second, 0, 6960 * time.Millisecond, true},
		{21 * time.Second, time.Second, 960 * time.Millisecond, false},
		{22 * time.Second, time.Second, 1960 * time.Millisecond, true},
	} {
		r := p.run(&check.Options{Expected: c.expected, Tolerance: c.tolerance, Profiles: []check.Profile{check.Conformance}})
		assert.Equal(t, c.missing, r.Missing)
		assert.Equal(t, c.found, slices.Contains(rules(r), "COVERAGE"), "%+v", c)
		assert.Equal(t, c.found, r.Err() != nil)
	}
}

func TestSkipAndProfiles(t *testing.T) {
	p := newPresentation(t)
	assert.Equal(t, []string{"M6.1"}, rules(p.run(&check.Options{Skip: []string{"M9.9"}})))
	assert.Empty(t, rules(p.run(&check.Options{Profiles: []check.Profile{check.Conformance}})))
	assert.Equal(t, authoring, rules(p.run(&check.Options{Profiles: []check.Profile{check.Authoring}})))
}

func TestErr(t *testing.T) {
	p := newPresentation(t)
	for _, s := range p.segments(high) {
		delete(p.objs, s)
	}
	p.sub(audio, "DURATION:6", "DURATION:7") // a second rule
	r := p.run(&check.Options{MaxFindings: 3})
	var e *check.NonconformanceError
	require.ErrorAs(t, r.Err(), &e)
	assert.Len(t, e.Findings, 4)
	assert.Equal(t, 1, r.Omitted)
	assert.Contains(t, e.Error(), "hls/check: READ a1/high/index.m3u8:9 a1/high/0-")
	assert.True(t, strings.HasSuffix(e.Error(), "; and 1 more"), e.Error())
	assert.Equal(t, 4, r.Count(check.Error))
}

func TestRules(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range check.Rules() {
		assert.False(t, seen[r.ID], r.ID)
		seen[r.ID] = true
		assert.NotEmpty(t, r.Title)
		assert.Contains(t, []check.Profile{check.Conformance, check.Authoring}, r.Profile)
		assert.Contains(t, []check.Severity{check.Error, check.Warning, check.Info}, r.Severity)
		if r.Profile == check.Authoring {
			assert.NotEqual(t, check.Error, r.Severity, r.ID)
		}
	}
	assert.Greater(t, len(seen), 60)
}

// spy counts how an object is read.
type spy struct {
	check.Source
	mu    sync.Mutex
	opens map[string]int
	most  int
	now   int
	fail  func(uri string) error
}

func (s *spy) Open(ctx context.Context, uri string, offset, length int64) (*check.Object, error) {
	s.mu.Lock()
	s.opens[uri]++
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(uri); err != nil {
			s.mu.Lock()
			s.now--
			s.mu.Unlock()
			return nil, err
		}
	}
	obj, err := s.Source.Open(ctx, uri, offset, length)
	if err != nil {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
		return nil, err
	}
	obj.Body = &spyBody{obj.Body, s}
	return obj, nil
}

type spyBody struct {
	body interface {
		Read([]byte) (int, error)
		Close() error
	}
	s *spy
}

func (b *spyBody) Read(p []byte) (int, error) { return b.body.Read(p) }

func (b *spyBody) Close() error {
	b.s.mu.Lock()
	b.s.now--
	b.s.mu.Unlock()
	return b.body.Close()
}

func TestEachObjectIsReadOnce(t *testing.T) {
	p := newPresentation(t)
	s := &spy{Source: p.objs, opens: map[string]int{}}
	r, err := check.Run(t.Context(), s, master, &check.Options{Parallel: 2})
	require.NoError(t, err)
	require.NoError(t, r.Err())
	for uri, n := range s.opens {
		assert.Equal(t, 1, n, uri)
	}
	assert.Len(t, s.opens, 1+3+3+12)
	assert.LessOrEqual(t, s.most, 2)
	assert.Zero(t, s.now, "all are closed")
}

// Where there is much to skip, the object is opened again behind it.
func TestSkipsSamples(t *testing.T) {
	p := newPresentation(t)
	key := p.segments(high)[0]
	p.edit(key, pad(5<<20))
	p.edit(key, func(b []byte) []byte { return append(b, box("free")...) })
	p.declare()
	s := &spy{Source: p.objs, opens: map[string]int{}}
	r, err := check.Run(t.Context(), s, master, nil)
	require.NoError(t, err)
	require.NoError(t, r.Err())
	assert.Equal(t, 2, s.opens[key])
}

// The last box may say 0: to the end of the file (ISO 14496-12 4.2).
func TestBoxToTheEnd(t *testing.T) {
	p := newPresentation(t)
	p.edit(p.segments(high)[3], func(b []byte) []byte {
		i := strings.LastIndex(string(b), "mdat")
		copy(b[i-4:], []byte{0, 0, 0, 0})
		return b
	})
	require.NoError(t, p.run(nil).Err())
}

func TestSourceFails(t *testing.T) {
	p := newPresentation(t)
	broken := errors.New("bucket unavailable")
	for _, uri := range []string{master, high, p.init(low), p.segments(audio)[2]} {
		s := &spy{Source: p.objs, opens: map[string]int{}, fail: func(u string) error {
			if u == uri {
				return broken
			}
			return nil
		}}
		r, err := check.Run(t.Context(), s, master, nil)
		require.ErrorIs(t, err, broken, uri)
		if uri != master {
			assert.Contains(t, rules(r), "READ")
		}
	}
	_, err := check.Run(t.Context(), check.Memory{}, master, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = check.Run(t.Context(), p.objs, master, &check.Options{MaxPlaylist: 100})
	require.ErrorIs(t, err, check.ErrPlaylist)
}

func TestCancelled(t *testing.T) {
	p := newPresentation(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := &spy{Source: p.objs, opens: map[string]int{}, fail: func(u string) error {
		if strings.HasSuffix(u, ".m4s") {
			cancel()
		}
		return nil
	}}
	_, err := check.Run(ctx, s, master, nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = check.Run(ctx, p.objs, master, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, s.now)
}

func TestOverlay(t *testing.T) {
	p := newPresentation(t)
	body := p.objs[master]
	delete(p.objs, master)
	r, err := check.Run(t.Context(), check.Overlay(p.objs, check.Memory{master: body}), master, nil)
	require.NoError(t, err)
	require.NoError(t, r.Err())
}

func TestSample(t *testing.T) {
	p := newGrid(t, plan(3000)) // 20 segments
	for _, n := range []int{1, 2, 3, 7, 20, 50} {
		s := &spy{Source: p.objs, opens: map[string]int{}}
		r, err := check.Run(t.Context(), s, master, &check.Options{Sample: n})
		require.NoError(t, err)
		require.NoError(t, r.Err())
		for _, track := range r.Tracks {
			assert.Equal(t, min(n, 20), track.Read)
			assert.Equal(t, n >= 20, track.Measured)
		}
		assert.NotZero(t, s.opens[p.segments(high)[0]])
		if n > 1 {
			assert.NotZero(t, s.opens[p.segments(high)[19]])
		}
	}
}

// encrypt makes a copy with AES-128: init segments clear and before the key.
func encrypt(t *testing.T, p *presentation, key []byte, iv string) *presentation {
	t.Helper()
	out := p.clone(t)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	for _, name := range []string{high, low, audio} {
		for n, s := range p.segments(name) {
			vector := make([]byte, 16)
			vector[15] = byte(n)
			if iv != "" {
				vector[15] = 7
			}
			out.edit(s, func(b []byte) []byte {
				fill := 16 - len(b)%16
				for range fill {
					b = append(b, byte(fill))
				}
				cipher.NewCBCEncrypter(block, vector).CryptBlocks(b, b)
				return b
			})
		}
		out.insert(name, "#EXTINF", `#EXT-X-KEY:METHOD=AES-128,URI="../../keys/1"`+iv)
	}
	return out
}

func TestEncrypted(t *testing.T) {
	key := []byte("0123456789abcdef")
	p := newPresentation(t)
	for _, iv := range []string{"", ",IV=0x7"} {
		e := encrypt(t, p, key, iv)
		r := e.run(nil)
		require.NoError(t, r.Err())
		assert.Equal(t, []string{"ENCRYPTED"}, rules(r, authoring...))
		assert.True(t, r.Tracks[0].Encrypted)

		var asked []string
		var mu sync.Mutex
		r = e.run(&check.Options{Key: func(_ context.Context, uri string) ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, uri)
			return key, nil
		}})
		require.NoError(t, r.Err())
		assert.Empty(t, rules(r, authoring...), "%v", r.Findings)
		assert.True(t, r.Tracks[0].Measured)
		assert.Equal(t, "keys/1", asked[0])

		e.sub(high, "2.040", "2.400") // seen through the encryption
		r = e.run(&check.Options{Key: func(context.Context, string) ([]byte, error) { return key, nil }})
		assert.Equal(t, []string{"M8.1"}, rules(r, authoring...))
	}
}

func TestURIs(t *testing.T) {
	p := newPresentation(t)
	seg := p.segments(high)[0]
	for _, c := range []struct{ ref, key string }{
		{"with%20space.m4s", "a1/high/with space.m4s"},
		{"../../up.m4s", "up.m4s"},
		{"/root.m4s", "root.m4s"},
		{"../../../../above.m4s", "above.m4s"}, // there is nothing above
		{"q.m4s?token=1#x", "a1/high/q.m4s"},
	} {
		q := p.clone(t)
		q.sub(high, path.Base(seg), c.ref)
		q.objs[c.key] = q.objs[seg]
		delete(q.objs, seg)
		r := q.run(nil)
		require.NoError(t, r.Err(), c.ref)
	}
	q := p.clone(t)
	q.sub(high, path.Base(seg), "https://elsewhere.example/x.m4s")
	require.ErrorContains(t, q.run(nil).Err(), `READ a1/high/index.m3u8:9 https://elsewhere.example/x.m4s`)
}

// Findings tell the place.
func TestWhere(t *testing.T) {
	p := newPresentation(t)
	key := p.segments(low)[2]
	p.edit(key, change(t, "trun", 0, func(b []byte) []byte { return b[:len(b)-2] }))
	r := p.run(&check.Options{Profiles: []check.Profile{check.Conformance}})
	require.Len(t, r.Findings, 1)
	f := r.Findings[0]
	assert.Equal(t, check.Where{Playlist: low, Line: 13, Segment: key, Offset: int64(strings.Index(string(p.objs[key]), "moof") - 4)}, f.Where)
	assert.Equal(t, fmt.Sprintf("error ISO-4.2 %s:13 %s@%d: %s", low, key, f.Where.Offset, f.Message), f.String())
}

func TestStores(t *testing.T) {
	store := newStore(t)
	publish(t, store, plan(501), true)
	src := check.Store(storage.Prefix(store, "media/42"))
	r, err := check.Run(t.Context(), src, master, nil)
	require.NoError(t, err)
	require.NoError(t, r.Err())
	assert.Equal(t, authoring, rules(r))

	require.NoError(t, store.Delete(t.Context(), "media/42/"+r.Tracks[0].URI))
	r, err = check.Run(t.Context(), src, master, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"READ"}, rules(r, "M6.1", "M9.9"))

	// The whole store is a Source too.
	r, err = check.Run(t.Context(), check.Store(store), "media/42/a1/low/index.m3u8", nil)
	require.NoError(t, err)
	require.NoError(t, r.Err())
}

func ExampleRun() {
	ctx := context.Background()
	objects := check.Memory{ // any Source: check.Store, check.Dir, check.HTTP
		"master.m3u8": []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2000000,CODECS=avc1.64001f\nvideo.m3u8\n"),
		"video.m3u8":  []byte("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:7,\n0.ts\n#EXT-X-ENDLIST\n"),
		"0.ts":        append([]byte{0x47}, make([]byte, 187)...),
	}
	report, err := check.Run(ctx, objects, "master.m3u8", &check.Options{Profiles: []check.Profile{check.Conformance}})
	if err != nil {
		fmt.Println("it could not be checked:", err)
		return
	}
	for _, f := range report.Findings {
		if f.Severity == check.Error {
			fmt.Println(f.Rule, f.Where)
		}
	}
	fmt.Println(report.Err() == nil)
	// Output:
	// RFC-4.2 master.m3u8:2
	// RFC-4.3.3.1 video.m3u8:3
	// false
}
