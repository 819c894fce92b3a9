package hls

import "math"

// peakBandwidth returns the peak segment bit rate in bits per second, rounded up: the
// largest bit rate of a contiguous run of segments that lasts between 0.5 and 1.5
// target durations (RFC 8216 section 4.1). A track that is shorter than that has its
// average.
func peakBandwidth(segments []Segment, timescale uint32, target int) int64 {
	unit := int64(target) * int64(timescale) // a target duration in ticks
	var peak int64
	for i := range segments {
		var size, ticks int64
		for _, s := range segments[i:] {
			size += s.Size
			ticks += s.Duration
			if 2*ticks > 3*unit {
				break
			}
			if 2*ticks >= unit {
				peak = max(peak, bitRate(size, ticks, timescale))
			}
		}
	}
	if peak == 0 {
		return averageBandwidth(segments, timescale)
	}
	return peak
}

// averageBandwidth returns all bits over the whole duration in bits per second, rounded
// up.
func averageBandwidth(segments []Segment, timescale uint32) int64 {
	var size int64
	for _, s := range segments {
		size += s.Size
	}
	return bitRate(size, totalTicks(segments), timescale)
}

func bitRate(size, ticks int64, timescale uint32) int64 {
	if ticks <= 0 {
		return 0
	}
	return int64(math.Ceil(float64(size) * 8 * float64(timescale) / float64(ticks)))
}
