package encodertest

import (
	"fmt"
	"math/big"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// media is a segment as bytes.
type media struct {
	start, duration int64 // presentation, ticks
	bytes           []byte
}

// segment makes segment n of a track on a timeline of frames frames. It is nil where n
// is behind the track's last.
func segment(r *recording, kind hls.Kind, g encoder.Grid, frames int64, n int) *media {
	if kind == hls.Video {
		return videoSegment(r, g, frames, n)
	}
	return audioSegment(r, g, frames, n)
}

func videoSegment(r *recording, g encoder.Grid, frames int64, n int) *media {
	from := g.Start(n)
	to := min(g.Start(n+1), frames)
	if from >= to {
		return nil
	}
	tick := int64(r.frame)
	m := &media{start: from * tick, duration: (to - from) * tick, bytes: []byte(styp)}
	for f := from; f < to; {
		// A fragment is a GOP, or as much of a longer one as the recording has.
		inGOP := (f - from) % int64(g.GOP)
		count := min(int64(g.GOP)-inGOP, int64(len(r.samples)), to-f)
		m.bytes = appendRun(m.bytes, run{
			track: 1, sequence: uint32(f + 1), decode: f * tick, frame: r.frame, last: r.frame,
			first: flagsSync, rest: flagsDelta, samples: r.samples[:count],
		})
		f += count
	}
	return m
}

// audioSegment cuts where a frame's presentation starts no earlier than half a frame
// before the boundary, as package hls/pack does. A last frame that starts there but
// ends at most half a frame behind it stays with the segment before.
func audioSegment(r *recording, g encoder.Grid, frames int64, n int) *media {
	end := ticks(g, frames, r.timescale)
	count := (end + r.priming + aacFrame - 1) / aacFrame // of AAC frames in all
	begins := func(n int) int64 {                        // frame of the grid; none where there is no such segment
		if len(g.Cuts) == 0 {
			return int64(n) * int64(g.Segment)
		} else if n > len(g.Cuts) {
			return frames + int64(g.Segment)
		}
		return g.Start(n)
	}
	first := func(n int) int64 { // AAC frame that opens segment n
		if n == 0 {
			return 0
		}
		at := ticks(g, begins(n), r.timescale) + r.priming - aacFrame/2
		return (at + aacFrame - 1) / aacFrame
	}
	isLast := func(n int) bool {
		f := first(n + 1)
		return f >= count || f == count-1 && end <= ticks(g, begins(n+1), r.timescale)+aacFrame/2
	}
	if n > 0 && isLast(n-1) {
		return nil
	}
	from, to, last := first(n), first(n+1), uint32(aacFrame)
	if isLast(n) {
		to = count
		last = uint32(end + r.priming - (count-1)*aacFrame)
	}
	samples := make([][]byte, 0, to-from)
	for f := from; f < to; f++ {
		samples = append(samples, r.samples[f%int64(len(r.samples))])
	}
	m := &media{start: max(0, from*aacFrame-r.priming)}
	m.duration = to*aacFrame - aacFrame + int64(last) - r.priming - m.start
	m.bytes = appendRun([]byte(styp), run{
		track: 1, sequence: uint32(n + 1), decode: from * aacFrame, frame: aacFrame, last: last,
		first: flagsSync, rest: flagsSync, samples: samples,
	})
	return m
}

// ticks returns how long frames of the grid are, rounded up to a tick.
func ticks(g encoder.Grid, frames int64, timescale uint32) int64 {
	n := big.NewInt(frames)
	n.Mul(n, big.NewInt(g.FrameRate.Den)).Mul(n, big.NewInt(int64(timescale)))
	n.Add(n, big.NewInt(g.FrameRate.Num-1))
	return n.Div(n, big.NewInt(g.FrameRate.Num)).Int64()
}

func checkGrid(g encoder.Grid) error {
	if g.FrameRate.Num <= 0 || g.FrameRate.Den <= 0 || g.FrameRate.Num > 1<<31 || g.FrameRate.Den > 1<<31 ||
		g.GOP <= 0 || g.Segment <= 0 || g.Segment%g.GOP != 0 || g.Segment > 1<<20 {
		return fmt.Errorf("grid %+v", g)
	}
	return nil
}
