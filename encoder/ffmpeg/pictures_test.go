package ffmpeg_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// pictureCase is a kind of picture: a chart that is stored in some way, and what shall be
// seen of it.
type pictureCase struct {
	name   string
	coding coding
	size   [2]int // coded
	args   []string
	file   string

	rate    string // of the source
	frames  int
	chart   *chart                                 // nil for the usual one
	drawn   *chart                                 // how it shall look, nil for as it is
	remake  func(t *testing.T, path string) string // what else is done with the file
	place   placing                                // what shall be seen where, nil for as it is
	want    [2]int                                 // size of the output, the coded one where not set
	most    int                                    // cap of the output's height, 0 for none
	shows   func(n int) int                        // which picture frame n shows, nil for n
	whole   bool                                   // that it can't be cut into windows is known
	allowed likeness                               // nothing set: usual
}

var (
	lossless = []string{"-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "10"}
	ffv1     = []string{"-c:v", "ffv1", "-g", "1"}
	usual    = likeness{off: 5, psnr: 40, ssim: 0.97}
	resized  = likeness{off: 5, psnr: 30, ssim: 0.92} // edges ring
	shrunk   = likeness{off: 5, psnr: 24, ssim: 0.8}  // by a column and a row, so that edges lie within pixels
)

func tagged(space string, args ...string) []string {
	return append([]string{"-colorspace", space, "-color_primaries", space, "-color_trc", space}, args...)
}

func prores(profile string) []string {
	return []string{"-c:v", "prores_ks", "-profile:v", profile, "-qscale:v", "2", "-bsf:v", "prores_metadata=color_primaries=bt709:color_trc=bt709:colorspace=bt709"}
}

func pictureCases() []pictureCase {
	sd := [2]int{96, 72}
	yuv := coding{format: "yuv420p", matrix: bt601}
	cases := append(append(hdrCases(), gamutCases()...), []pictureCase{
		{name: "bt601 untagged", coding: yuv},
		{name: "bt601 NTSC", coding: yuv, args: tagged("smpte170m", lossless...)},
		{name: "bt601 PAL", coding: yuv, args: append([]string{"-colorspace", "bt470bg", "-color_primaries", "bt470bg", "-color_trc", "gamma28"}, lossless...)},
		{name: "bt709", coding: coding{format: "yuv420p", matrix: bt709}, args: tagged("bt709", lossless...)},
		{name: "bt709 untagged, 720p", coding: coding{format: "yuv420p", matrix: bt709}, size: [2]int{1280, 720}, frames: 15, want: [2]int{128, 72}, most: 72, allowed: likeness{off: 5, psnr: 35, ssim: 0.93}},
		{name: "full range", coding: coding{format: "yuvj420p", matrix: bt601, full: true}},
		{name: "full range bt709", coding: coding{format: "yuvj420p", matrix: bt709, full: true}, args: tagged("bt709", lossless...)},
		{name: "full range MJPEG", coding: coding{format: "yuvj420p", matrix: bt601, full: true}, file: "a.mov", args: []string{"-c:v", "mjpeg", "-q:v", "1"}, allowed: likeness{off: 6, psnr: 28, ssim: 0.97}},
		{name: "full range 10 bit", coding: coding{format: "yuv420p10le", matrix: bt709, full: true}, args: append(tagged("bt709", lossless...), "-color_range", "pc")},
		{name: "4:2:2", coding: coding{format: "yuv422p", matrix: bt601}},
		{name: "4:4:4", coding: coding{format: "yuv444p", matrix: bt601}},
		{name: "10 bit", coding: coding{format: "yuv420p10le", matrix: bt601}},
		{name: "4:2:2 10 bit", coding: coding{format: "yuv422p10le", matrix: bt709}, file: "a.mov", args: prores("3"), allowed: likeness{off: 5, psnr: 29, ssim: 0.97}},
		{name: "4:4:4 10 bit", coding: coding{format: "yuv444p10le", matrix: bt601}},
		{name: "RGB", coding: coding{format: "rgb24"}, args: []string{"-c:v", "libx264rgb", "-preset", "ultrafast", "-qp", "0", "-g", "10"}},
		{name: "RGB PNG", coding: coding{format: "rgb24"}, file: "a.mov", args: []string{"-c:v", "png"}},
		{name: "RGB FFV1", coding: coding{format: "rgb24"}, args: append([]string{"-pix_fmt", "gbrp"}, ffv1...), file: "a.mkv"},
		{name: "palette", coding: coding{format: "rgb24"}, file: "a.gif", whole: true,
			args: []string{"-vf", "split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse=dither=none"}, allowed: likeness{off: 8, psnr: 26, ssim: 0.95}},
		{name: "palette PNG", coding: coding{format: "rgb24"}, file: "a.mov",
			args: []string{"-vf", "split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse=dither=none", "-pix_fmt", "pal8", "-c:v", "png"}, allowed: likeness{off: 8, psnr: 26, ssim: 0.95}},
		{name: "grey", coding: coding{format: "gray", matrix: bt601}, drawn: greyOf(bt601)},
		{name: "grey, full range", coding: coding{format: "gray", matrix: bt601, full: true}, args: append(slices.Clone(lossless), "-color_range", "pc"), drawn: greyOf(bt601)},
		{name: "grey FFV1", coding: coding{format: "gray", matrix: bt601, full: true}, args: ffv1, file: "a.mkv", drawn: greyOf(bt601)},

		{name: "pixels twice as wide", coding: yuv, args: wide("2/1"), want: [2]int{192, 72}, allowed: resized},
		{name: "pixels 4:3", coding: yuv, args: wide("4/3"), want: [2]int{128, 72}, allowed: resized},
		{name: "pixels 10:11", coding: yuv, size: [2]int{176, 120}, args: wide("10/11"), want: [2]int{160, 120}, allowed: resized},
		{name: "63x47", coding: coding{format: "yuv444p", matrix: bt601}, size: [2]int{63, 47}, want: [2]int{62, 46}, allowed: shrunk},
		{name: "321x241", coding: coding{format: "yuv444p", matrix: bt601}, size: [2]int{321, 241}, frames: 30, want: [2]int{320, 240}, allowed: resized},
		{name: "odd 4:2:0", coding: yuv, size: [2]int{97, 73}, args: ffv1, file: "a.mkv", want: [2]int{96, 72}, allowed: shrunk},

		{name: "alpha VP9", coding: coding{format: "yuva420p", matrix: bt601}, chart: &chart{patches: patches, alpha: &glass}, file: "a.webm", whole: true,
			args: []string{"-c:v", "libvpx-vp9", "-lossless", "1", "-deadline", "realtime", "-cpu-used", "8", "-g", "10", "-auto-alt-ref", "0"}},
		{name: "alpha VP8", coding: coding{format: "yuva420p", matrix: bt601}, chart: &chart{patches: patches, alpha: &glass}, file: "a.webm", whole: true,
			args: []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "10", "-b:v", "4M", "-qmax", "8", "-auto-alt-ref", "0"}, allowed: likeness{off: 6, psnr: 27, ssim: 0.96}},
		{name: "alpha ProRes", coding: coding{format: "yuva444p10le", matrix: bt709}, chart: &chart{patches: patches, alpha: &glass}, file: "a.mov",
			args: prores("4"), allowed: likeness{off: 5, psnr: 29, ssim: 0.97}},
		{name: "alpha PNG", coding: coding{format: "rgba"}, chart: &chart{patches: patches, alpha: &glass}, file: "a.mov", args: []string{"-c:v", "png"}},
		{name: "alpha, full range", coding: coding{format: "yuva444p", matrix: bt709, full: true}, chart: &chart{patches: patches, alpha: &glass}, file: "a.mkv", args: append(tagged("bt709", ffv1...), "-color_range", "pc")},

		{name: "90 a second", coding: yuv, rate: "90", frames: 120, shows: func(n int) int { return 2 * n }},
		{name: "120 a second", coding: yuv, rate: "120", frames: 160, shows: func(n int) int { return 2 * n }},
		{name: "144 a second", coding: yuv, rate: "144", frames: 192, shows: func(n int) int { return 4*n + 1 }},
		{name: "240 a second", coding: yuv, rate: "240", frames: 200, shows: func(n int) int { return 4*n + 1 }},
	}...)
	for i, m := range [][4]int{{1, 0, 0, 1}, {0, 1, -1, 0}, {-1, 0, 0, -1}, {0, -1, 1, 0}, {-1, 0, 0, 1}, {1, 0, 0, -1}, {0, 1, 1, 0}, {0, -1, -1, 0}} {
		c := pictureCase{name: fmt.Sprintf("matrix %v", m), coding: yuv, remake: turned(m), place: seenThrough(m), want: sd}
		if m[0] == 0 {
			c.want = [2]int{72, 96}
		}
		if i == 6 {
			c.name += ", pixels twice as wide"
			c.args, c.want, c.allowed = wide("2/1"), [2]int{72, 192}, resized
		}
		cases = append(cases, c)
	}
	for i := range cases {
		c := &cases[i]
		if c.size == [2]int{} {
			c.size = sd
		}
		if c.want == [2]int{} {
			c.want = c.size
		}
		if c.args == nil {
			c.args = lossless
		}
		if c.file == "" {
			c.file = "a.mp4"
		}
		if c.rate == "" {
			c.rate = "25"
		}
		if c.frames == 0 {
			c.frames = 40
		}
		if c.chart == nil {
			c.chart = &chart{patches: patches}
		}
		if c.drawn == nil {
			seen := c.chart.onBlack()
			c.drawn = &seen
		}
		if c.allowed == (likeness{}) {
			c.allowed = usual
		}
	}
	return cases
}

// wide stores pixels of such an aspect.
func wide(aspect string) []string { return append([]string{"-vf", "setsar=" + aspect}, lossless...) }

// greyOf is the chart without colours.
func greyOf(m matrix) *chart {
	c := chart{patches: patches}
	for r := range c.patches {
		for i, v := range c.patches[r] {
			y, _, _ := m.ycc(v)
			c.patches[r][i] = rgb{y, y, y}
		}
	}
	return &c
}

// turned writes the upper left of the matrix into the track header of an mp4 (ISO
// 14496-12 8.3.2).
func turned(m [4]int) func(*testing.T, string) string {
	return func(t *testing.T, path string) string {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		at := bytes.Index(data, []byte("tkhd"))
		require.Positive(t, at)
		require.Zero(t, data[at+4], "version")
		at += 4 + 4 + 20 + 8 + 8 // its name, flags, times and duration, reserved, layer to volume
		for i, v := range []int{m[0], m[1], 0, m[2], m[3], 0} {
			binary.BigEndian.PutUint32(data[at+4*i:], uint32(int32(v)<<16))
		}
		out := filepath.Join(t.TempDir(), "turned.mp4")
		require.NoError(t, os.WriteFile(out, data, 0o600))
		return out
	}
}

// seenThrough is the inverse of the matrix by which x, y become ax+cy, bx+dy.
func seenThrough(m [4]int) placing {
	return func(x, y float64) (float64, float64) {
		x, y = x-0.5, y-0.5
		return float64(m[0])*x + float64(m[1])*y + 0.5, float64(m[2])*x + float64(m[3])*y + 0.5
	}
}

// The pictures of an output are the source's, in one pass and in windows.
func TestPictures(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	two := make(chan struct{}, 2)
	for _, c := range pictureCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			two <- struct{}{}
			defer func() { <-two }()
			path := testmedia.Make(t, c.file, append(rawFile(t, c.coding, c.rate, c.frames, func(n int) image {
				return c.chart.draw(c.size[0], c.size[1], n, nil)
			}), c.args...)...)
			if c.remake != nil {
				path = c.remake(t, path)
			}
			for way, out := range bothWays(t, path, !c.whole, c.most) {
				c.compare(t, way, out)
			}
		})
	}
}

// bothWays encodes the file with segments of about half a second, in one pass and in
// windows; most caps the height, 0 does not.
func bothWays(t *testing.T, path string, windowable bool, most int) map[string]output {
	t.Helper()
	store := fileStore(t)
	src := put(t, store, path)
	ff := fast(store)
	m, err := ff.Probe(t.Context(), src)
	require.NoError(t, err)
	assert.Equal(t, windowable, m.Windowable, "windowable")
	grid, tracks, err := encoder.Plan(m, &encoder.PlanOptions{MaxRenditions: 1, CRF: 8, MaxHeight: most, Copy: encoder.CopyNever})
	require.NoError(t, err)
	grid.GOP = max(2, int(grid.FrameRate.Float()/6+0.5))
	grid.Segment = 3 * grid.GOP
	tracks[0].MaxRate, tracks[0].BufSize = 20_000_000, 40_000_000
	job := encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid,
		Tracks: slices.DeleteFunc(tracks, func(s encoder.TrackSpec) bool { return s.Kind != hls.Video })}
	out := map[string]output{"one pass": encodeJob(t, ff, store, job)}
	if m.Windowable {
		job.Output = "media/a/2"
		out["windows"] = encodeJob(t, encoder.Parallel(ff, &encoder.ParallelOptions{Workers: 1}), store, job)
	}
	return out
}

// compare holds each frame to the chart.
func (c pictureCase) compare(t *testing.T, way string, out output) {
	t.Helper()
	id := out.job.Tracks[0].ID
	file := out.file(t, id)
	p := probeFile(t, file)
	require.Equal(t, c.want, [2]int{p.Width, p.Height}, way)
	assert.Equal(t, []string{"yuv420p", "1:1", "tv", "bt709", "bt709"}, []string{p.PixFmt, p.SAR, p.ColorRnge, p.ColorSpc, p.ColorTrc}, way)
	assert.Empty(t, p.SideData, way)
	images := decoded(t, file, c.want[0], c.want[1])
	require.Equal(t, int(out.job.Grid.Frames), len(images), way) // the pictures themselves would fill a log
	worst := best
	for n, got := range images {
		number := n
		if c.shows != nil {
			number = c.shows(n)
		}
		if n%6 == 0 || n == len(images)-1 {
			worst = worst.worse(compareImages(c.drawn.draw(c.want[0], c.want[1], number, c.place), got))
		}
		if c.place == nil && !assert.Equal(t, number, got.number(), "%s: frame %d", way, n) {
			break
		}
	}
	t.Logf("%-24s %-9s levels off by %4.1f, PSNR %5.2f dB, SSIM %.4f", c.name, way, worst.off, worst.psnr, worst.ssim)
	assert.LessOrEqual(t, worst.off, c.allowed.off, "%s: levels", way)
	assert.GreaterOrEqual(t, worst.psnr, c.allowed.psnr, "%s: PSNR", way)
	assert.GreaterOrEqual(t, worst.ssim, c.allowed.ssim, "%s: SSIM", way)
}
