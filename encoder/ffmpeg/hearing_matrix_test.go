package ffmpeg_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// sound encodes the file in windows where it can be, with segments of 24 frames.
func (s *studio) sound(t *testing.T, path string) output {
	t.Helper()
	job := s.plan(t, path, encoder.PlanOptions{})
	job.Grid.GOP, job.Grid.Segment = 8, 24
	out := encodeJob(t, encoder.Parallel(s.ff, &encoder.ParallelOptions{Workers: 1}), s.store, job)
	for _, tr := range job.Tracks {
		assert.InDelta(t, job.Grid.Duration().Seconds(), out.duration(tr.ID), 0.03, tr.ID)
	}
	assert.Equal(t, "mp4a.40.2", out.inits["audio"].Codecs)
	return out
}

// seam is how long the segments of sound are, at 25 frames a second.
const seam = 24.0 / 25

// Sound of any rate is where it was, at the start, at every seam and at the end, as loud
// as it was and of the same pitch.
func TestSoundRates(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	const seconds = 4.5
	at := []float64{0.1, seam, 2 * seam, 3 * seam, 4 * seam, seconds - 0.1}
	studio := newStudio(t)
	for _, rate := range []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000} {
		for file, codec := range map[string]string{"a.mkv": "pcm_s16le", "a.mp4": "aac"} {
			if codec == "aac" && (rate == 12000 || rate%16000 == 0 || rate == 22050 || rate == 88200) {
				continue // the others will do
			}
			t.Run(fmt.Sprintf("%d %s", rate, codec), func(t *testing.T) {
				studio.enter(t)
				path := testmedia.Make(t, file, append(rawSound(t, rate, "stereo", 2, seconds, beeps(1000, at...)), "-c:a", codec, "-b:a", "128k")...)
				got := heard(t, studio.sound(t, path).file(t, "audio"))
				worst := 0.0
				for c := range got {
					times := got[c].onsets(0.2)
					require.Len(t, times, len(at))
					for i := range at {
						worst = max(worst, math.Abs(times[i]-at[i]))
					}
					assert.InDelta(t, 0, 20*math.Log10(got[c].between(seam, seam+0.06).tone(1000)/0.5), 1.5, "dB")
				}
				t.Logf("%6d Hz %-9s off by %4.1f ms", rate, codec, 1000*worst)
				assert.Less(t, worst, 0.02)
			})
		}
	}
}

// Sound that starts or ends elsewhere than the pictures is at its time, and what is
// missing is silent.
func TestSoundPlaces(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	video := func(seconds string) []string {
		return []string{"-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=" + seconds}
	}
	slow := func(seconds string) []string {
		return []string{"-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=" + seconds + ",settb=1/1000"}
	}
	pcm := []string{"-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-g", "12", "-fps_mode", "passthrough", "-enc_time_base:v", "1/1000", "-c:a", "pcm_s16le"}
	aac := append(append([]string{}, pcm[:len(pcm)-1]...), "aac")
	opus := append(append([]string{}, pcm[:len(pcm)-1]...), "libopus")
	studio := newStudio(t)
	for name, c := range map[string]struct {
		file    string
		seconds float64   // of the sound
		at      []float64 // beeps in it
		before  []string  // the picture, and where the sound begins
		after   []string
		end     float64
	}{
		"late by 2.5 s, mkv":  {"a.mkv", 3, []float64{0, 3*seam - 2.5, 0.7, 4*seam - 2.5, 2.9}, append(video("5.5"), "-itsoffset", "2.5"), pcm, 5.5},
		"late by 2.5 s, mp4":  {"a.mp4", 3, []float64{0, 3*seam - 2.5, 0.7, 4*seam - 2.5, 2.9}, append(video("5.5"), "-itsoffset", "2.5"), aac, 5.5},
		"ends 3 s early, mkv": {"a.mkv", 2.5, []float64{0.1, seam, 2 * seam, 2.4}, video("5.5"), pcm, 5.5},
		"ends 3 s early, mp4": {"a.mp4", 2.5, []float64{0.1, seam, 2 * seam, 2.4}, video("5.5"), aac, 5.5},
		"before the pictures": {"a.mkv", 5, []float64{0.1, seam, 2 * seam, 3 * seam, 4.9}, append([]string{"-itsoffset", "1.2"}, video("3.8")...), pcm, 5},
		"before, mp4":         {"a.mp4", 5, []float64{0.1, seam, 2 * seam, 3 * seam, 4.9}, append([]string{"-itsoffset", "1.2"}, video("3.8")...), aac, 5},
		"outlasts by 2 s":     {"a.mkv", 5, []float64{0.1, seam, 2 * seam, 3 * seam, 4.9}, video("3"), pcm, 5},
		"begins at 7 s, ts":   {"a.ts", 4, []float64{0.1, seam, 2 * seam, 3.9}, video("4"), append(append([]string{}, aac...), "-output_ts_offset", "7"), 4},
		"negative, mkv":       {"a.mkv", 4, []float64{0.1, seam, 2 * seam, 3.9}, video("4"), opus, 4},
		"negative, mp4":       {"a.mp4", 4, []float64{0.5, seam + 0.4, 2*seam + 0.4, 3.9}, video("4"), append(append([]string{}, aac...), "-output_ts_offset", "-0.4", "-avoid_negative_ts", "disabled"), 3.6},
		"between frames":      {"a.mkv", 4, []float64{0.1, seam, 2 * seam, 3.9}, append([]string{"-itsoffset", "0.045"}, slow("4")...), pcm, 4.04},
		"between, other way":  {"a.mkv", 4, []float64{0.1, seam, 2 * seam, 3.9}, append([]string{"-itsoffset", "0.055"}, slow("4")...), pcm, 4.06},
		"5.1, AC-3 in mkv":    {"a.mkv", 4, []float64{0.1, seam, 2 * seam, 3.9}, video("4"), append(append([]string{}, pcm[:len(pcm)-1]...), "ac3", "-ac", "6"), 4},
		"mp3 in mkv":          {"a.mkv", 4, []float64{0.1, seam, 2 * seam, 3.9}, video("4"), append(append([]string{}, pcm[:len(pcm)-1]...), "libmp3lame"), 4},
		"AC-3 in ts":          {"a.ts", 4, []float64{0.1, seam, 2 * seam, 3.9}, video("4"), append(append([]string{}, pcm[:len(pcm)-1]...), "ac3"), 4},
	} {
		t.Run(name, func(t *testing.T) {
			studio.enter(t)
			path := testmedia.Make(t, c.file, append(append(c.before, rawSound(t, 48_000, "stereo", 2, c.seconds, beeps(1000, c.at...))...), c.after...)...)
			out := studio.sound(t, path)
			assert.InDelta(t, c.end, out.job.Grid.Duration().Seconds(), 0.1)
			// What was heard at a picture is heard at that picture, which is on a frame.
			shift := -out.media.Start.Seconds()
			for _, s := range out.media.Streams {
				if rate := out.job.Grid.FrameRate.Float(); s.Kind == encoder.VideoStream {
					shift += math.Round(s.Start.Seconds()*rate)/rate - s.Start.Seconds()
				}
			}
			source := heard(t, path)[0].onsets(0.2)
			got := heard(t, out.file(t, "audio"))[0]
			times := got.onsets(0.2)
			require.Len(t, source, len(c.at), "%v", source)
			require.Len(t, times, len(c.at), "%v", times)
			worst := 0.0
			for i := range times {
				worst = max(worst, math.Abs(times[i]-source[i]-shift))
			}
			begins := times[0] - c.at[0]
			t.Logf("%-20s off by %4.1f ms", name, 1000*worst)
			assert.Less(t, worst, 0.02)
			assert.Less(t, got.between(0, max(0, begins-0.05)).peak(), 0.01, "silent before")
			assert.Less(t, got.between(begins+c.seconds+0.05, 99).peak(), 0.01, "silent after")
		})
	}
}

// Every channel is heard where it belongs, as loud as ITU-R BS.775 says: the centre in
// both at 0.707, those at the side and behind at 0.707 in theirs, low effects not at all.
func TestSoundChannels(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	const minus3 = math.Sqrt2 / 2
	studio := newStudio(t)
	for layout, want := range map[string][][2]float64{ // of each channel: left, right
		"mono":      {{minus3, minus3}},
		"stereo":    {{1, 0}, {0, 1}},
		"2.1":       {{1, 0}, {0, 1}, {0, 0}},
		"3.0":       {{1, 0}, {0, 1}, {minus3, minus3}},
		"quad":      {{1, 0}, {0, 1}, {minus3, 0}, {0, minus3}},
		"5.0":       {{1, 0}, {0, 1}, {minus3, minus3}, {minus3, 0}, {0, minus3}},
		"5.1":       {{1, 0}, {0, 1}, {minus3, minus3}, {0, 0}, {minus3, 0}, {0, minus3}},
		"5.1(side)": {{1, 0}, {0, 1}, {minus3, minus3}, {0, 0}, {minus3, 0}, {0, minus3}},
		"7.1":       {{1, 0}, {0, 1}, {minus3, minus3}, {0, 0}, {minus3, 0}, {0, minus3}, {minus3, 0}, {0, minus3}},
	} {
		t.Run(layout, func(t *testing.T) {
			studio.enter(t)
			hz := func(c int) float64 { return 400 + 300*float64(c) }
			path := testmedia.Make(t, "a.wav", append(rawSound(t, 48_000, layout, len(want), 1.5, func(c int, at float64) float64 {
				return 0.1 * math.Sin(2*math.Pi*hz(c)*at)
			}), "-c:a", "pcm_s16le")...)
			got := heard(t, studio.sound(t, path).file(t, "audio"))
			for c := range want {
				for side, name := range []string{"left", "right"} {
					assert.InDelta(t, 0.1*want[c][side], got[side].between(0.3, 1.2).tone(hz(c)), 0.01, "channel %d, %s", c, name)
				}
			}
		})
	}
}

// Loud channels that add up are held down, not cut off.
func TestSoundDoesNotClip(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	studio := newStudio(t)
	for layout, channels := range map[string]int{"5.1": 6, "7.1": 8, "mono": 1} {
		t.Run(layout, func(t *testing.T) {
			path := testmedia.Make(t, "a.wav", append(rawSound(t, 48_000, layout, channels, 3, func(_ int, at float64) float64 {
				return 0.95 * math.Sin(2*math.Pi*500*at)
			}), "-c:a", "pcm_s16le")...)
			got := heard(t, studio.sound(t, path).file(t, "audio"))[0].between(0.5, 2.5)
			a := got.tone(500)
			rest := 10 * math.Log10((got.power()-a*a/2)/got.power())
			t.Logf("%s: peak %.3f, amplitude %.3f, all else %.1f dB", layout, got.peak(), a, rest)
			assert.LessOrEqual(t, got.peak(), 1.03)
			assert.Greater(t, a, 0.65)
			assert.Less(t, rest, -30.0, "%s dB of distortion", strconv.FormatFloat(rest, 'f', 1, 64))
		})
	}
}
