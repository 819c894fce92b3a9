package ffmpeg_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// clip makes a file of small pictures and stereo sound, H.264 and AAC unless args say
// otherwise.
func clip(t *testing.T, name, rate, seconds string, args ...string) string {
	t.Helper()
	in := append(testmedia.Video("320x320", rate, seconds), testmedia.Sound(seconds)...)
	in = append(in, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "32", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2")
	return testmedia.Make(t, name, append(in, args...)...)
}

// hashes returns one for each decoded frame of the pictures, or of the sound's samples.
func hashes(t *testing.T, path string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(testmedia.Run(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-")) {
		if f := strings.Split(strings.TrimSpace(line), ","); len(f) == 6 && !strings.HasPrefix(line, "#") {
			out = append(out, strings.TrimSpace(f[5]))
		}
	}
	return out
}

func pcm(t *testing.T, path string) string {
	t.Helper()
	return testmedia.Run(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:a:0", "-f", "s16le", "-")
}

// A source that is what players need has its pictures repackaged, whatever its rate and
// wherever its keyframes are: no picture is lost, doubled or moved, and the renditions that
// are encoded are cut at the same places.
func TestCopyTheBestRendition(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	for name, tc := range map[string]struct {
		path  string
		rate  hls.Rational
		cuts  []int64
		total int64
	}{
		"regular": {clip(t, "a.mp4", "25", "14", "-g", "50"), hls.Rational{Num: 25, Den: 1}, nil, 350},
		"B-frames and scene cuts": {clip(t, "a.mp4", "24000/1001", "14", "-g", "48", "-bf", "3", "-x264-params", "b-adapt=0:bframes=3:b-pyramid=normal:ref=3",
			"-force_key_frames", "1.3,2.9,4.71,6.1,7.5,9.2,10.02,11.9,13"), hls.Rational{Num: 24000, Den: 1001}, []int64{146, 285}, 336},
		"QuickTime, keyframes each second": {clip(t, "a.mov", "30000/1001", "13", "-g", "30", "-bf", "2", "-ar", "44100"), hls.Rational{Num: 30000, Den: 1001}, nil, 390},
		"a late start":                     {clip(t, "a.mp4", "30", "7", "-g", "45", "-bf", "2", "-an", "-output_ts_offset", "5"), hls.Rational{Num: 30, Den: 1}, nil, 210},
		"fragments at 60": {clip(t, "a.mp4", "60", "7", "-g", "100", "-bf", "2", "-an", "-movflags", "+frag_keyframe+delay_moov+default_base_moof"),
			hls.Rational{Num: 60, Den: 1}, []int64{300}, 420},
		"a clock of milliseconds": {clip(t, "a.mov", "24000/1001", "8.008", "-g", "25", "-bf", "2", "-video_track_timescale", "1000"), hls.Rational{Num: 24000, Den: 1001}, []int64{150}, 192},
		"mute":                    {clip(t, "a.mp4", "50", "7", "-g", "60", "-an"), hls.Rational{Num: 50, Den: 1}, nil, 350},
	} {
		t.Run(name, func(t *testing.T) {
			store := memStore(t)
			out := encode(t, fast(store), store, put(t, store, tc.path), &encoder.PlanOptions{MaxRenditions: 2})
			grid := out.job.Grid
			require.Equal(t, tc.rate, grid.FrameRate)
			require.Equal(t, tc.total, grid.Frames)
			require.Equal(t, tc.cuts, grid.Cuts)
			top, next := out.job.Tracks[0], out.job.Tracks[1]
			require.True(t, top.Copy, "%+v %+v", out.media.Streams[0], out.media.Streams[0].Samples)
			require.False(t, next.Copy)
			want := hashes(t, tc.path)
			require.EqualValues(t, tc.total, len(want))
			file := out.file(t, top.ID)
			assert.True(t, slices.Equal(want, hashes(t, file)), "the pictures differ")
			assert.Equal(t, "0.000000", probeFile(t, file).Start)
			assert.EqualValues(t, tc.total, len(hashes(t, out.file(t, next.ID))))

			scale := int64(out.inits[top.ID].Timescale)
			assert.Equal(t, out.inits[next.ID].Timescale, out.inits[top.ID].Timescale)
			require.Len(t, out.segments[top.ID], grid.Segments())
			for n, s := range out.segments[top.ID] {
				from, to := grid.Start(n), grid.Start(n+1)
				assert.Equal(t, []int64{from * scale * tc.rate.Den / tc.rate.Num, (to - from) * scale * tc.rate.Den / tc.rate.Num}, []int64{s.Start, s.Duration}, "segment %d", n)
				same := out.segments[next.ID][n]
				assert.Equal(t, []int64{s.Start, s.Duration}, []int64{same.Start, same.Duration}, "segment %d", n)
			}
			if len(out.job.Tracks) > 2 {
				sound := out.job.Tracks[2]
				require.True(t, sound.Copy, "%+v %+v", out.media.Streams[1], out.media.Streams[1].Samples)
				assert.InDelta(t, grid.Duration().Seconds(), out.duration(sound.ID), 0.05)
				sameSound(t, pcm(t, tc.path), pcm(t, out.file(t, sound.ID)), 2)
			}
			report := out.publish(t)
			require.NoError(t, report.Err())
			for _, f := range report.Findings {
				assert.True(t, f.Severity == check.Info || f.Rule == "M9.21" || f.Rule == "M9.9", "%s: %s", f.Rule, f.Message)
				assert.NotContains(t, []string{"S8.22", "S7.5", "S1.13", "S1.30"}, f.Rule, f.Message)
			}
			for _, v := range report.Variants {
				assert.Less(t, v.Bandwidth, int64(5_000_000))
			}
		})
	}
}

// sameSound compares samples. Of what was repackaged ffmpeg shows the priming, too; at the
// end there may be a frame more or less.
func sameSound(t *testing.T, want, got string, channels int) {
	t.Helper()
	const frame = 1024
	sample := 2 * channels
	require.Greater(t, len(got), frame*sample)
	got = got[frame*sample:]
	n := min(len(want), len(got))
	assert.LessOrEqual(t, max(len(want), len(got))-n, 3*frame*sample)
	n -= 2 * frame * sample
	require.Positive(t, n)
	assert.True(t, want[:n] == got[:n], "the sound differs")
}

// What is not as players need it is encoded, and where nothing may be encoded the error
// says what is the matter.
func TestCopyRefuses(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	whole := clip(t, "whole.mp4", "25", "8", "-g", "50", "-bf", "2")
	for name, tc := range map[string]struct {
		path string
		why  string
	}{
		"open GOPs":              {clip(t, "a.mp4", "25", "8", "-x264-params", "open-gop=1:keyint=50:bframes=3:b-adapt=0:scenecut=0"), "open GOP"},
		"keyframes too rare":     {clip(t, "a.mp4", "25", "8", "-g", "100"), "up to 4.0 s apart"},
		"no keyframe at the end": {clip(t, "a.mp4", "25", "8", "-g", "1000", "-force_key_frames", "1,2,3,4,5"), "up to 3.0 s apart"},
		"a varying rate":         {clip(t, "a.mp4", "25", "8", "-g", "40", "-vf", "select='not(between(n,60,75))'", "-fps_mode", "vfr"), "varying rate"},
		"turned":                 {testmedia.Make(t, "a.mp4", "-i", whole, "-c", "copy", "-metadata:s:v", "rotate=90"), "turned"},
		"4:2:2":                  {clip(t, "a.mp4", "25", "4", "-g", "50", "-pix_fmt", "yuv422p"), "High 4:2:2"},
		"10 bit":                 {clip(t, "a.mp4", "25", "4", "-g", "50", "-pix_fmt", "yuv420p10le"), "High 10"},
		"full range":             {clip(t, "a.mp4", "25", "4", "-g", "50", "-pix_fmt", "yuvj420p"), "yuvj420p"},
		"pixels not square":      {clip(t, "a.mp4", "25", "4", "-g", "50", "-vf", "setsar=4/3"), "4:3"},
		"interlaced":             {clip(t, "a.mp4", "25", "4", "-g", "50", "-vf", "setfield=tff", "-flags", "+ildct+ilme", "-x264-params", "tff=1"), "interlaced"},
		"Matroska":               {clip(t, "a.mkv", "25", "4", "-g", "50"), "not in MP4"},
		"another codec":          {clip(t, "a.mp4", "25", "4", "-c:v", "mpeg4"), "mpeg4"},
		"a hidden beginning":     {testmedia.Make(t, "a.mp4", "-ss", "1", "-i", whole, "-c", "copy"), "not shown"},
		"the picture ends":       {clip(t, "a.mp4", "25", "4", "-g", "50", "-vf", "trim=end=3.2"), "the sound goes on"},
		"120 a second":           {clip(t, "a.mp4", "120", "3", "-g", "60"), "120.000 a second"},
	} {
		t.Run(name, func(t *testing.T) {
			store := memStore(t)
			m, err := fast(store).Probe(t.Context(), put(t, store, tc.path))
			require.NoError(t, err)
			grid, tracks, err := encoder.Plan(m, nil)
			require.NoError(t, err)
			assert.False(t, tracks[0].Copy)
			assert.Empty(t, grid.Cuts)
			_, _, err = encoder.Plan(m, &encoder.PlanOptions{Copy: encoder.CopyOnly})
			var e *encoder.Error
			require.True(t, errors.As(err, &e), "%v", err)
			assert.Equal(t, encoder.CodeNotCopyable, e.Code)
			assert.True(t, e.Permanent)
			assert.Contains(t, e.Message, tc.why)
		})
	}
}

// A bit rate out of proportion is not offered beside a ladder, and alone it is.
func TestCopyOnly(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	heavy := clip(t, "a.mp4", "25", "8", "-g", "50", "-bf", "2", "-vf", "noise=alls=80:allf=t", "-crf", "10", "-ac", "1")
	store := fileStore(t)
	ff := fast(store)
	src := put(t, store, heavy)
	m, err := ff.Probe(t.Context(), src)
	require.NoError(t, err)
	_, tracks, err := encoder.Plan(m, nil)
	require.NoError(t, err)
	assert.False(t, tracks[0].Copy, "%+v", tracks[0])
	assert.False(t, tracks[len(tracks)-1].Copy, "mono becomes stereo")
	_, never, err := encoder.Plan(m, &encoder.PlanOptions{Copy: encoder.CopyNever})
	require.NoError(t, err)
	assert.Equal(t, tracks, never)

	out := encode(t, ff, store, src, &encoder.PlanOptions{Copy: encoder.CopyOnly, MaxHeight: 160, Cellular: true})
	require.Len(t, out.job.Tracks, 2)
	video, sound := out.job.Tracks[0], out.job.Tracks[1]
	assert.Equal(t, "v320", video.ID)
	assert.True(t, video.Copy && sound.Copy)
	assert.Equal(t, 1, sound.Channels)
	assert.True(t, slices.Equal(hashes(t, heavy), hashes(t, out.file(t, video.ID))), "the pictures differ")
	sameSound(t, pcm(t, heavy), pcm(t, out.file(t, sound.ID)), 1)
	require.NoError(t, out.publish(t).Err())
	stored := int64(0)
	for _, segments := range out.segments {
		for _, s := range segments {
			stored += s.Size
		}
	}
	assert.Less(t, stored, out.job.MaxOutput())
	last := out.progress[len(out.progress)-1]
	assert.Equal(t, out.job.Grid.Duration(), last.Position)
}

// Copies run beside the windows of what is encoded, and everything fits together.
func TestCopyBesideWindows(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	path := clip(t, "a.mp4", "25", "27", "-g", "48", "-bf", "2", "-force_key_frames", "4.4,9,13.3,20.2")
	store := fileStore(t)
	ff := fast(store)
	src := put(t, store, path)
	m, err := ff.Probe(t.Context(), src)
	require.NoError(t, err)
	require.True(t, m.Windowable)
	grid, tracks, err := encoder.Plan(m, &encoder.PlanOptions{MaxRenditions: 2})
	require.NoError(t, err)
	require.True(t, tracks[0].Copy, "%+v", m.Streams[0].Samples)
	require.NotEmpty(t, grid.Cuts)
	job := encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid, Tracks: tracks}
	one := encodeJob(t, ff, store, job)

	job.Output = "media/b/1"
	pub, err := hls.NewPublisher(store, "media/b", "1", job.Presentation(), nil)
	require.NoError(t, err)
	limited := encoder.Limit(ff, 1, nil)
	parallel := output{store: store, job: job, inits: map[string]hls.Init{}, segments: map[string][]hls.Segment{}}
	err = encoder.Parallel(limited, &encoder.ParallelOptions{Longest: 12 * time.Second}).Encode(t.Context(), job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			parallel.inits[u.Init.Track] = *u.Init
			return pub.Init(t.Context(), *u.Init)
		case u.Segment != nil:
			parallel.segments[u.Segment.Track] = append(parallel.segments[u.Segment.Track], *u.Segment)
			return pub.Segment(t.Context(), *u.Segment)
		}
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, pub.Finish(t.Context()))
	assert.Equal(t, one.inits, parallel.inits)
	for _, id := range []string{tracks[0].ID, tracks[2].ID} {
		assert.Equal(t, one.segments[id], parallel.segments[id], "the same bytes at the same keys")
	}
	// Windows are scaled from the same pictures: the frames are nearly those of one pass.
	a, b := one.file(t, tracks[1].ID), parallel.file(t, tracks[1].ID)
	assert.EqualValues(t, grid.Frames, len(hashes(t, b)))
	var times [2][]int64
	for i, o := range []output{one, parallel} {
		for _, s := range o.segments[tracks[1].ID] {
			times[i] = append(times[i], s.Start, s.Duration)
		}
	}
	assert.Equal(t, times[0], times[1])
	psnr := testmedia.Run(t, "ffmpeg", "-v", "info", "-nostats", "-i", a, "-i", b, "-lavfi", "psnr=stats_file=-", "-f", "null", "-")
	assert.Equal(t, int(grid.Frames), strings.Count(psnr, "psnr_avg:"))
	assert.False(t, math.IsNaN(grid.Duration().Seconds()))
}

// Keyframes are looked at wherever the store has them, also across the ends of parts.
func TestCopyFromParts(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	whole, err := os.ReadFile(clip(t, "a.mp4", "25", "5", "-g", "25", "-bf", "2"))
	require.NoError(t, err)
	store := memStore(t)
	var src encoder.Source
	for n, part := range [][]byte{whole[:50], whole[50:3001], whole[3001 : len(whole)/2], whole[len(whole)/2:]} {
		info, err := store.Put(t.Context(), fmt.Sprintf("sources/a/%d", n), bytes.NewReader(part), nil)
		require.NoError(t, err)
		src.Parts = append(src.Parts, encoder.Part{Key: info.Key, Size: info.Size, ETag: info.ETag})
	}
	out := encode(t, fast(store), store, src, &encoder.PlanOptions{Copy: encoder.CopyOnly})
	require.Empty(t, out.media.Streams[0].Samples.Fault)
	assert.EqualValues(t, 125, len(hashes(t, out.file(t, "v320"))))
}
