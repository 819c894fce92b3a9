package ffmpeg_test

import (
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
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func TestProbe(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	store := fileStore(t)
	args := append(testmedia.Video("320x240", "24000/1001", "3"), testmedia.Sound("2")...)
	src := testmedia.Make(t, "a.mkv", append(args, "-c:v", "libx264", "-g", "24", "-c:a", "libopus", "-metadata:s:a:0", "language=fra", "-aspect", "16:9")...)
	m, err := ffmpeg.New(store, nil).Probe(t.Context(), put(t, store, src))
	require.NoError(t, err)
	assert.Equal(t, "matroska,webm", m.Format)
	assert.InDelta(t, 3, m.Duration.Seconds(), 0.06)
	require.Len(t, m.Streams, 2)
	v, a := m.Streams[0], m.Streams[1]
	assert.Equal(t, encoder.VideoStream, v.Kind)
	assert.Equal(t, "h264", v.Codec)
	assert.Equal(t, hls.Rational{Num: 24000, Den: 1001}, v.FrameRate)
	assert.False(t, v.Variable)
	assert.InDelta(t, 1.0, v.KeyframeGap.Seconds(), 0.01)
	w, h := v.DisplaySize()
	assert.Equal(t, [2]int{427, 240}, [2]int{w, h})
	assert.Equal(t, "fra", a.Language)
	assert.Equal(t, 1, a.Channels)
	assert.Equal(t, 48000, a.SampleRate)
	assert.InDelta(t, 2, a.End.Seconds(), 0.05)
}

func TestProbeRefuses(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	dir := t.TempDir()
	whole := testmedia.Make(t, "whole.mp4", append(testmedia.Video("160x120", "25", "2"), "-c:v", "libx264")...)
	bytesOf, err := os.ReadFile(whole)
	require.NoError(t, err)
	neighbour := filepath.Join(dir, "neighbour.mp4")
	require.NoError(t, os.WriteFile(neighbour, bytesOf, 0o600))
	for name, content := range map[string]string{
		"empty":          "",
		"text":           "hello, this is no video at all\n",
		"no moov":        string(bytesOf[:len(bytesOf)/2]),
		"HLS playlist":   "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + neighbour + "\n#EXT-X-ENDLIST\n",
		"ffconcat":       "ffconcat version 1.0\nfile neighbour.mp4\n",
		"a shell script": "#!/bin/sh\necho hello\n",
		"zeros":          strings.Repeat("\x00", 65536),
	} {
		t.Run(name, func(t *testing.T) {
			store, err := blobstore.OpenFile(dir, nil)
			require.NoError(t, err)
			defer func() { _ = store.Close() }()
			info, err := store.Put(t.Context(), "upload.mp4", strings.NewReader(content), nil)
			require.NoError(t, err)
			_, err = ffmpeg.New(store, nil).Probe(t.Context(), encoder.Source{Parts: []encoder.Part{{Key: info.Key, Size: info.Size}}})
			var e *encoder.Error
			require.ErrorAs(t, err, &e)
			assert.True(t, e.Permanent)
			assert.Contains(t, []string{encoder.CodeUnsupportedFormat, encoder.CodeCorrupt}, e.Code)
			assert.NotEmpty(t, e.Message)
		})
	}
}

// A picture that is too large is refused before it takes memory, at the probe and
// where it comes later.
func TestPicturesTooLarge(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	for name, codec := range map[string][]string{
		"a.mov": {"-c:v", "png"},
		"a.mp4": {"-c:v", "libx264", "-c:a", "aac"},
		"a.ts":  {"-c:v", "mpeg2video", "-c:a", "mp2"},
	} {
		t.Run(name, func(t *testing.T) {
			store := fileStore(t)
			args := append(append(testmedia.Video("320x240", "25", "1"), testmedia.Sound("1")...), codec...)
			src := put(t, store, testmedia.Make(t, name, args...))
			m, err := fast(store).Probe(t.Context(), src)
			require.NoError(t, err)
			small := ffmpeg.New(store, &ffmpeg.Options{MaxPixels: 320 * 200})
			_, err = small.Probe(t.Context(), src)
			var e *encoder.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, encoder.CodeTooLarge, e.Code)
			assert.True(t, e.Permanent)
			grid, tracks, err := encoder.Plan(m, &encoder.PlanOptions{Copy: encoder.CopyNever}) // nothing is decoded for a copy
			require.NoError(t, err)
			err = small.Encode(t.Context(), encoder.Job{ID: "j", Output: "o", Source: src, Media: m, Grid: grid, Tracks: tracks}, func(encoder.Update) error { return nil })
			require.ErrorAs(t, err, &e)
			assert.Equal(t, encoder.CodeTooLarge, e.Code, e.Stderr)
		})
	}
}

func TestProbeSourceGone(t *testing.T) {
	testmedia.Need(t, "ffprobe")
	for name, store := range map[string]storage.Store{"file": fileStore(t), "memory": memStore(t)} {
		_, err := ffmpeg.New(store, nil).Probe(t.Context(), encoder.Source{Parts: []encoder.Part{{Key: "gone", Size: 10}}})
		var e *encoder.Error
		require.ErrorAs(t, err, &e, name)
		assert.Equal(t, encoder.CodeSourceUnavailable, e.Code)
		assert.ErrorIs(t, err, storage.ErrNotExist)
	}
}
