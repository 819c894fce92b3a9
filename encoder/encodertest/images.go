package encodertest

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"

	"github.com/vodkit/vodkit/hls"
)

// readImages looks at a segment of an image track and at its poster.
func (c *contract) readImages(t *trackState, s hls.Segment, b []byte) (segmentInfo, error) {
	info := segmentInfo{decode: s.Start, duration: s.Duration, frame: 1, sync: true}
	size, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return info, err
	}
	info.samples = picturesIn(s.Duration, t.track.Interval)
	if size.Width != info.samples*t.track.Width || size.Height != t.track.Height {
		return info, fmt.Errorf("%dx%d pixels, where %d pictures of %dx%d are due", size.Width, size.Height, info.samples, t.track.Width, t.track.Height)
	}
	if s.Poster == nil {
		if !c.anyOrder && s.Number == c.job.Window.First {
			return info, errors.New("no poster, and none is better before")
		}
		return info, nil
	}
	if b, err = c.object(s.Poster.Key, s.Poster.Size); err != nil {
		return info, fmt.Errorf("poster: %w", err)
	}
	size, err = jpeg.DecodeConfig(bytes.NewReader(b))
	switch {
	case err != nil:
		return info, fmt.Errorf("poster: %w", err)
	case size.Width != t.track.PosterWidth || size.Height != t.track.PosterHeight || s.Poster.Width != size.Width || s.Poster.Height != size.Height:
		return info, fmt.Errorf("a poster of %dx%d pixels that says %dx%d, where %dx%d are due", size.Width, size.Height,
			s.Poster.Width, s.Poster.Height, t.track.PosterWidth, t.track.PosterHeight)
	case !(s.Poster.Quality >= 0):
		return info, fmt.Errorf("a poster of quality %v", s.Poster.Quality)
	}
	return info, nil
}
