package ffmpeg_test

import (
	"math"
)

// rgb is a colour of which each part is 0 to 1, as it is for a display.
type rgb [3]float64

// chart is a picture whose every colour is known: three rows of four patches, and below
// them eight fields, black or white, that tell the frame's number. None of its
// orientations is like another.
type chart struct {
	patches [3][4]rgb
	// alpha is how opaque the patches are; nil where all are.
	alpha *[3][4]float64
	bit   rgb // of a field that is set; black stands for white
}

func levels(r, g, b float64) rgb { return rgb{r / 255, g / 255, b / 255} }

var (
	patches = [3][4]rgb{
		{levels(255, 255, 255), levels(255, 0, 0), levels(0, 255, 0), levels(0, 0, 255)},
		{levels(0, 255, 255), levels(128, 128, 128), levels(224, 172, 140), levels(255, 0, 255)},
		{levels(0, 0, 0), levels(64, 96, 48), levels(24, 24, 24), levels(255, 255, 0)},
	}
	glass = [3][4]float64{{0.5, 1, 1, 1}, {1, 0, 0.25, 1}, {1, 1, 1, 1}}
)

// barcode is where the fields with the number begin.
const barcode = 0.75

// at returns the colour and the opacity at a place, in fractions of the size, of frame n.
func (c chart) at(x, y float64, n int) (rgb, float64) {
	x, y = min(max(x, 0), 0.9999), min(max(y, 0), 0.9999)
	if y >= barcode {
		switch {
		case n>>(7-int(x*8))&1 == 0:
			return rgb{}, 1
		case c.bit == rgb{}:
			return rgb{1, 1, 1}, 1
		}
		return c.bit, 1
	}
	row, col := int(y*4), int(x*4)
	if c.alpha != nil {
		return c.patches[row][col], c.alpha[row][col]
	}
	return c.patches[row][col], 1
}

// image is a picture in RGB, with the opacity of each pixel.
type image struct {
	w, h  int
	pix   []rgb
	alpha []float64
}

// placing says which place of the chart is seen at a place of a picture.
type placing func(x, y float64) (float64, float64)

// draw renders frame n: each pixel is the mean of what it covers.
func (c chart) draw(w, h, n int, place placing) image {
	img := image{w: w, h: h, pix: make([]rgb, w*h), alpha: make([]float64, w*h)}
	c.redraw(img, 0, n, place)
	return img
}

// redraw draws the pixels from the first on.
func (c chart) redraw(img image, first, n int, place placing) {
	const sub = 2
	w, h := img.w, img.h
	for i := first; i < w*h; i++ {
		var sum rgb
		var opaque float64
		for s := range sub * sub {
			x := (float64(i%w) + (float64(s%sub)+0.5)/sub) / float64(w)
			y := (float64(i/w) + (float64(s/sub)+0.5)/sub) / float64(h)
			if place != nil {
				x, y = place(x, y)
			}
			v, a := c.at(x, y, n)
			for k := range sum {
				sum[k] += v[k] / (sub * sub)
			}
			opaque += a / (sub * sub)
		}
		img.pix[i], img.alpha[i] = sum, opaque
	}
}

// onBlack is the chart as it is seen over black.
func (c chart) onBlack() chart {
	if c.alpha != nil {
		for r, row := range c.alpha {
			for i, a := range row {
				for k := range 3 {
					c.patches[r][i][k] *= a
				}
			}
		}
		c.alpha = nil
	}
	return c
}

// mean is the colour within a rectangle, given in fractions of the size.
func (m image) mean(x0, y0, x1, y1 float64) (sum rgb) {
	var n float64
	for y := int(math.Ceil(y0 * float64(m.h))); y < max(int(y1*float64(m.h)), int(math.Ceil(y0*float64(m.h)))+1); y++ {
		for x := int(math.Ceil(x0 * float64(m.w))); x < max(int(x1*float64(m.w)), int(math.Ceil(x0*float64(m.w)))+1); x++ {
			for k, v := range m.pix[min(y, m.h-1)*m.w+min(x, m.w-1)] {
				sum[k] += v
			}
			n++
		}
	}
	for k := range sum {
		sum[k] /= n
	}
	return sum
}

// film returns a function that draws one frame after the other, upright. What it
// returns holds until it is called again.
func (c chart) film(w, h int) func(n int) image {
	var img image
	return func(n int) image {
		if img.pix == nil {
			img = c.draw(w, h, n, nil)
			return img
		}
		c.redraw(img, int(barcode*float64(h))*w, n, nil) // all else stays
		return img
	}
}

// luma of BT.709.
func luma(c rgb) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }

// likeness is how alike two pictures of one size are.
type likeness struct {
	off  float64 // largest difference of a patch's inner colour, in levels of 255
	psnr float64 // of the luma, dB
	ssim float64 // of the luma
}

func (l likeness) worse(o likeness) likeness {
	return likeness{max(l.off, o.off), min(l.psnr, o.psnr), min(l.ssim, o.ssim)}
}

// best is what nothing is worse than.
var best = likeness{psnr: math.Inf(1), ssim: 1}

func compareImages(want, got image) likeness {
	l := best
	for row := range 3 {
		for col := range 4 {
			x, y := float64(col)/4, float64(row)/4
			a, b := want.mean(x+0.08, y+0.08, x+0.17, y+0.17), got.mean(x+0.08, y+0.08, x+0.17, y+0.17)
			for k := range a {
				l.off = max(l.off, 255*math.Abs(a[k]-b[k]))
			}
		}
	}
	a, b := make([]float64, len(want.pix)), make([]float64, len(want.pix))
	var square float64
	for i := range want.pix {
		a[i], b[i] = 255*luma(want.pix[i]), 255*luma(got.pix[i])
		square += (a[i] - b[i]) * (a[i] - b[i])
	}
	l.psnr = 10 * math.Log10(255*255/max(1e-6, square/float64(len(a))))
	l.ssim = ssim(a, b, want.w, want.h)
	return l
}

// ssim is the mean structural similarity over blocks of 8x8 that overlap by half.
func ssim(a, b []float64, w, h int) float64 {
	const c1, c2 = 6.5025, 58.5225
	side := min(8, w, h)
	var sum, blocks float64
	for y := 0; y+side <= h; y += max(1, side/2) {
		for x := 0; x+side <= w; x += max(1, side/2) {
			var n, sa, sb, saa, sbb, sab float64
			for j := y; j < y+side; j++ {
				for i := x; i < x+side; i++ {
					p, q := a[j*w+i], b[j*w+i]
					n, sa, sb, saa, sbb, sab = n+1, sa+p, sb+q, saa+p*p, sbb+q*q, sab+p*q
				}
			}
			ma, mb := sa/n, sb/n
			va, vb, cov := saa/n-ma*ma, sbb/n-mb*mb, sab/n-ma*mb
			sum += (2*ma*mb + c1) * (2*cov + c2) / ((ma*ma + mb*mb + c1) * (va + vb + c2))
			blocks++
		}
	}
	return sum / blocks
}
