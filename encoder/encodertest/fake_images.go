package encodertest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// putImages puts segment n of an image track: ramps of colours that differ from picture to
// picture. The first of the job has a poster.
func (e *encode) putImages(ctx context.Context, t encoder.TrackSpec, n int) error {
	start, end := e.millis(n), e.millis(n+1)
	if t.Width <= 0 || t.Height <= 0 || t.PosterWidth <= 0 || t.PosterHeight <= 0 || t.Interval.Float() <= 0 {
		return &encoder.Error{Code: encoder.CodeEncoderFailed, Permanent: true, Message: "The job asks for pictures without a size."}
	}
	if start >= end {
		return nil
	}
	count := picturesIn(end-start, t.Interval)
	strip := image.NewYCbCr(image.Rect(0, 0, count*t.Width, t.Height), image.YCbCrSubsampleRatio420)
	for i := range count {
		paint(strip, image.Rect(i*t.Width, 0, (i+1)*t.Width, t.Height), n, i)
	}
	s := hls.Segment{Track: t.ID, Number: n, Start: start, Duration: end - start}
	var err error
	if n == e.first {
		full := image.NewYCbCr(image.Rect(0, 0, t.PosterWidth, t.PosterHeight), image.YCbCrSubsampleRatio420)
		paint(full, full.Rect, n, 0)
		s.Poster = &hls.Poster{Width: t.PosterWidth, Height: t.PosterHeight, Quality: 2}
		if s.Poster.Key, s.Poster.Size, err = e.putJPEG(ctx, fmt.Sprintf("%s/poster-%d", t.ID, n), full); err != nil {
			return err
		}
	}
	if s.Key, s.Size, err = e.putJPEG(ctx, fmt.Sprintf("%s/%d", t.ID, n), strip); err != nil {
		return err
	}
	return e.emit(encoder.Update{Segment: &s})
}

// millis returns when segment n of the timeline begins.
func (e *encode) millis(n int) int64 {
	g := e.job.Grid
	at := encoder.Grid{FrameRate: g.FrameRate, Frames: min(g.Start(n), e.frames)}
	return at.Duration().Round(time.Millisecond).Milliseconds()
}

// picturesIn returns how many pictures a segment of an image track has that lasts so many
// milliseconds. What is left of rounding begins none.
func picturesIn(millis int64, interval hls.Rational) int {
	return max(1, int(math.Ceil(float64(millis-2)/1000/interval.Float())))
}

func paint(p *image.YCbCr, in image.Rectangle, segment, picture int) {
	ramp := make([]byte, in.Dx())
	for x := range ramp {
		ramp[x] = byte(40 + 170*x/len(ramp))
	}
	for y := in.Min.Y; y < in.Max.Y; y++ {
		copy(p.Y[p.YOffset(in.Min.X, y):], ramp)
		for x := in.Min.X; x < in.Max.X; x += 2 {
			c := p.COffset(x, y)
			p.Cb[c], p.Cr[c] = byte(64+segment*37%128), byte(64+picture*53%128)
		}
	}
}

func (e *encode) putJPEG(ctx context.Context, name string, p image.Image) (string, int64, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		return "", 0, err
	}
	key, err := e.put(ctx, name, ".jpg", "image/jpeg", b.Bytes())
	return key, int64(b.Len()), err
}
