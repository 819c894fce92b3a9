package ffmpeg

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/smalldisk"
)

func TestNoRoomForTheFolder(t *testing.T) {
	tmp := smalldisk.Mount(t, "nr_inodes=1")
	t.Setenv("TMPDIR", tmp)
	_, err := start(t.Context(), command{program: script(t, "true"), log: quiet})
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeNoSpace, e.Code)
	assert.False(t, e.Permanent)
	assert.ErrorIs(t, e, syscall.ENOSPC)
	assert.Equal(t, "The disk for temporary files is full: there is no room for a folder for the encoder to work in. Make room in "+tmp+
		", or let TMPDIR name a folder elsewhere.", e.Message)
}

// What a program writes all the same ends it, and its folder is gone with it.
func TestMaxTemp(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	body := "exec head -c 100000 /dev/zero > file"
	var e *encoder.Error
	require.ErrorAs(t, job(t, &Options{FFmpeg: script(t, body), MaxTemp: 4096}), &e)
	assert.Equal(t, encoder.CodeEncoderFailed, e.Code)
	assert.False(t, e.Permanent)
	assert.Contains(t, e.Message, "Options.MaxTemp")
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	assert.Empty(t, left)

	run := func(c confinement) error {
		p, err := start(t.Context(), command{program: script(t, body), log: quiet, confine: c})
		require.NoError(t, err)
		return p.wait()
	}
	assert.NoError(t, run(confinement{temp: 100_000}), "up to a block")
	assert.NoError(t, run(confinement{}), "no cap")
	assert.Error(t, run(confinement{memory: 1 << 30, temp: 90_000}))
}
