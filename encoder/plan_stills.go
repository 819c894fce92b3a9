package encoder

import (
	"time"

	"github.com/vodkit/vodkit/hls"
)

// How large, in pixels, the longer sides of a poster and of a picture of the storyboard
// are at most.
const (
	posterSide = 1280
	stillSide  = 256
)

// oftenUntil is how long a video may be of which a picture is taken in every GOP; of a longer
// one it is one in every segment.
const oftenUntil = 10 * time.Minute

// mostCuts is how many segments may begin anywhere, where pictures are taken at the start
// of each: an encoder may have to be told of all of them.
const mostCuts = 4000

// stillsTrack plans the pictures that are taken of the best rendition.
func stillsTrack(best TrackSpec, g Grid, end time.Duration) TrackSpec {
	every := g.GOP
	if end > oftenUntil {
		every = g.Segment
	}
	pw, ph := fit(best.Width, best.Height, min(best.Width, best.Height), posterSide)
	w, h := fit(pw, ph, min(pw, ph), stillSide)
	return TrackSpec{
		Track: hls.Track{
			ID: "stills", Kind: hls.Image, Width: w, Height: h,
			Interval: hls.Rational{Num: int64(every) * g.FrameRate.Den, Den: g.FrameRate.Num},
			// JPEG of a lively picture takes two bits a pixel at most; posters are few.
			PeakBandwidth: int64(2 * float64(w*h) * g.FrameRate.Float() / float64(every)),
		},
		Stream: best.Stream, PosterWidth: pw, PosterHeight: ph,
	}
}
