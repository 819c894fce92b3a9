package ffmpeg_test

import (
	"encoding/csv"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// The pictures of windows are those of one pass, and each is there once, at its time.
func TestSeams(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	for _, c := range seamCases {
		if !c.core {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			job, path := seamJob(t, c.make(t))
			require.Equal(t, c.windowable, job.Media.Windowable)
			if c.windowable {
				assert.Empty(t, comparePictures(t, job, path))
			}
		})
	}
}

// What is encoded in windows joins to one track.
func TestSeamsEncoded(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	for _, c := range seamCases {
		if !c.encoded {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			job, path := seamJob(t, c.make(t))
			r := compareEncoded(t, job, path)
			assert.Empty(t, r.faults)
		})
	}
}

// seamJob probes the file and plans one small rendition of it, with segments of about
// a second, so that there are many seams.
func seamJob(t *testing.T, path string) (encoder.Job, string) {
	t.Helper()
	store := fileStore(t)
	src := put(t, store, path)
	m, err := fast(store).Probe(t.Context(), src)
	require.NoError(t, err)
	grid, tracks, err := encoder.Plan(m, &encoder.PlanOptions{MaxRenditions: 1, MaxHeight: 180, Copy: encoder.CopyNever})
	require.NoError(t, err)
	grid.GOP = max(2, int(grid.FrameRate.Float()/3+0.5))
	grid.Segment = 3 * grid.GOP
	// Keyframes come six times as often as planned, and need as much more of the VBV.
	tracks[0].MaxRate, tracks[0].BufSize = 6*tracks[0].MaxRate, 6*tracks[0].BufSize
	return encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid,
		Tracks: slices.DeleteFunc(tracks, func(s encoder.TrackSpec) bool { return s.Kind != hls.Video })}, path
}

// cutJob returns the job's windows: one segment, two, then four at a time, and the last
// one, which may be short, by itself.
func cutJob(job encoder.Job) (parts []encoder.Job) {
	total := int((job.Grid.Frames + int64(job.Grid.Segment) - 1) / int64(job.Grid.Segment))
	n := 1
	for first := 0; first < total; first += n {
		if first > 0 {
			n = min(2*n, 4)
		}
		if first < total-1 {
			n = min(n, total-1-first)
		}
		part := job
		part.Window = encoder.Window{First: first, Segments: min(n, total-first)}
		parts = append(parts, part)
	}
	return parts
}

// pictures returns a hash of each picture that the job's encoder is given, and a fault
// where one has not its place in time.
func pictures(t *testing.T, job encoder.Job, path string) (hashes []string, fault string) {
	t.Helper()
	args, err := ffmpeg.GraphArgs(job, path, "-f", "framemd5", "-")
	require.NoError(t, err)
	for line := range strings.Lines(testmedia.Run(t, "ffmpeg", args...)) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if strings.HasPrefix(line, "#") || len(f) != 6 {
			continue
		}
		if pts := strings.TrimSpace(f[2]); pts != strconv.Itoa(len(hashes)) && fault == "" {
			fault = fmt.Sprintf("window %v: frame %d is at %s", job.Window, len(hashes), pts)
		}
		hashes = append(hashes, f[5])
	}
	// A window of very few frames has more, which are thrown away.
	if most := int(job.Grid.Frames) - job.Window.First*job.Grid.Segment; job.Window != (encoder.Window{}) && len(hashes) > most && most < 4 {
		hashes = hashes[:most]
	}
	return hashes, fault
}

// comparePictures returns what differs between the pictures of one pass and those of
// windows.
func comparePictures(t *testing.T, job encoder.Job, path string) (faults []string) {
	t.Helper()
	whole, fault := pictures(t, job, path)
	if fault != "" {
		faults = append(faults, fault)
	}
	if int64(len(whole)) != job.Grid.Frames {
		faults = append(faults, fmt.Sprintf("one pass has %d of %d frames", len(whole), job.Grid.Frames))
	}
	for _, part := range cutJob(job) {
		got, fault := pictures(t, part, path)
		if fault != "" {
			faults = append(faults, fault)
		}
		from := min(len(whole), part.Window.First*job.Grid.Segment)
		to := min(len(whole), from+part.Window.Segments*job.Grid.Segment)
		if want := whole[from:to]; len(want) != len(got) {
			faults = append(faults, fmt.Sprintf("window %v has %d of %d frames", part.Window, len(got), len(want)))
		} else if i := firstDifference(want, got); i >= 0 {
			faults = append(faults, fmt.Sprintf("window %v differs from its frame %d on", part.Window, i))
		}
	}
	return faults
}

func firstDifference(a, b []string) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// seamed is how what was encoded in windows compares with one pass.
type seamed struct {
	faults []string
	worst  float64 // PSNR of one pass less that of windows at the worst seam, dB
}

// compareEncoded encodes the job whole and in windows.
func compareEncoded(t *testing.T, job encoder.Job, path string) (r seamed) {
	t.Helper()
	fault := func(format string, args ...any) { r.faults = append(r.faults, fmt.Sprintf(format, args...)) }
	store := fileStore(t)
	ff := ffmpeg.New(store, &ffmpeg.Options{Preset: "veryfast", Threads: 1})
	job.Source = put(t, store, path)
	id := job.Tracks[0].ID
	job.Output = "media/a/whole"
	whole := encodeJob(t, ff, store, job)
	job.Output = "media/a/windows"
	all := output{store: store, job: job, inits: map[string]hls.Init{}, segments: map[string][]hls.Segment{}}
	for _, part := range cutJob(job) {
		out := encodeJob(t, ff, store, part)
		if init, ok := all.inits[id]; ok && init != out.inits[id] {
			fault("window %v has an init segment of its own", part.Window)
		}
		all.inits[id] = out.inits[id]
		if n := len(out.segments[id]); n != part.Window.Segments || out.segments[id][0].Number != part.Window.First {
			fault("window %v has %d segments from %d on", part.Window, n, out.segments[id][0].Number)
		}
		all.segments[id] = append(all.segments[id], out.segments[id]...)
		if last := out.progress[len(out.progress)-1].Position; last > part.Grid.Duration() {
			fault("window %v is said to be %v long", part.Window, last)
		}
	}
	if whole.inits[id] != all.inits[id] {
		fault("the init segment of windows is not that of one pass")
	}
	at := int64(0)
	for i, s := range all.segments[id] {
		if s.Start != at || s.Duration != whole.segments[id][i].Duration {
			fault("segment %d is at %d for %d ticks, not at %d", s.Number, s.Start, s.Duration, at)
		}
		at = s.Start + s.Duration
	}
	file := all.file(t, id)
	frame := int64(all.inits[id].Timescale) * job.Grid.FrameRate.Den / job.Grid.FrameRate.Num
	if times := presentation(t, file); int64(len(times)) != job.Grid.Frames {
		fault("%d of %d frames", len(times), job.Grid.Frames)
	} else {
		for i, at := range times {
			if at != int64(i)*frame {
				fault("frame %d is at tick %d, not %d", i, at, int64(i)*frame)
				break
			}
		}
	}
	if len(r.faults) > 0 {
		return r
	}
	raw := filepath.Join(t.TempDir(), "raw.yuv")
	args, err := ffmpeg.GraphArgs(job, path, "-f", "rawvideo", raw)
	require.NoError(t, err)
	testmedia.Run(t, "ffmpeg", args...)
	one, many := noise(t, whole.file(t, id), raw, job), noise(t, file, raw, job)
	near := int(job.Grid.FrameRate.Float()/4 + 1)
	for _, part := range cutJob(job)[1:] {
		seam := part.Window.First * job.Grid.Segment
		from, to := max(0, seam-near), min(len(one), len(many), seam+near)
		r.worst = max(r.worst, psnr(one[from:to])-psnr(many[from:to]))
	}
	if r.worst > 0.5 {
		fault("%.2f dB less than one pass at a seam", r.worst)
	}
	return r
}

// presentation returns the times of a file's packets in ticks, sorted.
func presentation(t *testing.T, path string) (times []int64) {
	t.Helper()
	raw := testmedia.Run(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", path)
	rows, err := csv.NewReader(strings.NewReader(raw)).ReadAll()
	require.NoError(t, err)
	for _, row := range rows {
		at, err := strconv.ParseInt(row[0], 10, 64)
		require.NoError(t, err)
		times = append(times, at)
	}
	slices.Sort(times)
	return times
}

var meanError = regexp.MustCompile(`mse_avg:([0-9.]+)`)

// noise returns the mean squared error of each frame.
func noise(t *testing.T, path, raw string, job encoder.Job) (mse []float64) {
	t.Helper()
	tr := job.Tracks[0]
	data := testmedia.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-f", "rawvideo", "-pix_fmt", "yuv420p",
		"-video_size", fmt.Sprintf("%dx%d", tr.Width, tr.Height), "-i", raw,
		"-lavfi", "[0]settb=1/25,setpts=N[a];[1]settb=1/25,setpts=N[b];[a][b]psnr=stats_file=-", "-f", "null", "-")
	for _, m := range meanError.FindAllStringSubmatch(data, -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		require.NoError(t, err)
		mse = append(mse, v)
	}
	return mse
}

// psnr of some frames together, in dB.
func psnr(mse []float64) float64 {
	var sum float64
	for _, v := range mse {
		sum += v
	}
	return 10 * math.Log10(255*255/max(1e-3, sum/float64(max(1, len(mse)))))
}
