package hls

import (
	"math"
	"math/bits"
	"time"
)

// targetSlack is how much longer than the nominal duration a segment may come out and
// still round to the target duration: an audio frame at a low sample rate, in seconds.
const targetSlack = 0.1

// targetDuration returns the EXT-X-TARGETDURATION for segments of a nominal duration:
// the nearest second, where no segment that differs from the nominal by targetSlack can
// round to more (RFC 8216 section 4.3.3.1).
func targetDuration(nominal Rational) int {
	return max(1, int(math.Floor(nominal.Float()+0.5+targetSlack)))
}

// millis returns ticks in milliseconds, rounded to the nearest. ticks is not negative.
func millis(ticks int64, timescale uint32) int64 {
	return scale(ticks, 1000, timescale)
}

// seconds returns ticks as a time.Duration, rounded to the nearest nanosecond.
func seconds(ticks int64, timescale uint32) time.Duration {
	return time.Duration(scale(ticks, int64(time.Second), timescale))
}

// scale returns ticks*unit/timescale rounded to the nearest, or the largest int64 where
// it does not fit.
func scale(ticks, unit int64, timescale uint32) int64 {
	if ticks <= 0 || timescale == 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(ticks), uint64(unit))
	lo, carry := bits.Add64(lo, uint64(timescale)/2, 0)
	hi += carry
	if hi >= uint64(timescale) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(timescale))
	return int64(min(q, math.MaxInt64))
}

// extinf returns what each segment's EXTINF says, in milliseconds. The rounding error
// goes from segment to segment: each end is rounded, not each duration, so that any
// contiguous run sums to its true duration within one millisecond.
func extinf(segments []Segment, timescale uint32) []int64 {
	out := make([]int64, len(segments))
	var ticks, before int64
	for i, s := range segments {
		ticks += s.Duration
		end := millis(ticks, timescale)
		out[i] = end - before
		before = end
	}
	return out
}

// totalTicks returns the sum of the segments' durations.
func totalTicks(segments []Segment) int64 {
	var n int64
	for _, s := range segments {
		n += s.Duration
	}
	return n
}
