package ffmpeg

import (
	"fmt"
	"math"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

const (
	// longestSegment is how long a segment of samples that are copied may be, in seconds:
	// less than what would make the target duration 7.
	longestSegment = 6.35
	// mostKeyframes bounds how many places of keyframes are kept.
	mostKeyframes = 1 << 17
	// mostInGOP bounds the frames of a GOP that are kept.
	mostInGOP = 1024
	// offPlace is how far a frame's time may be from its place at the constant rate, in
	// frames, and stray how far the first may be from the timeline's start.
	offPlace, stray = 0.25, 0.2
)

// place is where a keyframe's sample is in the file.
type place struct {
	at    float64 // presentation time, seconds
	pos   int64
	bytes int64
}

// coded looks at whether the samples of a stream could be repackaged: for sound it sums
// them up, for pictures it also sees that every frame has one place at the rate that the
// header claims, and chooses where segments begin. Packets come as they are decoded.
type coded struct {
	video bool
	rate  hls.Rational // of the pictures, as the header claims
	fault string

	packets, bytes int64
	peak           float64 // bits per second
	first          float64 // presentation time of the first packet

	// Pictures, counted in frames.
	begun   int64  // the first of the open GOP
	seen    []bool // which frames of it there are
	gop     int64  // the longest
	reorder int64
	cuts    []int64
	keys    []place
	// The keyframe that the open segment may end with, and the bytes before it and before
	// the segment.
	candidate                 int64
	candidateBytes, openBytes int64

	open float64 // sound: when the open stretch of some seconds began
}

func newCoded(video bool, rate hls.Rational) *coded { return &coded{video: video, rate: rate} }

func (c *coded) spoil(format string, args ...any) {
	if c.fault == "" {
		c.fault = fmt.Sprintf(format, args...)
		c.seen, c.cuts, c.keys = nil, nil, nil
	}
}

// packet takes a packet; hidden ones are not presented.
func (c *coded) packet(pts float64, size, pos int64, key, hidden, changed bool) {
	switch {
	case c.fault != "":
		return
	case size <= 0:
		c.spoil("have samples without bytes")
	case changed:
		c.spoil("change their parameters")
	case math.IsNaN(pts):
		c.spoil("have no times")
	case c.video && hidden:
		c.spoil("are in part not shown")
	case c.video:
		c.picture(pts, size, pos, key)
	default:
		c.sound(pts, size)
	}
}

func (c *coded) picture(pts float64, size, pos int64, key bool) {
	n := c.packets
	if n == 0 {
		c.first = pts
		if !key {
			c.spoil("begin without a keyframe")
			return
		}
	}
	exact := (pts - c.first) * c.rate.Float()
	frame := int64(math.Round(exact))
	if math.Abs(exact-float64(frame)) > offPlace || frame < 0 {
		c.spoil("come at a varying rate at %.2f s", pts)
		return
	}
	if key {
		c.keyframe(frame, place{pts, pos, size})
	}
	if c.fault != "" {
		return
	}
	in := frame - c.begun
	if in < 0 || in >= mostInGOP || (int(in) < len(c.seen) && c.seen[in]) {
		c.spoil("come at a varying rate, or in open GOPs, at %.2f s", pts)
		return
	}
	for int64(len(c.seen)) <= in {
		c.seen = append(c.seen, false)
	}
	c.seen[in] = true
	c.reorder = max(c.reorder, n-frame)
	c.packets++
	c.bytes += size
}

// keyframe closes the GOP before frame, which must have all its frames.
func (c *coded) keyframe(frame int64, p place) {
	if !c.closeGOP() {
		return
	}
	switch {
	case frame != c.packets:
		c.spoil("have an open GOP at %.2f s", p.at)
		return
	case p.pos < 0 || len(c.keys) == mostKeyframes:
		c.spoil("cannot be found in the file")
		return
	}
	c.begun, c.seen = frame, c.seen[:0]
	c.keys = append(c.keys, p)
	c.mayEnd(frame)
	c.candidate, c.candidateBytes = frame, c.bytes
}

func (c *coded) closeGOP() bool {
	for i, there := range c.seen {
		if !there {
			c.spoil("lack a picture at %.2f s", c.first+float64(c.begun+int64(i))/c.rate.Float())
			return false
		}
	}
	c.gop = max(c.gop, c.packets-c.begun)
	return true
}

// mayEnd cuts at the candidate where the segment would become too long up to frame.
func (c *coded) mayEnd(frame int64) {
	from := c.lastCut()
	if float64(frame-from) <= longestSegment*c.rate.Float() {
		return
	}
	if c.candidate <= from {
		c.spoil("have keyframes more than 6 s apart")
		return
	}
	c.measure(float64(c.candidate-from)/c.rate.Float(), c.candidateBytes-c.openBytes)
	c.cuts = append(c.cuts, c.candidate)
	c.openBytes = c.candidateBytes
}

func (c *coded) sound(pts float64, size int64) {
	if c.packets == 0 {
		c.first, c.open = pts, pts
	}
	if d := pts - c.open; d >= 6 || d < 0 {
		c.measure(d, c.bytes-c.openBytes)
		c.open, c.openBytes = pts, c.bytes
	}
	c.packets++
	c.bytes += size
}

// measure takes what a stretch of seconds has; what is shorter than half a segment makes
// no peak.
func (c *coded) measure(seconds float64, bytes int64) {
	if seconds >= 3 {
		c.peak = max(c.peak, float64(bytes)*8/seconds)
	}
}

// samples says what was found, up to the end of the file. start is when the timeline
// begins, and rate what was measured.
func (c *coded) samples(start float64, rate hls.Rational) *encoder.Samples {
	if c.fault == "" && c.packets == 0 {
		c.spoil("are not there")
	}
	if c.fault == "" && c.video {
		end := c.packets
		switch off := (c.first - start) * c.rate.Float(); {
		case rate != c.rate:
			c.spoil("come at a varying rate")
		case math.Abs(off) > stray:
			c.spoil("begin %.2f s late", c.first-start)
		case c.closeGOP():
			c.mayEnd(end)
			if float64(end-c.lastCut()) > longestSegment*c.rate.Float() {
				c.spoil("have keyframes more than 6 s apart")
				break
			}
			c.measure(float64(end-c.lastCut())/c.rate.Float(), c.bytes-c.openBytes)
		}
	}
	if c.fault != "" {
		return &encoder.Samples{Fault: c.fault}
	}
	return &encoder.Samples{Bytes: c.bytes, Peak: int64(math.Ceil(c.peak)), GOP: c.gop, Reorder: c.reorder, Cuts: c.cuts}
}

func (c *coded) lastCut() int64 {
	if len(c.cuts) == 0 {
		return 0
	}
	return c.cuts[len(c.cuts)-1]
}
