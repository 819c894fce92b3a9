package ffmpeg

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// scan measures a source's streams on its packets. Its memory hardly grows with the file:
// what is kept of each keyframe is bounded.
type scan struct {
	streams   map[int]*streamScan
	coded     map[int]*coded // what is looked at more closely, by stream
	most      int            // streams that are measured
	encrypted bool
	// jumps says that timestamps may jump within the file (MPEG-TS and PS after an edit
	// or a wrap); ffmpeg joins such pieces when it reads them, and so do we.
	jumps bool
}

// maxJump is how far timestamps may move from one packet of a stream to the next
// before it counts as a jump, in seconds: ffmpeg's dts_delta_threshold.
const maxJump = 10

func newScan(format string, most int) *scan {
	return &scan{streams: map[int]*streamScan{}, coded: map[int]*coded{}, most: most, jumps: strings.HasPrefix(format, "mpeg")}
}

// read takes ffprobe's lines: stream, pts, dts, duration, size, position, flags and side
// data.
func (s *scan) read(r io.Reader) error {
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := br.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		s.line(line)
	}
}

func (s *scan) line(line []byte) {
	if bytes.Contains(line, []byte("Encryption info")) {
		s.encrypted = true
	}
	changed := bytes.Contains(line, []byte("New Extradata"))
	f := strings.SplitN(strings.TrimSpace(string(line)), ",", 8)
	if len(f) < 7 {
		return
	}
	index, err := strconv.Atoi(f[0])
	if err != nil {
		return
	}
	pts, dts, key := number(f[1]), number(f[2]), strings.ContainsRune(f[6], 'K')
	hidden := strings.ContainsRune(f[6], 'D') // to be discarded, outside the edit list
	if c := s.coded[index]; c != nil {
		c.packet(pts, whole(f[4]), whole(f[5]), key, hidden, changed && c.packets > 0)
	}
	if hidden {
		return
	}
	t := s.streams[index]
	if t == nil {
		if len(s.streams) == s.most {
			return
		}
		t = &streamScan{first: math.Inf(1), last: math.Inf(-1), lastKey: math.NaN(), prev: math.NaN(), deltas: map[int64]int64{}}
		s.streams[index] = t
	}
	t.order.packet(t.packets == 0, pts, dts, key, changed)
	t.packet(pts, dts, number(f[3]), key, s.jumps)
}

// number parses a decimal number, NaN for "N/A".
func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// whole parses a number of bytes, -1 where it is none.
func whole(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 62)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// start returns the earliest time of any stream.
func (s *scan) start() time.Duration {
	first := math.Inf(1)
	for _, t := range s.streams {
		first = min(first, t.first)
	}
	if math.IsInf(first, 1) {
		return 0
	}
	return toDuration(first)
}

// streamScan measures one stream. Times are in seconds.
type streamScan struct {
	packets     int64
	first, last float64 // earliest presentation time, latest end
	lastLong    bool    // whether the packet that ends last said its duration
	sum         float64 // of durations, for streams without timestamps
	keyGap      float64
	lastKey     float64
	prev        float64 // the packet's time before, to see jumps
	offset      float64 // what jumps have added
	reorder     []float64
	prevSorted  float64
	hasSorted   bool
	deltas      map[int64]int64 // frame distances in 10 µs -> how often
	order
}

// reorderDepth is how many frames may be out of order, more than H.264 allows.
const reorderDepth = 32

// maxDeltas bounds how many different frame distances are kept.
const maxDeltas = 4096

func (t *streamScan) packet(pts, dts, dur float64, key, jumps bool) {
	t.packets++
	if !math.IsNaN(dur) && dur > 0 {
		t.sum += dur
	}
	at := pts
	if math.IsNaN(at) {
		at = dts
	}
	if math.IsNaN(at) {
		return
	}
	if jumps {
		if !math.IsNaN(t.prev) && math.Abs(at-t.prev) > maxJump {
			t.offset += t.prev - at
		}
		t.prev = at
		at += t.offset
	}
	t.first = min(t.first, at)
	end, long := at, !math.IsNaN(dur) && dur > 0
	if long {
		end += dur
	}
	if end >= t.last {
		t.last, t.lastLong = end, long
	}
	if key {
		if !math.IsNaN(t.lastKey) {
			t.keyGap = max(t.keyGap, at-t.lastKey)
		}
		t.lastKey = at
	}
	t.reorder = append(t.reorder, at)
	if len(t.reorder) > reorderDepth {
		t.settle()
	}
}

// settle takes the earliest waiting frame and notes its distance from the one before.
func (t *streamScan) settle() {
	i := 0
	for j, v := range t.reorder {
		if v < t.reorder[i] {
			i = j
		}
	}
	at := t.reorder[i]
	t.reorder = slices.Delete(t.reorder, i, i+1)
	t.broken = t.broken || (t.hasSorted && at <= t.prevSorted)
	if d := int64(math.Round((at - t.prevSorted) * 1e5)); t.hasSorted && d > 0 {
		if _, ok := t.deltas[d]; ok || len(t.deltas) < maxDeltas {
			t.deltas[d]++
		}
	}
	t.prevSorted, t.hasSorted = at, true
}

func (t *streamScan) firstTime() time.Duration {
	if math.IsInf(t.first, 1) {
		return 0
	}
	return toDuration(t.first)
}

// end returns the end of the last frame. Streams without timestamps have their
// durations, or their packets at the header's rate, from 0.
func (t *streamScan) end(headerRate float64) time.Duration {
	if math.IsInf(t.last, -1) {
		if t.sum == 0 && headerRate > 0 {
			return toDuration(float64(t.packets) / headerRate)
		}
		return toDuration(t.sum)
	}
	end := t.last
	if !t.lastLong {
		if d := t.typical(); d > 0 {
			end += d
		} else if headerRate >= 1 && headerRate <= 240 {
			end += 1 / headerRate
		}
	}
	return toDuration(end)
}

// typical returns the most frequent distance between frames: the mean of the
// distances within 1.5 ms of the most frequent one (Matroska rounds to milliseconds).
func (t *streamScan) typical() float64 {
	mean, _ := t.mode()
	return mean
}

// mode returns the mean of the distances around the most frequent, and their share.
func (t *streamScan) mode() (mean, share float64) {
	for len(t.reorder) > 0 {
		t.settle()
	}
	var best, most, total int64
	for d, n := range t.deltas {
		total += n
		if n > most || (n == most && d < best) {
			best, most = d, n
		}
	}
	if total == 0 {
		return 0, 0
	}
	tol := int64(150)
	tol = min(tol, best/4)
	var sum, n int64
	for d, c := range t.deltas {
		if d >= best-tol && d <= best+tol {
			sum, n = sum+d*c, n+c
		}
	}
	return float64(sum) / float64(n) / 1e5, float64(n) / float64(total)
}

// frameRate returns the natural rate, and whether frames come at a varying one. The
// header's rate decides only where there are too few frames to measure, or where it
// agrees with the measure.
func (t *streamScan) frameRate(header float64) (rate hls.Rational, variable bool) {
	mean, share := t.mode()
	if mean <= 0 {
		if header < 1 || header > 240 {
			header = 25
		}
		return encoder.SnapRate(header), false
	}
	fps := 1 / mean
	// Timestamps in milliseconds leave the measure uncertain by one over its whole span.
	if span := mean * float64(t.packets); header > 0 && math.Abs(header/fps-1) < 0.0004+0.001/span {
		fps = header
	}
	return encoder.SnapRate(fps), share < 0.9
}
