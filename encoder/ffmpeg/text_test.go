package ffmpeg_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/testmedia"
)

const srt = "1\n00:00:01,000 --> 00:00:02,500\nOne <i>slanted</i>\n\n2\n00:00:05,500 --> 00:00:06,500\nTwo\n\n3\n00:00:08,000 --> 00:00:09,000\nThree\n"

// Subtitles of every text codec become segments of WebVTT at their times, whatever
// time the source starts at.
func TestEncodeSubtitles(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	dir := t.TempDir()
	text := filepath.Join(dir, "text.srt")
	require.NoError(t, os.WriteFile(text, []byte(srt), 0o600))
	for name, c := range map[string]struct {
		file string
		args []string
	}{
		"SubRip in Matroska":          {"a.mkv", []string{"-c:a", "flac", "-c:s", "srt"}},
		"ASS in Matroska, from 100 s": {"b.mkv", []string{"-c:a", "flac", "-c:s", "ass", "-output_ts_offset", "100"}},
		"mov_text in MP4":             {"c.mp4", []string{"-c:s", "mov_text"}},
		"WebVTT in Matroska":          {"d.mkv", []string{"-c:a", "flac", "-c:s", "webvtt"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, c.file)
			testmedia.Run(t, "ffmpeg", append(append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=14", "-f", "lavfi", "-i", "sine=d=14", "-i", text,
				"-map", "0", "-map", "1", "-map", "2", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", // FLAC has no priming, which would move all
				"-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger"}, c.args...), path)...)
			store := fileStore(t)
			ff := ffmpeg.New(store, nil)
			out := encode(t, ff, store, put(t, store, path), nil)
			for _, track := range []string{"text", "text-2"} {
				segments := out.segments[track]
				require.Len(t, segments, 3, track)
				var bodies []string
				for _, s := range segments {
					obj, err := store.Open(t.Context(), "media/a/1/"+s.Key, nil)
					require.NoError(t, err)
					body, err := io.ReadAll(obj)
					require.NoError(t, obj.Close())
					require.NoError(t, err)
					bodies = append(bodies, string(body))
				}
				assert.Contains(t, bodies[0], "00:00:01.000 --> 00:00:02.500\nOne <i>slanted</i>")
				assert.Contains(t, bodies[0], "00:00:05.500 --> 00:00:06.500\nTwo")
				assert.Contains(t, bodies[1], "Two", "it lasts into the next segment")
				assert.Contains(t, bodies[1], "00:00:08.000 --> 00:00:09.000\nThree")
				assert.NotContains(t, bodies[2], "-->")
				assert.True(t, strings.HasPrefix(bodies[2], "WEBVTT\n"))
			}
			require.Len(t, out.segments["audio"], 3)
			last := -1.0
			for _, p := range out.progress {
				assert.GreaterOrEqual(t, p.Position.Seconds(), last)
				last = p.Position.Seconds()
			}
		})
	}
}

// A stream that is no text gives an error, not a track without words.
func TestEncodeSubtitlesOfSound(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	path := filepath.Join(t.TempDir(), "a.mp4")
	testmedia.Run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", path)
	store := fileStore(t)
	ff := ffmpeg.New(store, nil)
	src := put(t, store, path)
	m, err := ff.Probe(t.Context(), src)
	require.NoError(t, err)
	grid, tracks, err := encoder.Plan(m, nil)
	require.NoError(t, err)
	tracks = append(tracks, encoder.TrackSpec{Track: hls.Track{ID: "text", Kind: hls.Subtitle}})
	err = ff.Encode(t.Context(), encoder.Job{ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid, Tracks: tracks}, func(encoder.Update) error { return nil })
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
}
