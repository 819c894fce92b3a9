package pack_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "make the fixtures in testdata again, with ffmpeg")

// fixture reads a small stream that ffmpeg made, so that the tests of errors and the
// fuzz targets need none. video.mp4 has four GOPs of 5 frames at 25 a second,
// audio.mp4 19 fragments of 1024 samples at 48 kHz.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		var b []byte
		if name == "video.mp4" {
			b = ffmpeg(t, nil, "-f", "lavfi", "-i", "testsrc2=s=32x18:r=25", "-frames:v", "20", "-c:v", "libx264",
				"-threads", "1", "-g", "5", "-keyint_min", "5", "-sc_threshold", "0", "-flags", "+cgop+bitexact", "-bsf:v", "filter_units=remove_types=6",
				"-video_track_timescale", "25", "-fflags", "+bitexact", "-f", "mp4", "-movflags", videoFlags, "pipe:1")
		} else {
			b = ffmpeg(t, nil, "-f", "lavfi", "-i", "sine=r=48000:d=0.384", "-c:a", "aac", "-b:a", "24k",
				"-flags", "+bitexact", "-fflags", "+bitexact", "-f", "mp4", "-movflags", audioFlags, "pipe:1")
		}
		require.NoError(t, os.WriteFile(file, b, 0o600))
	}
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return b
}

// box is where a top-level box of a stream lies.
type box struct {
	kind       string
	start, end int
}

func boxes(stream []byte) []box {
	var found []box
	for off := 0; off+8 <= len(stream); {
		size := int(binary.BigEndian.Uint32(stream[off:]))
		found = append(found, box{string(stream[off+4 : off+8]), off, off + size})
		off += size
	}
	return found
}

// upTo cuts the stream behind its n-th box of the kind, counted from 1.
func upTo(stream []byte, kind string, n int) []byte {
	for _, b := range boxes(stream) {
		if b.kind == kind {
			if n--; n == 0 {
				return bytes.Clone(stream[:b.end])
			}
		}
	}
	return nil
}

// edit returns a copy of the stream in which the bytes that follow the n-th mark
// (counted from 1) by skip are replaced.
func edit(stream []byte, mark string, n, skip int, with ...byte) []byte {
	b := bytes.Clone(stream)
	at := 0
	for ; n > 0; n-- {
		i := bytes.Index(b[at:], []byte(mark))
		if i < 0 {
			return nil
		}
		at += i + len(mark)
	}
	copy(b[at+skip:], with)
	return b
}
