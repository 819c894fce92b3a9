package ffmpeg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// bar is a picture with a white bar at x on grey, of which only the rows of one field
// are made where that is 0 or 1.
func bar(img image, x float64, field int) image {
	const width = 12
	for i := range img.pix {
		if field >= 0 && i/img.w%2 != field {
			continue
		}
		covered := min(max(float64(i%img.w)+1-x, 0), 1) - min(max(float64(i%img.w)+1-x-width, 0), 1)
		v := 0.25 + 0.75*covered
		img.pix[i] = rgb{v, v, v}
	}
	return img
}

// centre returns where the bar's middle is in the rows that are even or odd.
func (m image) centre(odd int) float64 {
	var sum, weight float64
	for i, v := range m.pix {
		if y := i / m.w; y%2 != odd || y < 8 || y >= m.h-8 {
			continue
		}
		if l := luma(v) - 0.35; l > 0 {
			sum, weight = sum+l*(float64(i%m.w)+0.5), weight+l
		}
	}
	return sum / weight
}

// Interlaced pictures come out without combs, each field at its time, whichever comes
// first. What is only called interlaced stays as it is.
func TestPicturesInterlaced(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	const w, h, speed, pictures = 320, 48, 3.0, 30 // pixels a field
	studio := newStudio(t)
	for name, c := range map[string]struct {
		file  string
		top   int // the field that is first
		whole bool
		args  []string
	}{
		"tff H.264 mp4":  {"a.mp4", 0, false, []string{"-vf", "setfield=tff", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-flags", "+ildct+ilme", "-x264-params", "tff=1", "-g", "10"}},
		"bff H.264 mp4":  {"a.mp4", 1, false, []string{"-vf", "setfield=bff", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-flags", "+ildct+ilme", "-x264-params", "bff=1", "-g", "10"}},
		"tff MPEG-2 mkv": {"a.mkv", 0, false, []string{"-vf", "setfield=tff", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-top", "1", "-g", "10"}},
		"bff MPEG-2 mkv": {"a.mkv", 1, false, []string{"-vf", "setfield=bff", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-top", "0", "-g", "10"}},
		"tff MPEG-2 ts":  {"a.ts", 0, true, []string{"-vf", "setfield=tff", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-top", "1", "-g", "10"}},
	} {
		t.Run(name, func(t *testing.T) {
			studio.enter(t)
			path := testmedia.Make(t, c.file, append(rawFile(t, coding{format: "yuv420p", matrix: bt601}, "25", pictures, func(n int) image {
				img := image{w: w, h: h, pix: make([]rgb, w*h)}
				return bar(bar(img, 20+speed*2*float64(n), c.top), 20+speed*float64(2*n+1), 1-c.top)
			}), c.args...)...)
			for way, out := range studio.bothWays(t, path, !c.whole, false, 0) {
				perField := 50 / out.job.Grid.FrameRate.Float()
				frames := decoded(t, out.file(t, out.job.Tracks[0].ID), w, h)
				require.Equal(t, int(out.job.Grid.Frames), frames.count())
				comb, off := 0.0, 0.0
				for n := range frames.count() - 2 {
					img := frames.image(n)
					at := 20 + 6 + speed*perField*float64(n)
					even, odd := img.centre(0), img.centre(1)
					comb, off = max(comb, even-odd, odd-even), max(off, at-(even+odd)/2, (even+odd)/2-at)
				}
				t.Logf("%-16s %-9s %v a second: rows apart by %.2f pixels, bar off by %.2f", name, way, out.job.Grid.FrameRate, comb, off)
				assert.Less(t, comb, 0.6, "%s: combs", way)
				assert.Less(t, off, 1.0, "%s: place", way)
			}
		})
	}
}

// Of a varying rate every frame is shown at its time, for as long as it is the last.
func TestPicturesVariableRate(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	studio := newStudio(t)
	holed := func(n int) bool { return n < 20 || n%11 < 2 || n > 44 }
	dropped := func(n int) bool { return !(n%7 == 2 || n%7 == 3) || n%5 == 1 }
	for name, c := range map[string]struct {
		file  string
		kept  func(n int) bool
		keeps string
	}{
		"dropped, mp4": {"a.mp4", dropped, "not(between(mod(n,7),2,3))+eq(mod(n,5),1)"},
		"dropped, mkv": {"a.mkv", dropped, "not(between(mod(n,7),2,3))+eq(mod(n,5),1)"},
		"holes, mp4":   {"a.mp4", holed, "lt(n,20)+lt(mod(n,11),2)+gt(n,44)"},
	} {
		t.Run(name, func(t *testing.T) {
			studio.enter(t)
			chart := chart{patches: patches}
			const w, h, pictures = 96, 72, 61
			path := testmedia.Make(t, c.file, append(rawFile(t, coding{format: "yuv420p", matrix: bt601}, "30", pictures, chart.film(w, h)), append([]string{"-vf", "select='" + c.keeps + "'", "-fps_mode", "vfr"}, lossless...)...)...)
			for way, out := range studio.bothWays(t, path, true, false, 0) {
				require.InDelta(t, 30, out.job.Grid.FrameRate.Float(), 1e-9)
				frames := decoded(t, out.file(t, out.job.Tracks[0].ID), w, h)
				require.Equal(t, pictures, frames.count(), way)
				last := 0
				for n := range frames.count() {
					if c.kept(n) {
						last = n
					}
					assert.Equal(t, last, frames.number(n), "%s: frame %d", way, n)
				}
			}
		})
	}
}

// A GIF that moves is a video, one that does not is a picture.
func TestStillGIFIsNoVideo(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	store := fileStore(t)
	_, err := fast(store).Probe(t.Context(), put(t, store, testmedia.Make(t, "a.gif", append(testmedia.Video("64x48", "10", "1"), "-frames:v", "1")...)))
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeUnsupportedFormat, e.Code)
	assert.True(t, e.Permanent)
}

// The smallest pictures there are.
func TestPicturesTiny(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	for name, c := range map[string]struct {
		format     string
		size, want [2]int
		args       []string
		file       string
	}{
		"1x1":  {"rgb24", [2]int{1, 1}, [2]int{2, 2}, []string{"-c:v", "png"}, "a.mov"},
		"2x2":  {"yuv420p", [2]int{2, 2}, [2]int{2, 2}, lossless, "a.mp4"},
		"3x3":  {"yuv420p", [2]int{3, 3}, [2]int{2, 2}, ffv1, "a.mkv"},
		"1x48": {"yuv444p", [2]int{1, 48}, [2]int{2, 48}, ffv1, "a.mkv"},
		"48x1": {"rgba", [2]int{48, 1}, [2]int{48, 2}, []string{"-c:v", "png"}, "a.mov"},
		"17x9": {"yuv420p", [2]int{17, 9}, [2]int{16, 8}, []string{"-vf", "setfield=tff", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-top", "1"}, "a.mkv"},
	} {
		t.Run(name, func(t *testing.T) {
			path := testmedia.Make(t, c.file, append(rawFile(t, coding{format: c.format, matrix: bt601}, "5", 6, func(int) image {
				img := image{w: c.size[0], h: c.size[1], pix: make([]rgb, c.size[0]*c.size[1]), alpha: make([]float64, c.size[0]*c.size[1])}
				for i := range img.pix {
					img.pix[i], img.alpha[i] = levels(200, 100, 50), 1
				}
				return img
			}), c.args...)...)
			store := fileStore(t)
			out := encode(t, fast(store), store, put(t, store, path), nil)
			frames := decoded(t, out.file(t, out.job.Tracks[0].ID), c.want[0], c.want[1])
			require.Equal(t, 6, frames.count())
			got := frames.image(3).mean(0, 0, 1, 1)
			for k, v := range levels(200, 100, 50) {
				assert.InDelta(t, 255*v, 255*got[k], 6, "%v", got)
			}
		})
	}
}
