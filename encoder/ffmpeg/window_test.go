package ffmpeg

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// film is a job of two hours at 29.97.
func film() encoder.Job {
	end := 2 * time.Hour
	return encoder.Job{
		ID: "j", Grid: encoder.Grid{FrameRate: hls.Rational{Num: 30000, Den: 1001}, GOP: 60, Segment: 180, Frames: 215_785},
		Media: encoder.Media{Windowable: true, Duration: end, Streams: []encoder.Stream{
			{Index: 0, Kind: encoder.VideoStream, End: end, KeyframeGap: 8 * time.Second, DecodeDelay: 66 * time.Millisecond},
			{Index: 1, Kind: encoder.AudioStream, End: end},
		}},
		Tracks: []encoder.TrackSpec{{Track: hls.Track{ID: "v", Kind: hls.Video, Width: 64, Height: 36}}},
	}
}

func TestWindowOnTheGrid(t *testing.T) {
	for name, tc := range map[string]struct {
		window     encoder.Window
		first, end int64
		last       bool
	}{
		"all":           {encoder.Window{}, 0, 215_785, true},
		"the first":     {encoder.Window{Segments: 1}, 0, 180, false},
		"a middle one":  {encoder.Window{First: 10, Segments: 5}, 1800, 2700, false},
		"the end":       {encoder.Window{First: 1190}, 214_200, 215_785, true},
		"past the end":  {encoder.Window{First: 1190, Segments: 50}, 214_200, 215_785, true},
		"a far segment": {encoder.Window{First: 1190, Segments: 1}, 214_200, 214_380, false},
	} {
		t.Run(name, func(t *testing.T) {
			job := film()
			job.Window = tc.window
			p, err := spanOf(job)
			require.NoError(t, err)
			assert.Equal(t, [2]int64{tc.first, tc.end}, [2]int64{p.first, p.end})
			assert.Equal(t, tc.last, p.last)
			g := p.cut(job)
			assert.Equal(t, tc.window.First, g.First)
			assert.InDelta(t, float64(tc.first)*1001/30000, g.Offset.Float(), 1e-9)
			assert.Equal(t, (tc.end-tc.first)*1001, p.ticks(30000))
			assert.Less(t, p.work(job), p.duration()+9*time.Second)
			// No window lets ffmpeg drop a frame that is on view when it begins.
			args := strings.Join(p.seekArgs(job), " ")
			if tc.first == 0 {
				assert.Empty(t, args)
			} else {
				assert.Contains(t, args, "-noaccurate_seek -ss ")
				assert.Less(t, p.seek(job.Media.Streams[0]), p.at(p.first)-500*time.Millisecond)
			}
		})
	}
}

func TestWindowThatDoesNotFit(t *testing.T) {
	for name, change := range map[string]func(*encoder.Job){
		"negative":          func(j *encoder.Job) { j.Window.First = -1 },
		"fewer than none":   func(j *encoder.Job) { j.Window.Segments = -1 },
		"behind the end":    func(j *encoder.Job) { j.Window.First = 1199 },
		"of sound":          func(j *encoder.Job) { j.Tracks[0].Kind = hls.Audio },
		"of no grid":        func(j *encoder.Job) { j.Grid.Segment = 0 },
		"of no such source": func(j *encoder.Job) { j.Media.Windowable = false },
		"of no frame rate":  func(j *encoder.Job) { j.Grid.FrameRate = hls.Rational{} },
		"of no such stream": func(j *encoder.Job) { j.Tracks[0].Stream = 9 },
		"beside one of sound": func(j *encoder.Job) {
			j.Tracks = append(j.Tracks, encoder.TrackSpec{Track: hls.Track{Kind: hls.Audio}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			job := film()
			job.Window = encoder.Window{First: 4, Segments: 2}
			change(&job)
			_, err := filterGraphs(job, true)
			assert.Error(t, err)
		})
	}
}

// Not a frame of a window may be missing, since the next window goes on behind it; at
// the end of the timeline a little may.
func TestShortWindow(t *testing.T) {
	for name, tc := range map[string]struct {
		window  encoder.Window
		missing int64 // frames
		ok      bool
	}{
		"whole":               {encoder.Window{First: 4, Segments: 2}, 0, true},
		"a frame is missing":  {encoder.Window{First: 4, Segments: 2}, 1, false},
		"a frame too many":    {encoder.Window{First: 4, Segments: 2}, -1, false},
		"a frame at the end":  {encoder.Window{First: 1190}, 1, true},
		"a second at the end": {encoder.Window{First: 1190}, 30, false},
	} {
		t.Run(name, func(t *testing.T) {
			job := film()
			job.Window = tc.window
			p, err := spanOf(job)
			require.NoError(t, err)
			r := &run{job: job, part: p, tracks: map[string]covered{"v": {ticks: p.ticks(30000) - 1001*tc.missing, timescale: 30000}}}
			err = r.short(&stderrTail{})
			if tc.ok {
				assert.NoError(t, err)
				return
			}
			var e *encoder.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, encoder.CodeTruncated, e.Code)
		})
	}
}

// Where segments begin anywhere, each begins with a keyframe, also within a window.
func TestWindowOnAGridWithCuts(t *testing.T) {
	job := film()
	job.Grid.FrameRate = hls.Rational{Num: 25, Den: 1}
	job.Grid.GOP, job.Grid.Segment, job.Grid.Frames = 50, 150, 363
	job.Grid.Cuts = []int64{110, 250, 361}
	for name, tc := range map[string]struct {
		window     encoder.Window
		first, end int64
		keys       string
		fragments  int
	}{
		"all":          {encoder.Window{}, 0, 363, "4.390,9.990,14.430", 0},
		"the first":    {encoder.Window{Segments: 1}, 0, 110, "", 0},
		"the middle":   {encoder.Window{First: 1, Segments: 2}, 110, 361, "5.590", 0},
		"to the end":   {encoder.Window{First: 2}, 250, 363, "4.430", 0},
		"the last two": {encoder.Window{First: 3}, 361, 363, "0.070", 1},
	} {
		t.Run(name, func(t *testing.T) {
			job := job
			job.Window = tc.window
			p, err := spanOf(job)
			require.NoError(t, err)
			assert.Equal(t, [2]int64{tc.first, tc.end}, [2]int64{p.first, p.end})
			keys := p.keyArgs()
			if tc.keys == "" {
				assert.Empty(t, keys)
			} else {
				assert.Equal(t, []string{"-force_key_frames", tc.keys}, keys)
			}
			assert.Equal(t, tc.fragments, p.fragments(job.Grid))
			assert.Equal(t, job.Grid.CutTimes(), p.cut(job).Cuts)
		})
	}
	for _, cuts := range [][]int64{{0}, {5, 5}, {7, 6}, {363}} {
		job.Grid.Cuts = cuts
		_, err := spanOf(job)
		assert.Error(t, err, "%v", cuts)
	}
}
