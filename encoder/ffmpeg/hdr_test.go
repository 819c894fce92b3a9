package ffmpeg_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// nits is what a display shows, in cd/m² of each of its BT.2020 primaries.
type nits [3]float64

// bright is a chart of high dynamic range: the first patch is diffuse white (ITU-R
// BT.2408), the black of the third row black, and its last one a light.
var bright = [3][4]nits{
	{{203, 203, 203}, {120, 30, 20}, {40, 110, 30}, {20, 25, 90}},
	{{40, 90, 95}, {26, 26, 26}, {110, 80, 60}, {90, 35, 80}},
	{{0, 0, 0}, {8, 12, 6}, {2, 2, 2}, {900, 900, 900}},
}

// each makes a chart of what f makes of every patch, and of a field that is set.
func each(f func(nits) rgb) *chart {
	c := chart{bit: f(nits{203, 203, 203})}
	for r := range bright {
		for i, v := range bright[r] {
			c.patches[r][i] = f(v)
		}
	}
	return &c
}

// pq is the inverse EOTF of SMPTE ST 2084.
func pq(v nits) (out rgb) {
	for k, l := range v {
		p := math.Pow(l/10_000, 2610.0/16384)
		out[k] = math.Pow((3424.0/4096+2413.0/128*p)/(1+2392.0/128*p), 2523.0/32)
	}
	return out
}

// hlg is the inverse EOTF of ARIB STD-B67 for a display of 1000 cd/m² (ITU-R BT.2100).
func hlg(v nits) (out rgb) {
	y := (bt2020.kr*v[0] + (1-bt2020.kr-bt2020.kb)*v[1] + bt2020.kb*v[2]) / 1000
	if y == 0 {
		return out
	}
	for k, l := range v {
		scene := l / 1000 * math.Pow(y, 1/1.2-1)
		if scene <= 1.0/12 {
			out[k] = math.Sqrt(3 * scene)
		} else {
			const a, b, c = 0.17883277, 0.28466892, 0.55991073
			out[k] = a*math.Log(12*scene-b) + c
		}
	}
	return out
}

// toSDR is the picture that is to be seen on a display of BT.709: of its primaries, with
// lights to 1000 cd/m² brought in by Hable's curve, and a gamma of 2.4.
func toSDR(v nits) (out rgb) {
	m := [3][3]float64{{1.660491, -0.587641, -0.072850}, {-0.124550, 1.132900, -0.008349}, {-0.018151, -0.100579, 1.118730}}
	for k := range out {
		out[k] = (m[k][0]*v[0] + m[k][1]*v[1] + m[k][2]*v[2]) / 100
	}
	hable := func(x float64) float64 { return (x*(0.15*x+0.05)+0.004)/(x*(0.15*x+0.5)+0.06) - 0.02/0.3 }
	most := max(out[0], out[1], out[2], 1e-6)
	for k := range out {
		out[k] = math.Pow(min(max(out[k]*hable(most)/hable(10)/most, 0), 1), 1/2.4)
	}
	return out
}

// hdrCases are pictures of high dynamic range.
func hdrCases() []pictureCase {
	tags := func(transfer string, args ...string) []string {
		return append([]string{"-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", transfer}, args...)
	}
	hevc := func(transfer, more string) []string {
		return []string{"-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1",
			"-x265-params", "log-level=none:keyint=10:qp=4:colorprim=bt2020:colormatrix=bt2020nc:transfer=" + transfer + more}
	}
	ten := coding{format: "yuv420p10le", matrix: bt2020}
	off := likeness{off: 6, psnr: 38, ssim: 0.96}
	return []pictureCase{
		{name: "HDR10", coding: ten, chart: each(pq), drawn: each(toSDR), allowed: off,
			args: hevc("smpte2084", ":max-cll=1000,400:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)")},
		{name: "HLG", coding: ten, chart: each(hlg), drawn: each(toSDR), allowed: off, args: hevc("arib-std-b67", "")},
		{name: "PQ mkv, 4:4:4", once: true, coding: coding{format: "yuv444p10le", matrix: bt2020}, chart: each(pq), drawn: each(toSDR), allowed: off,
			file: "a.mkv", args: tags("smpte2084", ffv1...)},
		{name: "HLG mkv, full range", once: true, coding: coding{format: "yuv420p10le", matrix: bt2020, full: true}, chart: each(hlg), drawn: each(toSDR), allowed: off,
			file: "a.mkv", args: tags("arib-std-b67", append([]string{"-color_range", "pc"}, ffv1...)...)},
	}
}

// The reference that HDR is held to is itself no washed-out picture: diffuse white is
// bright, but leaves room for lights, black is black, and skin is brighter than a third.
func TestHDRReference(t *testing.T) {
	white, light, black, grey := toSDR(bright[0][0])[0], toSDR(bright[2][3])[0], toSDR(bright[2][0])[0], toSDR(bright[1][1])
	assert.InDelta(t, 0.75, white, 0.05)
	assert.Greater(t, light, 0.93)
	assert.Less(t, black, 0.02)
	assert.InDelta(t, grey[0], grey[2], 0.005)
	assert.Greater(t, luma(toSDR(bright[1][2])), 0.4)
}

// gamutCases are pictures of the usual range with primaries of their own.
func gamutCases() []pictureCase {
	muted := chart{patches: patches} // what BT.709 can show, too
	for r := range muted.patches {
		for i := range muted.patches[r] {
			for k := range 3 {
				muted.patches[r][i][k] = 0.55 + 0.2*muted.patches[r][i][k]
			}
		}
	}
	from := func(m [3][3]float64) *chart {
		c := muted
		for r := range c.patches {
			for i, v := range c.patches[r] {
				for k := range 3 {
					var l float64
					for j := range 3 {
						l += m[k][j] * math.Pow(v[j], 2.4)
					}
					c.patches[r][i][k] = math.Pow(min(max(l, 0), 1), 1/2.4)
				}
			}
		}
		return &c
	}
	tags := func(primaries, space string) []string {
		return append([]string{"-color_primaries", primaries, "-color_trc", "bt709", "-colorspace", space}, lossless...)
	}
	return []pictureCase{
		{name: "BT.2020, not HDR", coding: coding{format: "yuv420p10le", matrix: bt2020}, chart: &muted, args: tags("bt2020", "bt2020nc"),
			drawn: from([3][3]float64{{1.660491, -0.587641, -0.072850}, {-0.124550, 1.132900, -0.008349}, {-0.018151, -0.100579, 1.118730}})},
		{name: "Display P3", once: true, coding: coding{format: "yuv420p", matrix: bt709}, chart: &muted, args: tags("smpte432", "bt709"),
			drawn: from([3][3]float64{{1.224940, -0.224940, 0}, {-0.042057, 1.042057, 0}, {-0.019638, -0.078636, 1.098274}})},
	}
}
