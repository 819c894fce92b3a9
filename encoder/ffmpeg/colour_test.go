package ffmpeg_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/testmedia"
)

// matrix is how red and blue weigh in luma.
type matrix struct{ kr, kb float64 }

var (
	bt601  = matrix{0.299, 0.114}
	bt709  = matrix{0.2126, 0.0722}
	bt2020 = matrix{0.2627, 0.0593}
)

// coding is how a source stores colours.
type coding struct {
	format string // as ffmpeg calls it
	matrix matrix
	full   bool
}

// chroma returns how many pixels share a sample of chroma, and whether there is any.
func (c coding) chroma() (x, y int, ok bool) {
	switch {
	case strings.Contains(c.format, "420"):
		return 2, 2, true
	case strings.Contains(c.format, "422"):
		return 2, 1, true
	case strings.Contains(c.format, "444"):
		return 1, 1, true
	}
	return 0, 0, false
}

func (c coding) depth() int {
	if strings.HasSuffix(c.format, "10le") {
		return 10
	}
	return 8
}

// ycc returns luma from 0 to 1 and the differences from -0.5 to 0.5.
func (m matrix) ycc(v rgb) (y, cb, cr float64) {
	y = m.kr*v[0] + (1-m.kr-m.kb)*v[1] + m.kb*v[2]
	return y, (v[2] - y) / 2 / (1 - m.kb), (v[0] - y) / 2 / (1 - m.kr)
}

func (m matrix) rgb(y, cb, cr float64) rgb {
	r, b := y+2*(1-m.kr)*cr, y+2*(1-m.kb)*cb
	return rgb{r, (y - m.kr*r - m.kb*b) / (1 - m.kr - m.kb), b}
}

// encode returns the picture's planes one after the other (ITU-R BT.601, BT.709 and
// BT.2020 have the same quantisation).
func (c coding) encode(img image) (out []byte) {
	depth := c.depth()
	most := float64(int(1)<<depth - 1)
	put := func(v float64) {
		n := uint16(math.Round(min(max(v, 0), most)))
		if depth > 8 {
			out = binary.LittleEndian.AppendUint16(out, n)
			return
		}
		out = append(out, byte(n))
	}
	unit := float64(int(1) << (depth - 8))
	light := func(y float64) {
		if c.full {
			put(y * most)
		} else {
			put((16 + 219*y) * unit)
		}
	}
	switch {
	case c.format == "rgb24" || c.format == "rgba":
		for i, v := range img.pix {
			for k := range 3 {
				put(255 * v[k])
			}
			if c.format == "rgba" {
				put(255 * img.alpha[i])
			}
		}
		return out
	case strings.HasPrefix(c.format, "gray"):
		for _, v := range img.pix {
			y, _, _ := c.matrix.ycc(v)
			light(y)
		}
		return out
	}
	for _, v := range img.pix {
		y, _, _ := c.matrix.ycc(v)
		light(y)
	}
	sx, sy, _ := c.chroma()
	for plane := range 2 {
		for y := 0; y < img.h; y += sy {
			for x := 0; x < img.w; x += sx {
				var sum, n float64
				for j := y; j < min(y+sy, img.h); j++ {
					for i := x; i < min(x+sx, img.w); i++ {
						_, cb, cr := c.matrix.ycc(img.pix[j*img.w+i])
						sum, n = sum+[]float64{cb, cr}[plane], n+1
					}
				}
				if c.full {
					put(sum/n*most + 128*unit)
				} else {
					put((128 + 224*sum/n) * unit)
				}
			}
		}
	}
	if strings.HasPrefix(c.format, "yuva") {
		for _, a := range img.alpha {
			put(a * most)
		}
	}
	return out
}

// rawFile writes frames that draw makes, and returns ffmpeg's arguments to read them.
func rawFile(t *testing.T, c coding, rate string, frames int, draw func(n int) image) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "raw")
	f, err := os.Create(path)
	require.NoError(t, err)
	var size string
	for n := range frames {
		img := draw(n)
		size = strconv.Itoa(img.w) + "x" + strconv.Itoa(img.h)
		_, err := f.Write(c.encode(img))
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	return []string{"-f", "rawvideo", "-pixel_format", c.format, "-video_size", size, "-framerate", rate, "-i", path}
}

// frames are the pictures of an output: 8-bit 4:2:0, BT.709, limited range, whatever its
// tags say.
type frames struct {
	w, h int
	raw  string
}

func decoded(t *testing.T, path string, w, h int) frames {
	t.Helper()
	f := frames{w: w, h: h, raw: testmedia.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-threads", "1", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-")}
	require.Zero(t, len(f.raw)%f.size())
	return f
}

func (f frames) size() int  { return f.w * f.h * 3 / 2 }
func (f frames) count() int { return len(f.raw) / f.size() }

// image returns a picture as a display shows it.
func (f frames) image(n int) image {
	frame := f.raw[n*f.size():][:f.size()]
	luma, chroma := f.w*f.h, f.w*f.h/4
	img := image{w: f.w, h: f.h, pix: make([]rgb, luma)}
	for i := range img.pix {
		j := luma + i/f.w/2*(f.w/2) + i%f.w/2
		v := bt709.rgb((float64(frame[i])-16)/219, (float64(frame[j])-128)/224, (float64(frame[j+chroma])-128)/224)
		img.pix[i] = rgb{min(max(v[0], 0), 1), min(max(v[1], 0), 1), min(max(v[2], 0), 1)}
	}
	return img
}

// number reads the fields of an upright chart.
func (f frames) number(n int) (number int) {
	frame := f.raw[n*f.size():]
	y := int((barcode + 1) / 2 * float64(f.h))
	for i := range 8 {
		if x := int((float64(i) + 0.5) / 8 * float64(f.w)); frame[y*f.w+x] > 126 {
			number |= 1 << (7 - i)
		}
	}
	return number
}
