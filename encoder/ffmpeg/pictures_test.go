package ffmpeg_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path"
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
	once    bool                                   // in one pass only: another case is made of it in windows by the same filters
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
		{name: "bt601 NTSC", once: true, coding: yuv, args: tagged("smpte170m", lossless...)},
		{name: "bt601 PAL", once: true, coding: yuv, args: append([]string{"-colorspace", "bt470bg", "-color_primaries", "bt470bg", "-color_trc", "gamma28"}, lossless...)},
		{name: "bt709", coding: coding{format: "yuv420p", matrix: bt709}, args: tagged("bt709", lossless...)},
		{name: "bt709 untagged, 720p", coding: coding{format: "yuv420p", matrix: bt709}, size: [2]int{1280, 720}, frames: 3, want: [2]int{128, 72}, most: 72, allowed: likeness{off: 5, psnr: 35, ssim: 0.92}},
		{name: "full range", coding: coding{format: "yuvj420p", matrix: bt601, full: true}},
		{name: "full range bt709", once: true, coding: coding{format: "yuvj420p", matrix: bt709, full: true}, args: tagged("bt709", lossless...)},
		{name: "full range MJPEG", coding: coding{format: "yuvj420p", matrix: bt601, full: true}, file: "a.mov", args: []string{"-c:v", "mjpeg", "-q:v", "1"}, allowed: likeness{off: 6, psnr: 28, ssim: 0.97}},
		{name: "full range 10 bit", once: true, coding: coding{format: "yuv420p10le", matrix: bt709, full: true}, args: append(tagged("bt709", lossless...), "-color_range", "pc")},
		{name: "4:2:2", coding: coding{format: "yuv422p", matrix: bt601}},
		{name: "4:4:4", coding: coding{format: "yuv444p", matrix: bt601}},
		{name: "10 bit", coding: coding{format: "yuv420p10le", matrix: bt601}},
		{name: "4:2:2 10 bit", coding: coding{format: "yuv422p10le", matrix: bt709}, file: "a.mov", args: prores("3"), allowed: likeness{off: 5, psnr: 29, ssim: 0.97}},
		{name: "4:4:4 10 bit", coding: coding{format: "yuv444p10le", matrix: bt601}},
		{name: "RGB", coding: coding{format: "rgb24"}, args: []string{"-c:v", "libx264rgb", "-preset", "ultrafast", "-qp", "0", "-g", "10"}},
		{name: "RGB PNG", once: true, coding: coding{format: "rgb24"}, file: "a.mov", args: []string{"-c:v", "png"}},
		{name: "RGB FFV1", once: true, coding: coding{format: "rgb24"}, args: append([]string{"-pix_fmt", "gbrp"}, ffv1...), file: "a.mkv"},
		{name: "palette", coding: coding{format: "rgb24"}, file: "a.gif", whole: true,
			args: []string{"-vf", "split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse=dither=none"}, allowed: likeness{off: 8, psnr: 26, ssim: 0.95}},
		{name: "palette PNG", coding: coding{format: "rgb24"}, file: "a.mov",
			args: []string{"-vf", "split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse=dither=none", "-pix_fmt", "pal8", "-c:v", "png"}, allowed: likeness{off: 8, psnr: 26, ssim: 0.95}},
		{name: "grey", coding: coding{format: "gray", matrix: bt601}, drawn: greyOf(bt601)},
		{name: "grey, full range", once: true, coding: coding{format: "gray", matrix: bt601, full: true}, args: append(slices.Clone(lossless), "-color_range", "pc"), drawn: greyOf(bt601)},
		{name: "grey FFV1", once: true, coding: coding{format: "gray", matrix: bt601, full: true}, args: ffv1, file: "a.mkv", drawn: greyOf(bt601)},

		{name: "pixels twice as wide", coding: yuv, args: wide("2/1"), want: [2]int{192, 72}, allowed: resized},
		{name: "pixels 4:3", once: true, coding: yuv, args: wide("4/3"), want: [2]int{128, 72}, allowed: resized},
		{name: "pixels 10:11", once: true, coding: yuv, size: [2]int{176, 120}, args: wide("10/11"), want: [2]int{160, 120}, allowed: resized},
		{name: "63x47", once: true, coding: coding{format: "yuv444p", matrix: bt601}, size: [2]int{63, 47}, want: [2]int{62, 46}, allowed: shrunk},
		{name: "321x241", once: true, coding: coding{format: "yuv444p", matrix: bt601}, size: [2]int{321, 241}, want: [2]int{320, 240}, allowed: resized},
		{name: "odd 4:2:0", coding: yuv, size: [2]int{97, 73}, args: ffv1, file: "a.mkv", want: [2]int{96, 72}, allowed: shrunk},

		{name: "alpha VP9", coding: coding{format: "yuva420p", matrix: bt601}, chart: &chart{patches: patches, alpha: &glass}, file: "a.webm", whole: true,
			args: []string{"-c:v", "libvpx-vp9", "-lossless", "1", "-deadline", "realtime", "-cpu-used", "8", "-g", "10", "-auto-alt-ref", "0"}},
		{name: "alpha VP8", coding: coding{format: "yuva420p", matrix: bt601}, chart: &chart{patches: patches, alpha: &glass}, file: "a.webm", whole: true,
			args: []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "10", "-b:v", "4M", "-qmax", "8", "-auto-alt-ref", "0"}, allowed: likeness{off: 6, psnr: 27, ssim: 0.96}},
		{name: "alpha ProRes", coding: coding{format: "yuva444p10le", matrix: bt709}, chart: &chart{patches: patches, alpha: &glass}, file: "a.mov",
			args: prores("4"), allowed: likeness{off: 5, psnr: 29, ssim: 0.97}},
		{name: "alpha PNG", coding: coding{format: "rgba"}, chart: &chart{patches: patches, alpha: &glass}, file: "a.mov", args: []string{"-c:v", "png"}},
		{name: "alpha, full range", coding: coding{format: "yuva444p", matrix: bt709, full: true}, chart: &chart{patches: patches, alpha: &glass}, file: "a.mkv", args: append(tagged("bt709", ffv1...), "-color_range", "pc")},

		{name: "90 a second", coding: yuv, rate: "90", frames: 60, shows: func(n int) int { return 2 * n }},
		{name: "120 a second", coding: yuv, rate: "120", frames: 80, shows: func(n int) int { return 2 * n }},
		{name: "144 a second", once: true, coding: yuv, rate: "144", frames: 96, shows: func(n int) int { return 4*n + 1 }},
		{name: "240 a second", once: true, coding: yuv, rate: "240", frames: 160, shows: func(n int) int { return 4*n + 1 }},
	}...)
	for i, m := range [][4]int{{1, 0, 0, 1}, {0, 1, -1, 0}, {-1, 0, 0, -1}, {0, -1, 1, 0}, {-1, 0, 0, 1}, {1, 0, 0, -1}, {0, 1, 1, 0}, {0, -1, -1, 0}} {
		c := pictureCase{name: fmt.Sprintf("matrix %v", m), once: i%4 != 1, coding: yuv, remake: turned(m), place: seenThrough(m), want: sd}
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
			c.frames = 26
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

// A file with a cover is sound only, and the cover of a video is not its picture.
func TestCoverArt(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	studio := newStudio(t)
	cover := testmedia.Make(t, "cover.png", append(testmedia.Video("600x600", "1", "1"), "-frames:v", "1")...)
	for file, args := range map[string][]string{
		"a.mp3": {"-map", "1:a", "-map", "0:v", "-c:v", "copy", "-disposition:v", "attached_pic", "-c:a", "libmp3lame"},
		"a.m4a": {"-map", "1:a", "-map", "0:v", "-c:v", "copy", "-disposition:v", "attached_pic", "-c:a", "aac"},
		"a.mp4": {"-map", "2:v", "-map", "1:a", "-map", "0:v", "-c:v:1", "copy", "-disposition:v:1", "attached_pic", "-c:v:0", "libx264", "-c:a", "aac"},
	} {
		t.Run(file, func(t *testing.T) {
			studio.enter(t)
			inputs := append(append([]string{"-i", cover}, testmedia.Sound("1")...), testmedia.Video("96x72", "25", "1")...)
			out := studio.sound(t, testmedia.Make(t, file, append(inputs, args...)...))
			want := []hls.Kind{hls.Audio}
			if file == "a.mp4" {
				want = []hls.Kind{hls.Video, hls.Audio}
				assert.Equal(t, 96, out.job.Tracks[0].Width)
			}
			for i, tr := range out.job.Tracks {
				assert.Equal(t, want[i], tr.Kind)
			}
			assert.Len(t, out.job.Tracks, len(want))
		})
	}
}

// The pictures of an output are the source's, in one pass and in windows.
func TestPictures(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	studio := newStudio(t)
	for _, c := range pictureCases() {
		t.Run(c.name, func(t *testing.T) {
			studio.enter(t)
			path := testmedia.Make(t, c.file, append(rawFile(t, c.coding, c.rate, c.frames, c.chart.film(c.size[0], c.size[1])), c.args...)...)
			if c.remake != nil {
				path = c.remake(t, path)
			}
			for way, out := range studio.bothWays(t, path, !c.whole, c.once, c.most) {
				c.compare(t, way, out)
			}
		})
	}
}

// Renditions below the best are made of it, and no less right.
func TestPicturesLadder(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	c := chart{patches: patches}
	store := fileStore(t)
	raw := rawFile(t, coding{format: "yuv444p", matrix: bt601}, "25", 3, c.film(640, 360))
	out := encode(t, fast(store), store, put(t, store, testmedia.Make(t, "a.mkv", append(raw, ffv1...)...)), &encoder.PlanOptions{CRF: 8})
	require.Len(t, out.job.Tracks, 2)
	for _, tr := range out.job.Tracks {
		frames := decoded(t, out.file(t, tr.ID), tr.Width, tr.Height)
		l := compareImages(c.draw(tr.Width, tr.Height, 2, nil), frames.image(2))
		t.Logf("%s: levels off by %.1f, PSNR %.2f dB, SSIM %.4f", tr.ID, l.off, l.psnr, l.ssim)
		assert.LessOrEqual(t, l.off, 5.0, tr.ID)
		assert.GreaterOrEqual(t, l.psnr, 30.0, tr.ID)
		assert.Equal(t, 2, frames.number(2), tr.ID)
	}
}

// bothWays encodes the file with segments of about half a second, in one pass and in
// windows, or once; most caps the height, 0 does not.
func (s *studio) bothWays(t *testing.T, file string, windowable, once bool, most int) map[string]output {
	t.Helper()
	job := s.plan(t, file, encoder.PlanOptions{CRF: 8, MaxHeight: most})
	assert.Equal(t, windowable, job.Media.Windowable, "windowable")
	job.Grid.GOP = max(2, int(job.Grid.FrameRate.Float()/6+0.5))
	job.Grid.Segment = 3 * job.Grid.GOP
	job.Tracks = slices.DeleteFunc(job.Tracks, func(s encoder.TrackSpec) bool { return s.Kind != hls.Video })
	job.Tracks[0].MaxRate, job.Tracks[0].BufSize = 20_000_000, 40_000_000
	one := encodeJob(t, s.ff, s.store, job)
	out := map[string]output{"one pass": one}
	if job.Media.Windowable && !once {
		job.Output = path.Dir(job.Output) + "/2"
		windows := encodeJob(t, encoder.Parallel(s.ff, &encoder.ParallelOptions{Workers: 1}), s.store, job)
		assert.Equal(t, one.inits, windows.inits)
		out["windows"] = windows
	}
	return out
}

// compare holds each frame to the chart.
func (c pictureCase) compare(t *testing.T, way string, out output) {
	t.Helper()
	id := out.job.Tracks[0].ID
	file := out.file(t, id)
	if way == "one pass" { // the init segment of windows is the same
		p := probeFile(t, file)
		require.Equal(t, c.want, [2]int{p.Width, p.Height}, way)
		assert.Equal(t, []string{"yuv420p", "1:1", "tv", "bt709", "bt709"}, []string{p.PixFmt, p.SAR, p.ColorRnge, p.ColorSpc, p.ColorTrc}, way)
		assert.Empty(t, p.SideData, way)
	}
	frames := decoded(t, file, c.want[0], c.want[1])
	require.Equal(t, int(out.job.Grid.Frames), frames.count(), way)
	worst := best
	for n := range frames.count() {
		number := n
		if c.shows != nil {
			number = c.shows(n)
		}
		if seam := n % out.job.Grid.Segment; seam == 0 || seam == out.job.Grid.Segment-1 || n == frames.count()-1 {
			worst = worst.worse(compareImages(c.drawn.draw(c.want[0], c.want[1], number, c.place), frames.image(n)))
		}
		if c.place == nil && !assert.Equal(t, number, frames.number(n), "%s: frame %d", way, n) {
			break
		}
	}
	t.Logf("%-24s %-9s levels off by %4.1f, PSNR %5.2f dB, SSIM %.4f", c.name, way, worst.off, worst.psnr, worst.ssim)
	assert.LessOrEqual(t, worst.off, c.allowed.off, "%s: levels", way)
	assert.GreaterOrEqual(t, worst.psnr, c.allowed.psnr, "%s: PSNR", way)
	assert.GreaterOrEqual(t, worst.ssim, c.allowed.ssim, "%s: SSIM", way)
}
