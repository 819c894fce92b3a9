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
func readProgress(r io.Reader, report func(encoder.Progress) error) error {
	var p encoder.Progress
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		key, value, _ := strings.Cut(sc.Text(), "=")
		value = strings.TrimSpace(value)
		switch key {
		case "out_time_us":
			if us, err := strconv.ParseInt(value, 10, 64); err == nil && us >= 0 && us < math.MaxInt64/1000 {
				p.Position = max(p.Position, time.Duration(us)*time.Microsecond)
			}
		case "speed":
			p.Speed = parseSpeed(value)
		case "progress":
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
