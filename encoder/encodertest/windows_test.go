package encodertest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/memstore"
)

func pictures(job encoder.Job) encoder.Job {
	job.Tracks = slices.DeleteFunc(slices.Clone(job.Tracks), func(t encoder.TrackSpec) bool { return t.Kind != hls.Video })
	return job
}

// A window of the fake is the same objects as that part of the whole.
func TestFakeWindows(t *testing.T) {
	store := memstore.New()
	fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 32 * time.Second})
	job := pictures(plan(t, fake, "a"))
	whole, err := encode(t.Context(), fake, job)
	require.NoError(t, err)
	require.Len(t, whole.segments["v720"], 6)
	for _, tc := range []struct {
		w        encoder.Window
		from, to int
		length   time.Duration
	}{
		{encoder.Window{Segments: 1}, 0, 1, 6 * time.Second},
		{encoder.Window{First: 2, Segments: 3}, 2, 5, 18 * time.Second},
		{encoder.Window{First: 4, Segments: 2}, 4, 6, 8 * time.Second},
		{encoder.Window{First: 5, Segments: 9}, 5, 6, 2 * time.Second},
		{encoder.Window{First: 3}, 3, 6, 14 * time.Second},
	} {
		job := job
		job.Window = tc.w
		o, err := encode(t.Context(), fake, job)
		require.NoError(t, err)
		assert.Equal(t, whole.inits, o.inits)
		assert.Equal(t, whole.segments["v720"][tc.from:tc.to], o.segments["v720"], "%+v", tc.w)
		assert.Equal(t, tc.length, o.progress[len(o.progress)-1].Position)
	}
}

func TestFakeRefusesWindows(t *testing.T) {
	fake := encodertest.NewFake(memstore.New(), nil)
	for name, tc := range map[string]struct {
		spoil func(*encoder.Job)
		code  string
	}{
		"behind the end":      {func(j *encoder.Job) { j.Window.First = 2 }, encoder.CodeTruncated},
		"before the start":    {func(j *encoder.Job) { j.Window.First = -1 }, encoder.CodeEncoderFailed},
		"of sound":            {func(j *encoder.Job) { j.Window.First = 1; j.Tracks = plan(t, fake, "a").Tracks }, encoder.CodeEncoderFailed},
		"not windowable":      {func(j *encoder.Job) { j.Window.First = 1; j.Media.Windowable = false }, encoder.CodeEncoderFailed},
		"of a negative count": {func(j *encoder.Job) { j.Window.Segments = -1 }, encoder.CodeEncoderFailed},
	} {
		job := pictures(plan(t, fake, "a"))
		tc.spoil(&job)
		_, err := encode(t.Context(), fake, job)
		var e *encoder.Error
		require.ErrorAs(t, err, &e, name)
		assert.Equal(t, tc.code, e.Code, name)
		assert.True(t, e.Permanent)
	}
}

// Where the fake fails, it fails in one window only.
func TestFakeFailsInOneWindow(t *testing.T) {
	failed := &encoder.Error{Code: encoder.CodeEncoderFailed, Message: "out of luck"}
	for at, want := range [][]error{{failed, nil, nil}, {nil, failed, nil}, {nil, nil, failed}, {nil, nil, failed}} {
		fake := encodertest.NewFake(memstore.New(), &encodertest.FakeOptions{Duration: 24 * time.Second, Err: failed, FailAt: at + at/2})
		for i, w := range []encoder.Window{{First: 0, Segments: 1}, {First: 1, Segments: 1}, {First: 2, Segments: 2}} {
			job := pictures(plan(t, fake, "a"))
			job.Window = w
			_, err := encode(t.Context(), fake, job)
			require.ErrorIs(t, err, want[i], "fails at %d, window %+v", at+at/2, w)
		}
	}
}

func TestFakeFingerprint(t *testing.T) {
	for want, opts := range map[string]*encodertest.FakeOptions{"fake-1": nil, "mine": {Fingerprint: "mine"}} {
		got, err := encodertest.NewFake(memstore.New(), opts).Fingerprint(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := encodertest.NewFake(memstore.New(), nil).Fingerprint(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// crooked is a Fake whose windows are wrong, and whose fingerprint may be.
type crooked struct {
	*encodertest.Fake
	// job changes what is encoded, update what is emitted of a window.
	job    func(encoder.Job) encoder.Job
	update func(w encoder.Window, u encoder.Update, emit func(encoder.Update) error) error
	prints []string
}

func (c *crooked) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	w := job.Window
	if c.job != nil && w != (encoder.Window{}) {
		job = c.job(job)
	}
	return c.Fake.Encode(ctx, job, func(u encoder.Update) error {
		if c.update == nil || w == (encoder.Window{}) {
			return emit(u)
		}
		return c.update(w, u, emit)
	})
}

func (c *crooked) Fingerprint(ctx context.Context) (string, error) {
	if len(c.prints) == 0 {
		return c.Fake.Fingerprint(ctx)
	}
	defer func() { c.prints = append(c.prints[1:], c.prints[0]) }()
	return c.prints[0], nil
}

// The suite finds what it is for, in windows and fingerprints.
func TestSuiteHasTeethForWindows(t *testing.T) {
	var store *memstore.Store
	segment := func(edit func(w encoder.Window, s *hls.Segment)) func(encoder.Window, encoder.Update, func(encoder.Update) error) error {
		return func(w encoder.Window, u encoder.Update, emit func(encoder.Update) error) error {
			if u.Segment != nil {
				edit(w, u.Segment)
			}
			return emit(u)
		}
	}
	// replace puts other bytes in the place of an object.
	replace := func(output, key string, change func(b []byte) []byte) {
		store.Set(output+"/"+key, change(slices.Clone(store.Get(output+"/"+key))))
	}
	const output = "media/a/1-windows"
	for want, c := range map[string]*crooked{
		"is not in the job's window {First:1": {update: segment(func(w encoder.Window, s *hls.Segment) { s.Number -= w.First })},
		"ends with segment 1, the window with 2": {job: func(j encoder.Job) encoder.Job {
			if j.Window.First == 1 {
				j.Window.Segments--
			}
			return j
		}},
		"more than a frame from its nominal": {update: segment(func(w encoder.Window, s *hls.Segment) { s.Start -= int64(w.First) * 150 })},
		"has decode time 0 and 150 samples": {update: segment(func(w encoder.Window, s *hls.Segment) {
			if s.Number == 1 { // its bytes are those of segment 0
				first := s.Key[:strings.LastIndex(s.Key, "/")] + "/"
				for _, k := range store.Keys() {
					if strings.HasPrefix(k, output+"/"+first+"0-") {
						s.Key = strings.TrimPrefix(k, output+"/")
						s.Size = int64(len(store.Get(k)))
					}
				}
			}
		})},
		"and 150 samples that last 150": {job: func(j encoder.Job) encoder.Job { // the last is not shorter
			if j.Window.Segments == 0 {
				j.Grid.Frames = 6 * 150
			}
			return j
		}},
		"is in no window": {update: func(w encoder.Window, u encoder.Update, emit func(encoder.Update) error) error {
			if u.Segment != nil && u.Segment.Number == 5 {
				return nil
			}
			return emit(u)
		}},
		"is not in the whole": {job: func(j encoder.Job) encoder.Job {
			if j.Window.Segments == 0 {
				j.Grid.Frames += 150
			}
			return j
		}},
		"and the whole {Track:": {update: func(w encoder.Window, u encoder.Update, emit func(encoder.Update) error) error {
			if u.Init != nil {
				key := u.Init.Key + ".2"
				store.Set(output+"/"+key, store.Get(output+"/"+u.Init.Key))
				u.Init.Key = key
			}
			return emit(u)
		}},
		"has other bytes in init segment": {update: func(w encoder.Window, u encoder.Update, emit func(encoder.Update) error) error {
			if u.Init != nil && w.First == 1 {
				replace(output, u.Init.Key, func(b []byte) []byte { b[8] ^= 1; return b }) // ftyp's brand
			}
			return emit(u)
		}},
		"of a window that lasts 12s": {update: func(w encoder.Window, u encoder.Update, emit func(encoder.Update) error) error {
			if u.Progress != nil { // on the timeline
				u.Progress.Position += time.Duration(w.First) * 6 * time.Second
			}
			return emit(u)
		}},
		"which is no short text without spaces": {prints: []string{"ffmpeg 5.1"}},
		`Fingerprint returned "" and then`:      {prints: []string{"", "a"}},
		`Fingerprint returned "a" and then "b"`: {prints: []string{"a", "b"}},
	} {
		t.Run(want, func(t *testing.T) {
			store = memstore.New()
			c.Fake = encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 32 * time.Second})
			problems, err := encodertest.WindowProblems(t.Context(), c, store, plan(t, c.Fake, "a"))
			require.NoError(t, err)
			assert.Contains(t, strings.Join(problems, "\n"), want)
		})
	}
}

// Segments in any order are each there once, whatever that order is.
func TestSuiteHasTeethForAnyOrder(t *testing.T) {
	var held []encoder.Update
	late := func(u encoder.Update, emit func(encoder.Update) error) error {
		switch {
		case u.Segment == nil:
		case u.Segment.Number == 0:
			held = append(held, u)
			return nil
		case u.Segment.Number == 1:
			if err := emit(u); err != nil {
				return err
			}
			u, held = held[0], held[1:]
		}
		return emit(u)
	}
	for want, change := range map[string]func(u encoder.Update, emit func(encoder.Update) error) error{
		"": late,
		"comes a second time": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Segment != nil {
				_ = emit(u)
			}
			return emit(u)
		},
		"has no segment 0": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Segment != nil && u.Segment.Number == 0 {
				return nil
			}
			return emit(u)
		},
		"and the one before ends at": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Segment != nil && u.Segment.Number == 0 {
				u.Segment.Start += 1000
			}
			return late(u, emit)
		},
	} {
		held = nil
		store := memstore.New()
		fake := encodertest.NewFake(store, nil)
		problems, err := encodertest.Problems(t.Context(), bent{fake, change}, store, plan(t, fake, "a"), true, nil)
		require.NoError(t, err)
		if want == "" {
			assert.Empty(t, problems)
			problems, err = encodertest.Problems(t.Context(), bent{fake, change}, store, plan(t, fake, "b"), false, nil)
			require.NoError(t, err)
			want = "where number 0 is due"
		}
		assert.Contains(t, strings.Join(problems, "\n"), want)
	}
}
