package compare

import "math"

const (
	// window is how many levels are compared at once: a tenth of a second.
	window = LevelRate / 10
	// audible is the level from which sound counts, in dB of full scale.
	audible = -45.0
	// apart is how many dB levels must differ to count as different: downmixing and
	// encoding change some.
	apart = 12.0
	// shift is how far sound may be moved before its levels are compared, in levels.
	shift = LevelRate / 10
	// piece is how much sound is searched for a lag at once, in levels.
	piece = 10 * LevelRate
	// reach is how far a lag is searched for, in levels.
	reach = LevelRate
	// late is how many seconds of lag are a fault. ffmpeg lets sound drift by 0.1 s before
	// it sets it right.
	late = 0.15
)

// sound compares what is heard in each tenth of a second that both have, and when.
func (r *Result) sound(source, output []float64, fault func(string, ...any)) {
	for from := 0; from+window <= min(len(source), len(output)); from += window {
		r.Windows++
		have := mean(output[from : from+window])
		least, most := math.Inf(1), math.Inf(-1)
		for off := -shift; off <= shift; off += window / 2 {
			if from+off < 0 || from+off+window > len(source) {
				continue
			}
			v := mean(source[from+off : from+off+window])
			least, most = min(least, v), max(most, v)
		}
		switch {
		case least > audible && have < least-apart:
			r.Missing++
		case have > audible && have > most+apart:
			r.Added++
		}
	}
	most := max(3, r.Windows/20)
	if r.Missing > most {
		fault("%.1f s of sound are missing of %.1f s", float64(r.Missing)/10, float64(r.Windows)/10)
	}
	if r.Added > most {
		fault("%.1f s of sound are not in the source", float64(r.Added)/10)
	}
	for from := 0; from < len(source); from += piece {
		to := min(from+piece, len(source))
		lag, sure := findLag(source[from:to], output, from)
		if sure && !(math.Abs(lag) < math.Abs(r.Lag)) {
			r.Lag = lag
		}
	}
	if math.Abs(r.Lag) > late {
		fault("sound is %.2f s late", r.Lag)
	}
}

// mean returns the level of some levels together, in dB.
func mean(levels []float64) float64 {
	sum := 0.0
	for _, v := range levels {
		sum += v
	}
	return decibel(sum / float64(len(levels)))
}

func decibel(power float64) float64 { return 10 * math.Log10(power+1e-9) }

// findLag looks for the piece of the source, which begins at from, in the output, and
// says how many seconds later it is. It is sure where levels vary enough to tell.
func findLag(piece, output []float64, from int) (lag float64, sure bool) {
	if len(piece) < 2*LevelRate {
		return 0, false
	}
	best, at, here := -1.0, 0, -1.0
	for off := -reach; off <= reach; off++ {
		c := alikeness(piece, output, from+off)
		if c > best {
			best, at = c, off
		}
		if max(off, -off) <= 2 {
			here = max(here, c)
		}
	}
	if best < 0.8 {
		return 0, false
	}
	if best-here < 0.1 { // as good where it is
		return 0, true
	}
	return float64(at) / LevelRate, true
}

// alikeness correlates the levels of a piece with those of the output from an index on,
// in dB, where both are.
func alikeness(piece, output []float64, from int) float64 {
	var n, sa, sb, saa, sbb, sab float64
	for i, v := range piece {
		if from+i < 0 || from+i >= len(output) {
			continue
		}
		x, y := max(decibel(v), -60), max(decibel(output[from+i]), -60)
		n, sa, sb, saa, sbb, sab = n+1, sa+x, sb+y, saa+x*x, sbb+y*y, sab+x*y
	}
	if n < float64(len(piece))/2 {
		return -1
	}
	va, vb := saa/n-sa*sa/n/n, sbb/n-sb*sb/n/n
	if va < 1 || vb < 1 {
		return -1
	}
	return (sab/n - sa*sb/n/n) / math.Sqrt(va*vb)
}
