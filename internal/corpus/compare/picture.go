package compare

import "math"

const (
	// alike is the mean difference, in levels of 255, up to which pictures count as the
	// same.
	alike = 12
	// related is the correlation from which pictures count as the same whatever their
	// brightness and contrast: HDR made SDR differs that much.
	related = 0.9
	// neighbours is how many instants around one its picture may come from: frame rates
	// differ.
	neighbours = 1
)

// pictures compares what is seen at each instant that both have.
func (r *Result) pictures(source, output [][]byte, fault func(string, ...any)) {
	r.Instants = min(len(source), len(output))
	var sum float64
	first := -1
	for i := range r.Instants {
		best, same := math.Inf(1), false
		for j := max(0, i-neighbours); j <= min(len(source)-1, i+neighbours); j++ {
			d := difference(source[j], output[i])
			best = min(best, d)
			same = same || d <= alike || correlation(source[j], output[i]) >= related
		}
		sum += best
		if !same {
			r.Different++
			if first < 0 {
				first = i
			}
		}
	}
	if r.Instants > 0 {
		r.Error = sum / float64(r.Instants)
	}
	if r.Different > max(2, r.Instants/10) {
		fault("%d of %d pictures are not the source's, the first at %.2f s", r.Different, r.Instants, float64(first)/Rate)
	}
}

// difference returns the mean of the absolute differences.
func difference(a, b []byte) float64 {
	sum := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(a))
}

// correlation returns Pearson's coefficient, 0 where one of the pictures is all but flat.
func correlation(a, b []byte) float64 {
	n := float64(len(a))
	var sa, sb, saa, sbb, sab float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		sa, sb, saa, sbb, sab = sa+x, sb+y, saa+x*x, sbb+y*y, sab+x*y
	}
	va, vb := saa/n-sa*sa/n/n, sbb/n-sb*sb/n/n
	if va < 4 || vb < 4 {
		return 0
	}
	return (sab/n - sa*sb/n/n) / math.Sqrt(va*vb)
}
