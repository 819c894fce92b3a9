package check

import (
	"bytes"
	"strings"
)

// subtitles is the head of a WebVTT segment.
type subtitles struct {
	mapped bool // X-TIMESTAMP-MAP is there
}

// parseWebVTT reads the header block (RFC 8216 section 3.5): the lines up to the first
// empty one.
func parseWebVTT(b []byte) *subtitles {
	s := &subtitles{}
	head := string(bytes.ReplaceAll(b, []byte("\r"), nil))
	if i := strings.Index(head, "\n\n"); i >= 0 {
		head = head[:i]
	}
	for line := range strings.SplitSeq(head, "\n") {
		if strings.HasPrefix(line, "X-TIMESTAMP-MAP=") && strings.Contains(line, "MPEGTS:") && strings.Contains(line, "LOCAL:") {
			s.mapped = true
		}
	}
	return s
}
