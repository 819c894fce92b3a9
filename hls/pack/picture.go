package pack

import (
	"image"
	"math"
)

// shrink makes dst a smaller src: each pixel is the mean of the area that it stands for.
func shrink(dst, src *image.YCbCr) {
	dr, sr := dst.Bounds(), src.Bounds()
	yoff, coff := dst.YOffset(dr.Min.X, dr.Min.Y), dst.COffset(dr.Min.X, dr.Min.Y)
	shrinkPlane(dst.Y[yoff:], dst.YStride, dr.Dx(), dr.Dy(), src.Y, src.YStride, sr.Dx(), sr.Dy())
	shrinkPlane(dst.Cb[coff:], dst.CStride, dr.Dx()/2, dr.Dy()/2, src.Cb, src.CStride, sr.Dx()/2, sr.Dy()/2)
	shrinkPlane(dst.Cr[coff:], dst.CStride, dr.Dx()/2, dr.Dy()/2, src.Cr, src.CStride, sr.Dx()/2, sr.Dy()/2)
}

// share is how much of a source's row or column goes into one of the destination's.
type share struct{ at, weight int }

// shares returns what each of n takes of from; the weights of one sum to from.
func shares(n, from int) [][]share {
	out := make([][]share, n)
	for i := range out {
		for at := i * from; at < (i+1)*from; {
			j := at / n
			next := min((j+1)*n, (i+1)*from)
			out[i] = append(out[i], share{j, next - at})
			at = next
		}
	}
	return out
}

func shrinkPlane(dst []byte, dstStride, dw, dh int, src []byte, srcStride, sw, sh int) {
	columns, rows := shares(dw, sw), shares(dh, sh)
	all := uint64(sw) * uint64(sh)
	sums := make([]uint64, dw)
	for y, row := range rows {
		clear(sums)
		for _, r := range row {
			line := src[r.at*srcStride : r.at*srcStride+sw]
			for x, column := range columns {
				var sum int
				for _, c := range column {
					sum += c.weight * int(line[c.at])
				}
				sums[x] += uint64(r.weight) * uint64(sum)
			}
		}
		for x, sum := range sums {
			dst[y*dstStride+x] = byte((sum + all/2) / all)
		}
	}
}

// quality says how much there is to see in a picture: how far its pixels differ in
// brightness and colour, less where all of it is dark or blown out. A picture that is all black has
// 0, one of another single colour next to nothing, a scene in daylight well over 1.
func quality(p *image.YCbCr) float64 {
	y, yVar := spread(p.Y[p.YOffset(p.Rect.Min.X, p.Rect.Min.Y):], p.YStride, p.Rect.Dx(), p.Rect.Dy())
	coff := p.COffset(p.Rect.Min.X, p.Rect.Min.Y)
	cb, cbVar := spread(p.Cb[coff:], p.CStride, p.Rect.Dx()/2, p.Rect.Dy()/2)
	cr, crVar := spread(p.Cr[coff:], p.CStride, p.Rect.Dx()/2, p.Rect.Dy()/2)
	const (
		enough = 20.0 // the standard deviation of a picture that is good enough
		dark   = 10.0 // a mean brightness at which nothing can be made out
		dim    = 36.0 // and one from which it is bright enough
	)
	light := min(ramp(y, dark, dim), ramp(255-y, 2, 20))
	colour := max(0, y-1)/255 + math.Abs(cb-128)/255 + math.Abs(cr-128)/255 // tells single colours from black
	return math.Sqrt(yVar+cbVar+crVar)/enough*max(light, 0.02) + colour*0.02
}

// ramp is 0 up to low, 1 from high on.
func ramp(v, low, high float64) float64 { return max(0, min(1, (v-low)/(high-low))) }

// spread returns the mean and the variance of a plane.
func spread(plane []byte, stride, w, h int) (mean, variance float64) {
	var sum, squares float64
	for y := range h {
		for _, v := range plane[y*stride : y*stride+w] {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
	}
	n := float64(max(1, w*h))
	mean = sum / n
	return mean, max(0, squares/n-mean*mean)
}
