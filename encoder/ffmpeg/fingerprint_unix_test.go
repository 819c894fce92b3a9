//go:build unix

package ffmpeg

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
)

// The fingerprint tells apart what must not be joined, and nothing else.
func TestFingerprint(t *testing.T) {
	old := script(t, `echo "ffmpeg version 5.1.9"; echo "configuration: --enable-gpl"`)
	of := func(o Options) string {
		if o.FFmpeg == "" {
			o.FFmpeg = old
		}
		print, err := New(nil, &o).Fingerprint(t.Context())
		require.NoError(t, err)
		assert.Regexp(t, `^[0-9a-f]{16}$`, print)
		return print
	}
	base := of(Options{})
	for name, o := range map[string]Options{
		"threads":       {Threads: 7},
		"the same ones": {Preset: "veryfast", VideoArgs: []string{}},
		"limits":        {MaxPixels: 5, MaxMemory: -1},
		"another place": {FFmpeg: script(t, `echo "ffmpeg version 5.1.9"; echo "configuration: --enable-gpl"`)},
	} {
		assert.Equal(t, base, of(o), name)
	}
	seen := map[string]string{base: "the default"}
	for name, o := range map[string]Options{
		"preset":     {Preset: "fast"},
		"video":      {VideoArgs: []string{"-tune", "film"}},
		"audio":      {AudioArgs: []string{"-tune", "film"}},
		"input":      {InputArgs: []string{"-tune", "film"}},
		"two":        {VideoArgs: []string{"-tune", "film", "-x"}},
		"two in one": {VideoArgs: []string{"-tune film", "-x"}},
		"version":    {FFmpeg: script(t, `echo "ffmpeg version 6.1"; echo "configuration: --enable-gpl"`)},
		"build":      {FFmpeg: script(t, `echo "ffmpeg version 5.1.9"; echo "configuration: --enable-gpl --enable-libx265"`)},
	} {
		print := of(o)
		assert.Empty(t, seen[print], name)
		seen[print] = name
	}
	_, err := New(nil, &Options{FFmpeg: "/nowhere/ffmpeg"}).Fingerprint(t.Context())
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeEncoderMissing, e.Code)
}
