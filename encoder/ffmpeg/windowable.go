package ffmpeg

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
)

// seekable are the containers in which seeking is exact: it comes to a keyframe before
// the time that was asked for, and every frame has the time there that it has in one
// pass. MPEG-TS and PS have no index, and their clocks jump.
var seekable = [...]string{"mov,", "matroska,", "flv", "avi"}

// longestGOP is how far keyframes may be apart in a source of which windows are
// made: each window decodes from the keyframe before it.
const longestGOP = 30 * time.Second

// order notes what of a stream's packets keeps windows from being exact.
type order struct {
	lastDTS   float64
	broken    bool // timestamps that are missing or go back
	noPTS     bool // only decoding times: they say when frames without reordering are shown
	changes   bool // the decoder's parameters change within the stream
	keyframes int64
	delay     float64 // longest of a keyframe
}

func (o *order) packet(first bool, pts, dts float64, key, changed bool) {
	if first {
		o.lastDTS = math.Inf(-1)
	}
	switch {
	case math.IsNaN(pts) && math.IsNaN(dts):
		o.broken = true
	case math.IsNaN(pts):
		o.noPTS = true
	}
	if !math.IsNaN(dts) {
		o.broken = o.broken || dts <= o.lastDTS
		o.lastDTS = dts
	}
	if key {
		o.keyframes++
		if !math.IsNaN(pts) && !math.IsNaN(dts) {
			o.delay = max(o.delay, pts-dts)
		}
	}
	o.changes = o.changes || (changed && !first)
}

// windowable says which stream's pictures may be made in windows, by what the header
// and the packets say. ok is false where there is none.
func (o probeOutput) windowable(m encoder.Media, sc *scan) (s encoder.Stream, gop time.Duration, ok bool) {
	named := false
	for _, f := range seekable {
		named = named || strings.HasPrefix(o.Format.Name+",", f) || o.Format.Name == f
	}
	if !named || m.Truncated {
		return s, 0, false
	}
	for i, ps := range o.Streams {
		c := m.Streams[i]
		t := sc.streams[ps.Index]
		if c.Kind != encoder.VideoStream || c.CoverArt || t == nil {
			continue
		}
		if ok {
			return s, 0, false // a second one: seeking goes by one of them
		}
		s, ok = c, t.keyframes > 0 && c.End > c.Start && !t.broken && !t.changes && t.gop() <= longestGOP
		if t.noPTS && ps.Reordered != 0 {
			ok = false
		}
		if ps.Tags["alpha_mode"] == "1" {
			ok = false // what is transparent is a stream with keyframes of its own
		}
		if !ok {
			return s, 0, false
		}
		gop = t.gop()
	}
	return s, gop, ok
}

// gop is the longest time from a keyframe to the next, or to the end.
func (t *streamScan) gop() time.Duration { return toDuration(max(t.keyGap, t.last-t.lastKey)) }

// tryWindow seeks as a window does and says whether what comes is a keyframe that
// begins by itself: files may call any packet one, and some have no index, so that
// seeking ends at their start.
func (e *Encoder) tryWindow(ctx context.Context, in *input, m encoder.Media, s encoder.Stream, gop time.Duration) bool {
	at := m.Start + s.Start + (s.End-s.Start)*4/5
	args := []string{
		"-threads", "1", "-select_streams", strconv.Itoa(s.Index), "-read_intervals", fmt.Sprintf("%.6f%%+#12", at.Seconds()),
		"-show_packets", "-show_frames", "-show_entries", "packet=pts_time,dts_time,flags:frame=key_frame,pict_type", "-of", "json",
	}
	var raw bytes.Buffer
	if _, err := e.ffprobe(ctx, in, args, func(r io.Reader) error {
		_, err := io.Copy(&raw, io.LimitReader(r, probeLimit))
		return err
	}); err != nil {
		return false
	}
	var out struct {
		All []struct {
			Type    string `json:"type"`
			PTS     string `json:"pts_time"`
			DTS     string `json:"dts_time"`
			Flags   string `json:"flags"`
			Key     int    `json:"key_frame"`
			Picture string `json:"pict_type"`
		} `json:"packets_and_frames"`
	}
	if json.Unmarshal(raw.Bytes(), &out) != nil {
		return false
	}
	landed, decoded := false, false
	for _, p := range out.All {
		switch {
		case p.Type == "packet" && !landed:
			t := number(p.PTS)
			if math.IsNaN(t) {
				t = number(p.DTS)
			}
			back := at - toDuration(t)
			landed = strings.Contains(p.Flags, "K") && back > -s.DecodeDelay-time.Millisecond && back < gop+s.DecodeDelay+time.Second
			if !landed {
				return false
			}
		case p.Type == "frame" && !decoded:
			decoded = p.Key == 1 && p.Picture == "I"
			if !decoded {
				return false
			}
		}
	}
	return landed && decoded
}
