package ffmpeg_test

import (
	"fmt"
	pix "image"
	"image/color"
	"image/jpeg"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/stills"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// withStills makes one small rendition, and has pictures taken.
var withStills = &encoder.PlanOptions{Stills: true, MaxRenditions: 1, MaxHeight: 180, MaxAudioTracks: 1}

// jpeg decodes what is stored.
func (o output) jpeg(t *testing.T, key string) pix.Image {
	t.Helper()
	obj, err := o.store.Open(t.Context(), o.job.Output+"/"+key, nil)
	require.NoError(t, err)
	defer obj.Close()
	assert.Equal(t, "image/jpeg", obj.ContentType)
	img, err := jpeg.Decode(obj)
	require.NoError(t, err)
	return img
}

// stills returns the plan of the job's pictures.
func (o output) stills(t *testing.T) encoder.TrackSpec {
	t.Helper()
	i := slices.IndexFunc(o.job.Tracks, func(s encoder.TrackSpec) bool { return s.Kind == hls.Image })
	require.GreaterOrEqual(t, i, 0, "no pictures are planned")
	return o.job.Tracks[i]
}

// tiles returns all pictures in their order.
func (o output) tiles(t *testing.T) (tiles []pix.Image) {
	t.Helper()
	spec := o.stills(t)
	for _, s := range o.segments["stills"] {
		strip := o.jpeg(t, s.Key)
		require.Equal(t, spec.Height, strip.Bounds().Dy())
		require.Zero(t, strip.Bounds().Dx()%spec.Width)
		for x := 0; x < strip.Bounds().Dx(); x += spec.Width {
			tiles = append(tiles, strip.(*pix.YCbCr).SubImage(pix.Rect(x, 0, x+spec.Width, spec.Height)))
		}
	}
	return tiles
}

// poster returns the one that is chosen.
func (o output) poster(t *testing.T) pix.Image {
	t.Helper()
	p, ok := stills.Choose(o.segments["stills"])
	require.True(t, ok)
	img := o.jpeg(t, p.Key)
	assert.Equal(t, pix.Pt(p.Width, p.Height), img.Bounds().Size())
	return img
}

// brightness returns the mean and the standard deviation of a picture.
func brightness(p pix.Image) (mean, deviation float64) {
	var sum, squares, n float64
	for y := p.Bounds().Min.Y; y < p.Bounds().Max.Y; y++ {
		for x := p.Bounds().Min.X; x < p.Bounds().Max.X; x++ {
			v := float64(color.GrayModel.Convert(p.At(x, y)).(color.Gray).Y)
			sum, squares, n = sum+v, squares+v*v, n+1
		}
	}
	mean = sum / n
	return mean, math.Sqrt(max(0, squares/n-mean*mean))
}

// tileLikeness is the PSNR of a picture against rows of RGB.
func tileLikeness(p pix.Image, rgb []byte) float64 {
	var sum float64
	b := p.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.RGBAModel.Convert(p.At(b.Min.X+x, b.Min.Y+y)).(color.RGBA)
			i := 3 * (y*b.Dx() + x)
			for k, v := range []byte{c.R, c.G, c.B} {
				d := float64(v) - float64(rgb[i+k])
				sum += d * d
			}
		}
	}
	return 10 * math.Log10(255*255*float64(len(rgb))/max(1, sum))
}

// Each picture of the storyboard is the frame of its time, upright and in its colours.
func TestStillsAreTheFramesOfTheirTimes(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	for name, tc := range map[string]struct {
		args   []string
		size   pix.Point // of a picture
		poster pix.Point
	}{
		"wide":     {append(testmedia.Video("1280x720", "30", "9"), x264...), pix.Pt(256, 144), pix.Pt(320, 180)},
		"ntsc":     {append(testmedia.Video("320x180", "30000/1001", "8"), x264...), pix.Pt(256, 144), pix.Pt(320, 180)},
		"portrait": {append(testmedia.Video("180x320", "25", "7"), x264...), pix.Pt(144, 256), pix.Pt(180, 320)},
		"rotated": {append(testmedia.Video("320x180", "25", "7"), x264...),
			pix.Pt(144, 256), pix.Pt(180, 320)},
		"odd":        {append(testmedia.Video("161x121", "24", "5"), "-c:v", "ffv1", "-pix_fmt", "yuv444p"), pix.Pt(160, 120), pix.Pt(160, 120)},
		"two secs":   {append(testmedia.Video("320x180", "25", "2"), x264...), pix.Pt(256, 144), pix.Pt(320, 180)},
		"slow":       {append(testmedia.Video("320x180", "1", "13"), x264...), pix.Pt(256, 144), pix.Pt(320, 180)},
		"non-square": {append(append(testmedia.Video("180x180", "25", "3"), "-vf", "setsar=16/9"), x264...), pix.Pt(256, 144), pix.Pt(320, 180)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := "in.mp4"
			if name == "odd" {
				file = "in.mkv"
			}
			path := testmedia.Make(t, file, tc.args...)
			if name == "rotated" {
				path = testmedia.Make(t, file, "-i", path, "-c", "copy", "-metadata:s:v:0", "rotate=90")
			}
			store := memStore(t)
			out := encode(t, fast(store), store, put(t, store, path), withStills)
			spec, g := out.stills(t), out.job.Grid
			assert.Equal(t, tc.size, pix.Pt(spec.Width, spec.Height))
			assert.Equal(t, tc.poster, out.poster(t).Bounds().Size())

			filter := fmt.Sprintf("fps=%d/%d:start_time=0,select='not(mod(n,%d))',scale=%d:%d:flags=area,format=rgb24",
				g.FrameRate.Num, g.FrameRate.Den, g.GOP, spec.Width, spec.Height)
			frames := []byte(testmedia.Run(t, "ffmpeg", "-v", "error", "-i", path, "-vf", filter, "-fps_mode", "passthrough", "-f", "rawvideo", "-"))
			size := 3 * spec.Width * spec.Height
			tiles := out.tiles(t)
			require.Len(t, tiles, len(frames)/size)
			require.Len(t, tiles, int((g.Frames+int64(g.GOP)-1)/int64(g.GOP)))
			for i, tile := range tiles {
				best, most := -1, 0.0
				for n := range tiles {
					if like := tileLikeness(tile, frames[n*size:(n+1)*size]); like > most {
						best, most = n, like
					}
				}
				assert.Equal(t, i, best, "which frame it is")
				assert.Greater(t, most, 21.0, "picture %d", i)
			}
		})
	}
}

// A poster shows something as soon as there is something to see.
func TestPoster(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	single := func(c, seconds string) string { return "color=c=" + c + ":size=320x180:rate=25:duration=" + seconds }
	for name, tc := range map[string]struct {
		graph     string
		mean      [2]float64
		deviation float64 // at least
	}{
		"3 s of black first":  {single("black", "3") + "[a];testsrc2=size=320x180:rate=25:duration=5[b];[a][b]concat", [2]float64{40, 220}, 20},
		"7 s of black first":  {single("black", "7") + "[a];testsrc2=size=320x180:rate=25:duration=7[b];[a][b]concat", [2]float64{40, 220}, 20},
		"black, then a flash": {single("black", "7") + "[a];" + single("white", "1") + "[b];testsrc2=size=320x180:rate=25:duration=7[c];[a][b][c]concat=n=3", [2]float64{40, 220}, 20},
		"fades in":            {"testsrc2=size=320x180:rate=25:duration=8,fade=in:d=5", [2]float64{40, 220}, 20},
		"noisy black":         {single("black", "4") + ",noise=alls=12:allf=t[a];testsrc2=size=320x180:rate=25:duration=4[b];[a][b]concat", [2]float64{40, 220}, 20},
		"all black":           {single("black", "4"), [2]float64{0, 3}, 0},
		"one colour":          {single("0x3060c0", "4"), [2]float64{70, 120}, 0},
		"black, then dim":     {single("black", "5") + "[a];" + single("0x202020", "2") + "[b];[a][b]concat", [2]float64{24, 40}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := testmedia.Make(t, "in.mp4", "-filter_complex", tc.graph, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
			store := memStore(t)
			out := encode(t, fast(store), store, put(t, store, path), withStills)
			mean, deviation := brightness(out.poster(t))
			assert.True(t, mean >= tc.mean[0] && mean <= tc.mean[1], "brightness %.1f", mean)
			assert.GreaterOrEqual(t, deviation, tc.deviation)
		})
	}
}

// Of an HDR source the pictures are toned down as the renditions are.
func TestStillsOfHDR(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	path := testmedia.Make(t, "in.mp4", append(append(testmedia.Video("320x180", "25", "3"), hdr10...), "-tag:v", "hvc1")...)
	store := memStore(t)
	out := encode(t, fast(store), store, put(t, store, path), withStills)
	require.True(t, out.media.Streams[0].HDR())
	spec := out.stills(t)
	frame := []byte(testmedia.Run(t, "ffmpeg", "-v", "error", "-i", out.file(t, out.job.Tracks[0].ID), "-frames:v", "1",
		"-vf", fmt.Sprintf("scale=%d:%d:flags=area,format=rgb24", spec.Width, spec.Height), "-f", "rawvideo", "-"))
	assert.Greater(t, tileLikeness(out.tiles(t)[0], frame), 23.0, "as the rendition is")
}

// Windows make the pictures of one pass, and each time the same.
func TestStillsInWindows(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	for name, rate := range map[string]string{"25": "25", "29.97": "30000/1001"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			black := "color=c=black:size=320x180:rate=" + rate + ":duration=8[a];testsrc2=size=320x180:rate=" + rate + ":duration=16[b];[a][b]concat"
			path := testmedia.Make(t, "in.mp4", "-filter_complex", black, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "40")
			store := memStore(t)
			ff := fast(store)
			whole := encode(t, ff, store, put(t, store, path), withStills)
			require.True(t, whole.job.Media.Windowable)
			best, ok := stills.Choose(whole.segments["stills"])
			require.True(t, ok)
			for range 2 {
				parts := output{store: store, job: whole.job, segments: map[string][]hls.Segment{}}
				err := encoder.Parallel(ff, &encoder.ParallelOptions{Workers: 2, Longest: 7 * time.Second}).Encode(t.Context(), whole.job, func(u encoder.Update) error {
					if u.Segment != nil {
						parts.segments[u.Segment.Track] = append(parts.segments[u.Segment.Track], *u.Segment)
					}
					return nil
				})
				require.NoError(t, err)
				pics := parts.segments["stills"]
				slices.SortFunc(pics, func(a, b hls.Segment) int { return a.Number - b.Number })
				require.Len(t, pics, len(whole.segments["stills"]))
				for n, s := range whole.segments["stills"] {
					assert.Equal(t, s.Key, pics[n].Key, "segment %d", n)
					assert.Equal(t, [2]int64{s.Start, s.Duration}, [2]int64{pics[n].Start, pics[n].Duration})
				}
				chosen, _ := stills.Choose(pics)
				assert.Equal(t, best, chosen)
			}
		})
	}
}

// Segments that begin anywhere begin with a picture each.
func TestStillsOnAGridWithCuts(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	path := testmedia.Make(t, "in.mp4", append(testmedia.Video("320x180", "25", "12"), "-c:v", "libx264", "-preset", "ultrafast")...)
	store := memStore(t)
	ff := fast(store)
	job := encode(t, ff, store, put(t, store, path), withStills).job
	job.Grid.Cuts = []int64{110, 140, 251}
	out := encodeJob(t, ff, store, job)
	var counts []int
	for _, s := range out.segments["stills"] {
		counts = append(counts, out.jpeg(t, s.Key).Bounds().Dx()/out.stills(t).Width)
	}
	assert.Equal(t, []int{3, 1, 3, 1}, counts)
	last := out.segments["stills"][3]
	assert.Equal(t, [2]int64{10040, 1960}, [2]int64{last.Start, last.Duration})
}

// Sound alone has no pictures, also where a cover comes with it.
func TestStillsOfSoundAlone(t *testing.T) {
	_, tracks, err := encoder.Plan(encoder.Media{Streams: []encoder.Stream{
		{Kind: encoder.VideoStream, CoverArt: true, Codec: "mjpeg", Width: 600, Height: 600, Packets: 1},
		{Index: 1, Kind: encoder.AudioStream, Codec: "aac", Channels: 2, SampleRate: 48000, Packets: 100, End: 9 * time.Second},
	}}, withStills)
	require.NoError(t, err)
	require.Len(t, tracks, 1)
	assert.Equal(t, hls.Audio, tracks[0].Kind)
}

// Where the best rendition is copied the pictures are of the one below it, and where all
// is copied the video is decoded for them alone.
func TestStillsOfWhatIsCopied(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	path := clip(t, "a.mp4", "25", "27", "-g", "48", "-bf", "2", "-force_key_frames", "4.4,9,13.3,20.2")
	for name, opts := range map[string]*encoder.PlanOptions{
		"best": {Stills: true, MaxRenditions: 2},
		"all":  {Stills: true, Copy: encoder.CopyOnly},
	} {
		t.Run(name, func(t *testing.T) {
			store := memStore(t)
			ff := fast(store)
			out := encode(t, ff, store, put(t, store, path), opts)
			require.True(t, out.job.Tracks[0].Copy)
			require.NotEmpty(t, out.job.Grid.Cuts)
			assert.Len(t, out.segments["stills"], out.job.Grid.Segments())
			assert.Equal(t, pix.Pt(320, 320), out.poster(t).Bounds().Size())
			mean, deviation := brightness(out.poster(t))
			assert.InDelta(t, 127, mean, 60)
			assert.Greater(t, deviation, 20.0)

			parts := map[int]string{}
			err := encoder.Parallel(ff, &encoder.ParallelOptions{Workers: 2, Longest: 9 * time.Second}).Encode(t.Context(), out.job, func(u encoder.Update) error {
				if u.Segment != nil && u.Segment.Track == "stills" {
					parts[u.Segment.Number] = u.Segment.Key
				}
				return nil
			})
			require.NoError(t, err)
			for _, s := range out.segments["stills"] {
				assert.Equal(t, s.Key, parts[s.Number], "segment %d", s.Number)
			}
		})
	}
}
