package encoder

import (
	"fmt"
	"math"

	"github.com/vodkit/vodkit/hls"
)

// rungs are the shorter sides, in pixels, of the renditions below the best.
var rungs = [...]int{2160, 1440, 1080, 720, 480, 360, 240}

// ladder plans the video renditions, the best first. The best has the source's size,
// or MaxHeight; below it come rungs that are at least a quarter smaller.
func ladder(s Stream, g Grid, o PlanOptions) []TrackSpec {
	w, h := s.DisplaySize()
	short := min(w, h)
	top := min(short, o.MaxHeight)
	sides := []int{top}
	for _, r := range rungs {
		if len(sides) == o.MaxRenditions {
			break
		}
		if r*4 <= sides[len(sides)-1]*3 {
			sides = append(sides, r)
		}
	}
	tracks := make([]TrackSpec, 0, len(sides))
	for _, side := range sides {
		tw, th := fit(w, h, side, o.MaxHeight*32/9)
		tracks = append(tracks, videoTrack(s.Index, tw, th, g, o))
	}
	return tracks
}

// fit scales w by h so that its shorter side is side and its longer at most box, to
// even numbers that are not larger than the source's (unless that has one pixel).
func fit(w, h, side, box int) (int, int) {
	scale := min(1, float64(side)/float64(min(w, h)), float64(box)/float64(max(w, h)))
	return even(w, scale), even(h, scale)
}

// even scales a side to the nearest even number of pixels, at least 2.
func even(side int, scale float64) int {
	n := 2 * int(math.Round(float64(side)*scale/2))
	if n > side {
		n -= 2
	}
	return max(2, n)
}

func videoTrack(stream, w, h int, g Grid, o PlanOptions) TrackSpec {
	rate := maxRate(w, h, g.FrameRate)
	buf := rate * 3 / 2
	d := g.SegmentDuration().Float()
	return TrackSpec{
		Track: hls.Track{
			ID: fmt.Sprintf("v%d", min(w, h)), Kind: hls.Video, Width: w, Height: h, FrameRate: g.FrameRate,
			// A segment can hold what the VBV lets through in its time and nine tenths of a
			// full buffer; boxes add two per cent.
			PeakBandwidth:    int64((float64(rate)*d + 0.9*float64(buf)) / d * 1.02),
			AverageBandwidth: int64(float64(rate) * 1.02),
		},
		Stream: stream, CRF: o.CRF, MaxRate: rate, BufSize: buf, Profile: "high",
	}
}

// maxRate returns the cap of a rendition in bits per second: 5 Mb/s at 1920x1080 and
// 30 frames a second; with the power 0.75 of the pixels, since small pictures need
// more bits a pixel, and the root of the frame rate, since close frames are alike.
func maxRate(w, h int, fps hls.Rational) int64 {
	pixels := float64(w*h) / (1920 * 1080)
	rate := 5e6 * math.Pow(pixels, 0.75) * math.Sqrt(max(fps.Float(), 10)/30)
	return max(100_000, int64(rate/10_000+0.5)*10_000)
}
