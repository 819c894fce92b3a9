package ffmpeg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/storage"
)

func TestEncodeLadder(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	args := append(testmedia.Video("852x480", "30000/1001", "8"), testmedia.Sound("8")...)
	src := testmedia.Make(t, "in.mp4", append(args, "-c:v", "libx264", "-preset", "ultrafast", "-g", "500", "-c:a", "aac")...)
	for name, open := range map[string]func(*testing.T) storage.Store{"file": fileStore, "memory": memStore} {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			out := encode(t, fast(store), store, put(t, store, src), nil)
			require.Len(t, out.job.Tracks, 4)
			for _, tr := range out.job.Tracks {
				assert.InDelta(t, 8.0, out.duration(tr.ID), 0.05, tr.ID)
				require.Len(t, out.segments[tr.ID], 2, tr.ID)
				p := probeFile(t, out.file(t, tr.ID))
				if tr.Kind == hls.Audio {
					assert.Equal(t, "mp4a.40.2", out.inits[tr.ID].Codecs)
					assert.Equal(t, 2, p.Channels)
					continue
				}
				first := out.segments[tr.ID][0]
				assert.Zero(t, first.Start)
				assert.Equal(t, int64(180*1001), first.Duration*30000/int64(out.inits[tr.ID].Timescale), "180 frames a segment")
				assert.True(t, strings.HasPrefix(out.inits[tr.ID].Codecs, "avc1."), out.inits[tr.ID].Codecs)
				assert.Equal(t, [2]int{tr.Width, tr.Height}, [2]int{p.Width, p.Height})
				assert.Equal(t, "yuv420p", p.PixFmt)
				assert.Equal(t, "30000/1001", p.RFrame)
				assert.Equal(t, strconv.FormatInt(out.job.Grid.Frames, 10), p.Frames, "every frame once")
				assert.Equal(t, "bt709", p.ColorSpc)
			}
			require.NotEmpty(t, out.progress)
			for i := 1; i < len(out.progress); i++ {
				assert.GreaterOrEqual(t, out.progress[i].Position, out.progress[i-1].Position)
			}
			assert.InDelta(t, 8, out.progress[len(out.progress)-1].Position.Seconds(), 0.1)
		})
	}
}

// corners is a picture whose quarters are red, green, blue and white, clockwise from
// the upper left.
func corners(size string, extra ...string) []string {
	w, h, _ := strings.Cut(size, "x")
	half := func(s string) int { n, _ := strconv.Atoi(s); return n / 2 }
	q := fmt.Sprintf("%dx%d", half(w), half(h))
	in := func(c string) []string {
		return []string{"-f", "lavfi", "-i", "color=" + c + ":size=" + q + ":rate=25:duration=1"}
	}
	args := append(append(append(in("red"), in("lime")...), in("white")...), in("blue")...)
	graph := "[0][1]hstack[a];[2][3]hstack[b];[a][b]vstack"
	return append(append(args, "-filter_complex", graph, "-c:v", "libx264", "-qp", "8"), extra...)
}

var (
	red   = color.RGBA{255, 0, 0, 255}
	lime  = color.RGBA{0, 255, 0, 255}
	blue  = color.RGBA{0, 0, 255, 255}
	white = color.RGBA{255, 255, 255, 255}
)

func TestEncodePictures(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	type want struct {
		size                 [2]int
		upperLeft, upperRite color.RGBA
	}
	// ffmpeg writes a matrix that turns the picture to the left by so many degrees.
	turned := func(t *testing.T, degrees string) string {
		plain := testmedia.Make(t, "plain.mp4", corners("320x160", "-pix_fmt", "yuv420p")...)
		return testmedia.Make(t, "turned.mp4", "-i", plain, "-c", "copy", "-metadata:s:v:0", "rotate="+degrees)
	}
	for name, tc := range map[string]struct {
		make func(t *testing.T) string
		want want
	}{
		"plain": {func(t *testing.T) string {
			return testmedia.Make(t, "a.mp4", corners("320x160", "-pix_fmt", "yuv420p")...)
		}, want{[2]int{320, 160}, red, lime}},
		"turned right": {func(t *testing.T) string { return turned(t, "270") }, want{[2]int{160, 320}, white, red}},
		"upside down":  {func(t *testing.T) string { return turned(t, "180") }, want{[2]int{320, 160}, blue, white}},
		"turned left":  {func(t *testing.T) string { return turned(t, "90") }, want{[2]int{160, 320}, lime, blue}},
		"pixel aspect": {func(t *testing.T) string {
			plain := testmedia.Make(t, "plain.mp4", corners("320x160", "-pix_fmt", "yuv420p")...)
			return testmedia.Make(t, "a.mp4", "-i", plain, "-vf", "setsar=2/1", "-c:v", "libx264")
		}, want{[2]int{640, 160}, red, lime}},
		"10 bit": {func(t *testing.T) string {
			return testmedia.Make(t, "a.mkv", corners("320x160", "-pix_fmt", "yuv420p10le")...)
		}, want{[2]int{320, 160}, red, lime}},
		"4:4:4": {func(t *testing.T) string {
			return testmedia.Make(t, "a.mp4", corners("320x160", "-pix_fmt", "yuv444p")...)
		}, want{[2]int{320, 160}, red, lime}},
		"4:2:2 10": {func(t *testing.T) string {
			return testmedia.Make(t, "a.mkv", corners("320x160", "-pix_fmt", "yuv422p10le")...)
		}, want{[2]int{320, 160}, red, lime}},
		"full range": {func(t *testing.T) string {
			return testmedia.Make(t, "a.mp4", corners("320x160", "-pix_fmt", "yuvj420p", "-color_range", "pc")...)
		}, want{[2]int{320, 160}, red, lime}},
	} {
		t.Run(name, func(t *testing.T) {
			store := fileStore(t)
			out := encode(t, fast(store), store, put(t, store, tc.make(t)), nil)
			track := out.job.Tracks[0]
			assert.Len(t, out.job.Tracks, 1, "no sound, no audio track")
			path := out.file(t, track.ID)
			p := probeFile(t, path)
			assert.Equal(t, tc.want.size, [2]int{p.Width, p.Height})
			assert.Equal(t, "yuv420p", p.PixFmt)
			assert.Equal(t, "1:1", p.SAR)
			assert.Equal(t, "25", p.Frames)
			near(t, tc.want.upperLeft, pixel(t, path, 0.5, 0.2, 0.2), "upper left")
			near(t, tc.want.upperRite, pixel(t, path, 0.5, 0.8, 0.2), "upper right")
		})
	}
}

// A picture that changes its size in the middle of a file fills the frame all the same,
// and no filter reads beyond a smaller one.
func TestEncodeSizeThatChanges(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	part := func(color, size string, args ...string) []byte {
		args = append([]string{"-f", "lavfi", "-i", "color=" + color + ":size=" + size + ":rate=25:duration=2"}, args...)
		raw, err := os.ReadFile(testmedia.Make(t, "part", args...))
		require.NoError(t, err)
		return raw
	}
	h264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-bsf:v", "dump_extra=freq=k", "-f", "h264"}
	mpeg2 := []string{"-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-top", "1", "-f", "mpeg2video"}
	for name, tc := range map[string]struct {
		codec, wrap []string
		file        string
	}{
		"turned":     {h264, []string{"-c", "copy", "-metadata:s:v:0", "rotate=90"}, "a.mp4"},
		"interlaced": {mpeg2, []string{"-c", "copy"}, "a.ts"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := filepath.Join(t.TempDir(), "raw")
			require.NoError(t, os.WriteFile(raw, append(part("red", "320x240", tc.codec...), part("blue", "128x96", tc.codec...)...), 0o600))
			store := fileStore(t)
			src := put(t, store, testmedia.Make(t, tc.file, append([]string{"-fflags", "+genpts", "-framerate", "25", "-i", raw}, tc.wrap...)...))
			out := encode(t, fast(store), store, src, nil)
			file := out.file(t, out.job.Tracks[0].ID)
			for _, x := range []float64{0, 1} {
				for _, y := range []float64{0, 1} {
					near(t, color.RGBA{R: 255}, pixel(t, file, 1, x, y), "before")
					near(t, color.RGBA{B: 255}, pixel(t, file, 3, x, y), "behind")
				}
			}
		})
	}
}

func TestEncodeOddSize(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	src := testmedia.Make(t, "odd.mkv", "-f", "lavfi", "-i", "testsrc2=size=161x121:rate=25:duration=1", "-c:v", "ffv1", "-pix_fmt", "yuv444p")
	store := fileStore(t)
	out := encode(t, fast(store), store, put(t, store, src), nil)
	p := probeFile(t, out.file(t, out.job.Tracks[0].ID))
	assert.Equal(t, [2]int{160, 120}, [2]int{p.Width, p.Height})
}

func TestEncodeSoundOnlyAndCoverArt(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	cover := testmedia.Make(t, "cover.png", "-f", "lavfi", "-i", "testsrc2=size=600x600:duration=1", "-frames:v", "1")
	song := append([]string{"-i", cover}, testmedia.Sound("7")...)
	src := testmedia.Make(t, "song.mp3", append(song, "-map", "1:a", "-map", "0:v", "-c:a", "libmp3lame", "-disposition:v", "attached_pic")...)
	store := memStore(t)
	out := encode(t, fast(store), store, put(t, store, src), nil)
	require.Len(t, out.job.Tracks, 1)
	assert.Equal(t, hls.Audio, out.job.Tracks[0].Kind)
	assert.InDelta(t, 7, out.duration("audio"), 0.06)
	assert.Len(t, out.segments["audio"], 2)
}

// A track that ends early is padded to the end of the longer one, and both start at 0
// although one starts late.
func TestEncodeUnevenTracks(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	for name, args := range map[string][]string{
		"sound ends early":   append(append(testmedia.Video("160x120", "25", "7"), testmedia.Sound("3")...), "-c:v", "libx264", "-c:a", "aac"),
		"picture ends early": append(append(testmedia.Video("160x120", "25", "3"), testmedia.Sound("7")...), "-c:v", "libx264", "-c:a", "aac"),
		"sound starts late": append(append(testmedia.Video("160x120", "25", "7"), append([]string{"-itsoffset", "2"}, testmedia.Sound("5")...)...),
			"-c:v", "libx264", "-c:a", "aac"),
		"picture starts late": append(append([]string{"-itsoffset", "2"}, testmedia.Video("160x120", "25", "5")...), append(testmedia.Sound("7"),
			"-c:v", "libx264", "-c:a", "aac")...),
	} {
		t.Run(name, func(t *testing.T) {
			store := fileStore(t)
			out := encode(t, fast(store), store, put(t, store, testmedia.Make(t, "a.mkv", args...)), nil)
			require.Len(t, out.job.Tracks, 2)
			for _, tr := range out.job.Tracks {
				assert.InDelta(t, 7, out.duration(tr.ID), 0.05, tr.ID)
				assert.Zero(t, out.segments[tr.ID][0].Start, tr.ID)
				assert.Len(t, out.segments[tr.ID], 2, tr.ID)
			}
		})
	}
}

func TestTruncatedSourceIsNoSuccess(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	whole := testmedia.Make(t, "whole.mp4", append(testmedia.Video("160x120", "25", "20"), "-c:v", "libx264", "-movflags", "+faststart")...)
	raw, err := os.ReadFile(whole)
	require.NoError(t, err)
	store := fileStore(t)
	info, err := store.Put(t.Context(), "s", bytes.NewReader(raw[:len(raw)*2/3]), nil)
	require.NoError(t, err)
	ff := fast(store)
	src := encoder.Source{Parts: []encoder.Part{{Key: "s", Size: info.Size}}}
	m, err := ff.Probe(t.Context(), src)
	require.NoError(t, err)
	assert.True(t, m.Truncated)
	assert.Less(t, m.Duration, 19*time.Second)
	grid, tracks, err := encoder.Plan(m, nil)
	require.NoError(t, err)
	err = ff.Encode(t.Context(), encoder.Job{ID: "j", Output: "o", Source: src, Media: m, Grid: grid, Tracks: tracks}, func(encoder.Update) error { return nil })
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeTruncated, e.Code)
}

// A source in parts reads as one file.
func TestEncodeParts(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	path := testmedia.Make(t, "a.mp4", append(testmedia.Video("160x120", "25", "2"), "-c:v", "libx264")...)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	store := fileStore(t)
	var src encoder.Source
	for i := 0; len(raw) > 0; i++ {
		n := min(len(raw), 7001)
		info, err := store.Put(t.Context(), fmt.Sprintf("sources/a/%d", i), bytes.NewReader(raw[:n]), nil)
		require.NoError(t, err)
		src.Parts = append(src.Parts, encoder.Part{Key: info.Key, Size: info.Size, ETag: info.ETag})
		raw = raw[n:]
	}
	require.Greater(t, len(src.Parts), 2)
	out := encode(t, fast(store), store, src, nil)
	assert.InDelta(t, 2, out.duration(out.job.Tracks[0].ID), 0.01)
}

// failingStore fails Puts after a few, or reads.
type failingStore struct {
	storage.Store
	puts int
	err  error
}

func (s *failingStore) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	if s.puts--; s.puts < 0 {
		return storage.Info{}, s.err
	}
	return s.Store.Put(ctx, key, r, opts)
}

func TestEncodeFailures(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	path := testmedia.Make(t, "a.mp4", append(testmedia.Video("160x120", "25", "20"), "-c:v", "libx264", "-preset", "ultrafast")...)
	store := fileStore(t)
	src := put(t, store, path)
	m, err := fast(store).Probe(t.Context(), src)
	require.NoError(t, err)
	grid, tracks, err := encoder.Plan(m, nil)
	require.NoError(t, err)
	job := encoder.Job{ID: "j", Output: "o", Source: src, Media: m, Grid: grid, Tracks: tracks}

	t.Run("the store refuses", func(t *testing.T) {
		full := errors.New("no room")
		err := fast(&failingStore{Store: store, puts: 2, err: full}).Encode(t.Context(), job, func(encoder.Update) error { return nil })
		var e *encoder.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, encoder.CodeStorage, e.Code)
		assert.False(t, e.Permanent)
		assert.ErrorIs(t, err, full)
	})
	t.Run("emit refuses", func(t *testing.T) {
		stop := errors.New("stop")
		err := fast(store).Encode(t.Context(), job, func(u encoder.Update) error {
			if u.Segment != nil {
				return stop
			}
			return nil
		})
		assert.ErrorIs(t, err, stop)
	})
	t.Run("the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := fast(store).Encode(ctx, job, func(u encoder.Update) error {
			if u.Segment != nil {
				cancel()
			}
			return nil
		})
		assert.ErrorIs(t, err, context.Canceled)
	})
	t.Run("no such stream", func(t *testing.T) {
		bad := job
		bad.Tracks = append([]encoder.TrackSpec(nil), job.Tracks...)
		bad.Tracks[0].Stream = 7
		var e *encoder.Error
		require.ErrorAs(t, fast(store).Encode(t.Context(), bad, func(encoder.Update) error { return nil }), &e)
		assert.True(t, e.Permanent)
	})
}
