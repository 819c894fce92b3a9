package stills

import (
	"bytes"
	"fmt"
	"time"
)

// webVTT returns the file that says which picture stands for which time. Each is shown
// until the next.
func (b *board) webVTT(end time.Duration) []byte {
	var out bytes.Buffer
	out.WriteString("WEBVTT\n")
	for i, c := range b.cues {
		until := end
		if i+1 < len(b.cues) {
			until = b.cues[i+1].start
		}
		fmt.Fprintf(&out, "\n%s --> %s\n%s#xywh=%d,%d,%d,%d\n", clock(c.start), clock(until),
			c.sheet, c.at.Min.X, c.at.Min.Y, c.at.Dx(), c.at.Dy())
	}
	return out.Bytes()
}

// clock returns a time as WebVTT writes it.
func clock(d time.Duration) string {
	ms := d.Round(time.Millisecond).Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
