package ffmpeg_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/testmedia"
)

// samples are one channel's, at 48 kHz.
type samples []float64

// rawSound writes what at says of each channel at each time, and returns ffmpeg's
// arguments to read it.
func rawSound(t *testing.T, rate int, layout string, channels int, seconds float64, at func(channel int, t float64) float64) []string {
	t.Helper()
	var data []byte
	for i := range int(seconds * float64(rate)) {
		for c := range channels {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(at(c, float64(i)/float64(rate)))))
		}
	}
	path := filepath.Join(t.TempDir(), "sound")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return []string{"-f", "f32le", "-ar", strconv.Itoa(rate), "-channel_layout", layout, "-ac", strconv.Itoa(channels), "-i", path}
}

// heard returns the two channels of an output as players put them on the timeline.
func heard(t *testing.T, path string) [2]samples {
	t.Helper()
	raw := testmedia.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", path, "-map", "0:a", "-af", "aresample=async=1:first_pts=0",
		"-ac", "2", "-ar", "48000", "-f", "f32le", "-")
	var out [2]samples
	for i := 0; i+8 <= len(raw); i += 8 {
		for c := range out {
			out[c] = append(out[c], float64(math.Float32frombits(binary.LittleEndian.Uint32([]byte(raw[i+4*c:i+4*c+4])))))
		}
	}
	return out
}

// between cuts out a piece, in seconds.
func (s samples) between(from, to float64) samples {
	return s[min(len(s), int(from*48_000)):min(len(s), int(to*48_000))]
}

// tone is how strong a frequency is: the amplitude of its sine (Goertzel).
func (s samples) tone(hz float64) float64 {
	var re, im float64
	for i, v := range s {
		window := 1 - math.Cos(2*math.Pi*float64(i)/float64(len(s)))
		phase := 2 * math.Pi * hz * float64(i) / 48_000
		re, im = re+v*window*math.Cos(phase), im+v*window*math.Sin(phase)
	}
	return 2 * math.Hypot(re, im) / float64(max(1, len(s)))
}

func (s samples) peak() (most float64) {
	for _, v := range s {
		most = max(most, v, -v)
	}
	return most
}

func (s samples) power() (sum float64) {
	for _, v := range s {
		sum += v * v
	}
	return sum / float64(max(1, len(s)))
}

// onsets returns when sound of at least level begins after 50 ms without, in seconds.
func (s samples) onsets(level float64) (at []float64) {
	quiet := 2400
	for i, v := range s {
		if math.Abs(v) < level {
			quiet++
			continue
		}
		if quiet >= 2400 {
			at = append(at, float64(i)/48_000)
		}
		quiet = 0
	}
	return at
}

// beeps is a sound that has a short tone at each of the times.
func beeps(hz float64, times ...float64) func(int, float64) float64 {
	return func(_ int, t float64) float64 {
		for _, at := range times {
			if t >= at && t < at+0.06 {
				return 0.5 * math.Cos(2*math.Pi*hz*(t-at))
			}
		}
		return 0
	}
}
