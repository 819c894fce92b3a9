package ffmpeg

import (
	"bufio"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
)

// readProgress reads the key=value lines of ffmpeg's -progress and calls report at
// the end of each block. Positions never go back; what is no number is left as it was.
// Where frameAt is not nil it tells the time of a frame, and frames are what counts: with
// -copyts ffmpeg takes its first report for the start of time.
func readProgress(r io.Reader, frameAt func(int64) time.Duration, report func(encoder.Progress) error) error {
	var p encoder.Progress
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		key, value, _ := strings.Cut(sc.Text(), "=")
		value = strings.TrimSpace(value)
		switch {
		case frameAt != nil && key == "frame":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && n < math.MaxInt32 {
				p.Position = max(p.Position, frameAt(n))
			}
		case frameAt != nil && key == "fps":
			p.Speed = parseSpeed(value) * frameAt(1).Seconds()
		case frameAt == nil && key == "out_time_us":
			if us, err := strconv.ParseInt(value, 10, 64); err == nil && us >= 0 && us < math.MaxInt64/1000 {
				p.Position = max(p.Position, time.Duration(us)*time.Microsecond)
			}
		case frameAt == nil && key == "speed":
			p.Speed = parseSpeed(value)
		case key == "progress":
			if err := report(p); err != nil {
				return err
			}
		}
	}
	return sc.Err()
}

// parseSpeed parses "1.5x"; 0 for "N/A" and what else is no number.
func parseSpeed(s string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}
