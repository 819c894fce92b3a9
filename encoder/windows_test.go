package encoder_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// sketch is an encoder that writes nothing and emits what a job asks for. step, where it
// is not nil, is called before each segment number, and its error ends the encode.
type sketch struct {
	step func(ctx context.Context, job encoder.Job, number int) error

	mu   sync.Mutex
	jobs []encoder.Job
}

func (s *sketch) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	s.mu.Lock()
	s.jobs = append(s.jobs, job)
	s.mu.Unlock()
	begun := time.Now()
	total := job.Grid.Segments()
	end := total
	if job.Window.Segments > 0 {
		end = min(total, job.Window.First+job.Window.Segments)
	}
	for n := job.Window.First; n < end; n++ {
		if s.step != nil {
			if err := s.step(ctx, job, n); err != nil {
				return fmt.Errorf("sketch %s: %w", job.ID, err)
			}
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("sketch %s: %w", job.ID, err)
		}
		for _, t := range job.Tracks {
			if n == job.Window.First {
				if err := emit(encoder.Update{Init: &hls.Init{Track: t.ID, Key: t.ID + "/init.mp4", Timescale: 25, Codecs: "x"}}); err != nil {
					return err
				}
			}
			if err := emit(encoder.Update{Segment: &hls.Segment{Track: t.ID, Number: n}}); err != nil {
				return err
			}
		}
		p := encoder.Progress{Position: seconds(job.Grid, job.Window.First, n+1)}
		if wall := time.Since(begun); wall > 0 {
			p.Speed = p.Position.Seconds() / wall.Seconds()
		}
		if err := emit(encoder.Update{Progress: &p}); err != nil {
			return err
		}
	}
	return nil
}

// windows returns the windows that were encoded, in their order, and the sound's jobs.
func (s *sketch) windows() (ws []encoder.Window, sound []encoder.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.Tracks[0].Kind == hls.Audio {
			sound = append(sound, j)
		} else {
			ws = append(ws, j.Window)
		}
	}
	slices.SortFunc(ws, func(a, b encoder.Window) int { return a.First - b.First })
	return ws, sound
}

// seconds returns how long the grid's segments from first to end are.
func seconds(g encoder.Grid, first, end int) time.Duration {
	frames := min(g.Frames, int64(end*g.Segment)) - int64(first*g.Segment)
	return encoder.Grid{FrameRate: g.FrameRate, Frames: frames}.Duration()
}

// film is a job of two renditions and sound, of six-second segments at 25 frames a
// second.
func film(frames int64) encoder.Job {
	return encoder.Job{
		Version: encoder.JobVersion, ID: "film", Output: "media/film/1", Tenant: "studio", Priority: 3, Cost: 2,
		Media: encoder.Media{Windowable: true},
		Grid:  encoder.Grid{FrameRate: hls.Rational{Num: 25, Den: 1}, GOP: 50, Segment: 150, Frames: frames},
		Tracks: []encoder.TrackSpec{
			{Track: hls.Track{ID: "v720", Kind: hls.Video}}, {Track: hls.Track{ID: "v360", Kind: hls.Video}},
			{Track: hls.Track{ID: "audio", Kind: hls.Audio}},
		},
	}
}

func done(track string, ws ...int) (out []encoder.Done) {
	for i := 0; i < len(ws); i += 2 {
		out = append(out, encoder.Done{Track: track, Window: encoder.Window{First: ws[i], Segments: ws[i+1]}})
	}
	return out
}

func nothing(encoder.Update) error { return nil }

// Windows are written as the numbers of their segments: "0 1-2 3-6".
func spell(ws []encoder.Window) string {
	s := ""
	for _, w := range ws {
		if w.Segments == 1 {
			s += fmt.Sprintf(" %d", w.First)
		} else {
			s += fmt.Sprintf(" %d-%d", w.First, w.First+w.Segments-1)
		}
	}
	return s[min(1, len(s)):]
}

func TestParallelWindows(t *testing.T) {
	both := func(ws ...int) []encoder.Done { return append(done("v720", ws...), done("v360", ws...)...) }
	for name, tc := range map[string]struct {
		frames  int64
		done    []encoder.Done
		opts    encoder.ParallelOptions
		want    string
		noSound bool
	}{
		"two":             {frames: 300, want: "0 1"},
		"two and a frame": {frames: 301, want: "0 1-2"},
		"four":            {frames: 600, want: "0 1-2 3"},
		"five":            {frames: 750, want: "0 1-2 3 4"},
		"ten minutes":     {frames: 15_000, want: "0 1-2 3-6 7-14 15-24 25-34 35-44 45-54 55-64 65-74 75-84 85-92 93-96 97-98 99"},
		"a short end":     {frames: 25*150 + 1, want: "0 1-2 3-6 7-14 15-19 20-22 23 24-25"},
		"long windows":    {frames: 6000, opts: encoder.ParallelOptions{Longest: time.Hour}, want: "0 1-2 3-6 7-14 15-27 28-33 34-36 37-38 39"},
		"short windows":   {frames: 1500, opts: encoder.ParallelOptions{Longest: 12 * time.Second}, want: "0 1-2 3-4 5-6 7-8 9"},
		"shorter windows": {frames: 750, opts: encoder.ParallelOptions{Longest: time.Second}, want: "0 1 2 3 4"},
		"a long first":    {frames: 6000, opts: encoder.ParallelOptions{First: 4}, want: "0-3 4-11 12-21 22-30 31-35 36-39"},
		"the longest first": {frames: 4800, opts: encoder.ParallelOptions{First: 20},
			want: "0-19 20-31"},
		"a first that is all": {frames: 750, opts: encoder.ParallelOptions{First: 5}, want: "0-4"},

		"front done": {frames: 1500, done: both(0, 4), want: "4-6 7-8 9"},
		"holes": {frames: 3000, done: both(2, 1, 6, 3, 15, 2), // 0-1, 3-5, 9-14, 17-19
			want: "0 1 3-5 9-11 12-14 17-18 19"},
		"a hole that is cut": {frames: 3000, done: both(0, 1, 16, 4), want: "1-8 9-12 13-14 15"},
		"one rendition does not count": {frames: 900, done: append(done("v720", 0, 6), done("v360", 1, 1, 3, 9)...),
			want: "0 2"},
		"what overlaps":    {frames: 900, done: append(both(0, 2, 1, 2), both(0, 1, 5, 100)...), want: "3 4"},
		"what makes sense": {frames: 300, done: append(both(-1, 5, 0, 0, 1, -1, 7, 2), done("v1080", 0, 2)...), want: "0 1"},
		"sound done":       {frames: 300, done: done("audio", 1, 1, 0, 1), want: "0 1", noSound: true},
		"some sound done":  {frames: 300, done: done("audio", 1, 1), want: "0 1"},
		"pictures done":    {frames: 300, done: both(0, 2), want: ""},
		"all done":         {frames: 300, done: append(both(0, 2), done("audio", 0, 2)...), want: "", noSound: true},
	} {
		t.Run(name, func(t *testing.T) {
			enc := &sketch{}
			job := film(tc.frames)
			job.Done = tc.done
			if tc.opts.Workers == 0 {
				tc.opts.Workers = 2
			}
			require.NoError(t, encoder.Parallel(enc, &tc.opts).Encode(t.Context(), job, nothing))
			ws, sound := enc.windows()
			assert.Equal(t, tc.want, spell(ws))
			if tc.noSound {
				assert.Empty(t, sound)
			} else {
				assert.Len(t, sound, 1)
			}
		})
	}
}

// At 29.97 frames a second a minute is still ten segments.
func TestParallelWindowsAreAboutAMinute(t *testing.T) {
	enc := &sketch{}
	job := film(180 * 40)
	job.Grid.FrameRate, job.Grid.Segment, job.Grid.GOP = hls.Rational{Num: 30000, Den: 1001}, 180, 60
	require.NoError(t, encoder.Parallel(enc, &encoder.ParallelOptions{Workers: 1}).Encode(t.Context(), job, nothing))
	ws, _ := enc.windows()
	assert.Equal(t, "0 1-2 3-6 7-14 15-24 25-32 33-39", spell(ws))
}

// Windows that run side by side are told so, but for the first, since somebody waits for
// that, and the last ones, behind which processors would be idle.
func TestParallelBeside(t *testing.T) {
	for _, c := range []struct {
		workers, slots, cost, want int
	}{{1, 0, 0, 0}, {4, 0, 0, 3}, {4, 2, 0, 1}, {2, 8, 0, 1}, {8, 8, 4, 1}, {8, 1, 3, 0}, {8, 3, 2, 0}} {
		enc := &sketch{}
		var inner encoder.Encoder = enc
		if c.slots > 0 {
			inner = encoder.Limit(enc, int64(c.slots), nil)
		}
		job := film(1500)
		job.Cost = int64(c.cost)
		require.NoError(t, encoder.Parallel(inner, &encoder.ParallelOptions{Workers: c.workers}).Encode(t.Context(), job, nothing))
		ws, _ := enc.windows()
		for _, j := range enc.jobs {
			want := 0 // the first, and the sound
			if j.Window.First > 0 {
				want = min(c.want, len(ws)-1-slices.Index(ws, j.Window))
			}
			assert.Equal(t, want, j.Beside, "%+v: %s", c, j.ID)
		}
	}
}

// The jobs of the parts are the job itself, but for what makes them parts.
func TestParallelJobs(t *testing.T) {
	enc := &sketch{}
	job := film(450)
	job.Done = append(done("v720", 0, 1), done("v360", 0, 1)...)
	opts := &encoder.ParallelOptions{Workers: 1, Longest: job.Grid.Duration() / 3}
	require.NoError(t, encoder.Parallel(enc, opts).Encode(t.Context(), job, nothing))
	slices.SortFunc(enc.jobs, func(a, b encoder.Job) int { return len(a.ID) - len(b.ID) })
	require.Len(t, enc.jobs, 3)
	for i, want := range []struct {
		id     string
		window encoder.Window
		tracks []encoder.TrackSpec
		cost   int64
	}{
		{"film-w0", encoder.Window{First: 1, Segments: 1}, job.Tracks[:2], 2},
		{"film-w1", encoder.Window{First: 2, Segments: 1}, job.Tracks[:2], 2},
		{"film-sound", encoder.Window{}, job.Tracks[2:], 0},
	} {
		part := job
		part.ID, part.Window, part.Tracks, part.Cost, part.Done = want.id, want.window, want.tracks, want.cost, nil
		assert.Equal(t, part, enc.jobs[i])
	}
}

func TestParallelPassesThrough(t *testing.T) {
	for name, change := range map[string]func(*encoder.Job){
		"not windowable": func(j *encoder.Job) { j.Media.Windowable = false },
		"no video":       func(j *encoder.Job) { j.Tracks = j.Tracks[2:] },
		"no length":      func(j *encoder.Job) { j.Grid.Frames = 0 },
		"short":          func(j *encoder.Job) { j.Grid.Frames = 299 },
		"a window":       func(j *encoder.Job) { j.Window, j.Tracks = encoder.Window{First: 1}, j.Tracks[:2] },
		"no tracks":      func(j *encoder.Job) { j.Tracks = nil },
		"no rate":        func(j *encoder.Job) { j.Grid.FrameRate = hls.Rational{} },
		"no grid":        func(j *encoder.Job) { j.Grid = encoder.Grid{Frames: 600} },
		"some of it done": func(j *encoder.Job) {
			j.Media.Windowable = false
			j.Done = append(done("v720", 0, 9), done("v360", 0, 9)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			enc := &sketch{}
			job := film(600)
			change(&job)
			require.NoError(t, encoder.Parallel(enc, nil).Encode(t.Context(), job, nothing))
			assert.Equal(t, []encoder.Job{job}, enc.jobs)
		})
	}
}

func TestGridSegments(t *testing.T) {
	for frames, want := range map[int64]int{-5: 0, 0: 0, 1: 1, 149: 1, 150: 1, 151: 2, 300: 2, 301: 3} {
		assert.Equal(t, want, encoder.Grid{Segment: 150, Frames: frames}.Segments(), frames)
	}
	assert.Zero(t, encoder.Grid{Frames: 3}.Segments())
}
