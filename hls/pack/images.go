package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// What is stored as JPEG: strips are read once more, to be put together.
const (
	maxSide       = 65535 // pixels of a JPEG
	stripQuality  = 90
	posterQuality = 85
)

// Pictures says what stream Images reads: one picture after the other, each as the
// planes Y, Cb and Cr of 4:2:0 in full-range BT.601, as JPEG has it.
type Pictures struct {
	// Width and Height are even, and not less than the track's.
	Width, Height int
	// Count is how many pictures are taken; what comes behind them is read and thrown
	// away. 0 takes all.
	Count int
	// End is where the last segment ends on the timeline at the latest, 0 where unknown.
	End time.Duration
}

// Images reads pictures from r and puts <output>/<track>/<n>-<hash>.jpg for every
// segment of the grid: pictures of the track's size side by side, of the last segment as
// many as there are. Of each segment the first is that at its start, and each other is an
// hls.Track.Interval later. It calls emit after each is durable.
//
// What may become the poster is stored in full as <output>/<track>/poster-<n>-<hash>.jpg,
// before the segment is: of each segment the picture of the best quality, as long as no
// segment of this call had one of quality 1 or more, and if it is better than those
// before. So a call stores few of them, and the first of good quality on the timeline, or else the
// best, is the same however the timeline is divided between calls.
//
// A stream that ends early makes fewer segments. It reads on while a segment is being
// put. Errors are an *Error around one of this package's sentinels, or around what r,
// store, emit or ctx returned; Options.MaxSegment,
// Fragments and Encrypt mean nothing here.
func Images(ctx context.Context, store storage.Store, output string, track hls.Track, grid Grid, pics Pictures, r io.Reader, emit func(Event) error, opts *Options) (Summary, error) {
	p := newPacker(store, output, track, r, emit, opts)
	p.out.encrypt = nil // they are made something of that is shown by itself
	c := &imageCutter{out: p.out, grid: grid, track: track, pics: pics, number: grid.First, r: r}
	read := errStopped
	go func() {
		defer close(p.out.writer.jobs)
		read = c.run(ctx, p.finish)
	}()
	err := p.out.writer.run(ctx) // waits for the goroutine
	if err == nil {
		err = read
	}
	if err == nil {
		return p.out.summary, nil
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return p.out.summary, &Error{Track: track.ID, Offset: c.off, Err: err}
}

// imageCutter groups pictures into segments.
type imageCutter struct {
	out    *output
	grid   Grid
	track  hls.Track
	pics   Pictures
	r      io.Reader
	off    int64 // bytes read
	number int   // of the open segment

	strip    *image.YCbCr // of the open segment, nil before its first picture
	have     int          // pictures in strip
	room     int          // how many it takes
	best     *image.YCbCr // of the open segment's pictures
	quality  float64      // of best
	poster   bool         // a picture was stored that may become the poster
	least    float64      // its quality
	taken    int          // pictures in all
	previous *image.YCbCr // memory that can be used again
}

func (c *imageCutter) run(ctx context.Context, finish func(context.Context) error) error {
	if err := c.check(); err != nil {
		return err
	}
	for {
		if err := c.out.writer.stopped(ctx); err != nil {
			return err
		}
		pic, err := c.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = c.add(ctx, pic)
		}
		if err != nil {
			return err
		}
	}
	if finish != nil {
		if err := finish(ctx); err != nil {
			return err
		}
	}
	return c.flush(ctx)
}

func (c *imageCutter) check() error {
	t, p := c.track, c.pics
	if t.Interval.Num <= 0 || t.Interval.Den <= 0 || t.Width <= 0 || t.Height <= 0 || p.Width < t.Width || p.Height < t.Height || (p.Width|p.Height|t.Width|t.Height)%2 != 0 {
		return malformed("pictures of %dx%d for %dx%d every %v s", p.Width, p.Height, t.Width, t.Height, t.Interval)
	}
	return c.grid.check()
}

// read returns the next picture, and io.EOF behind the last.
func (c *imageCutter) read() (*image.YCbCr, error) {
	pic := c.previous
	if c.previous = nil; pic == nil {
		pic = image.NewYCbCr(image.Rect(0, 0, c.pics.Width, c.pics.Height), image.YCbCrSubsampleRatio420)
	}
	for i, plane := range [][]byte{pic.Y, pic.Cb, pic.Cr} {
		n, err := io.ReadFull(c.r, plane)
		c.off += int64(n)
		if err != nil && (i > 0 || n > 0) {
			return nil, truncated(err, true)
		}
		if err != nil {
			return nil, err
		}
	}
	return pic, nil
}

func (c *imageCutter) add(ctx context.Context, pic *image.YCbCr) error {
	if c.pics.Count > 0 && c.taken == c.pics.Count {
		c.previous = pic
		return nil
	}
	c.taken++
	w, h := c.track.Width, c.track.Height
	if c.strip == nil {
		c.room = c.pictures(c.number)
		c.strip, c.have = image.NewYCbCr(image.Rect(0, 0, w*c.room, h), image.YCbCrSubsampleRatio420), 0
	}
	at := image.Rect(w*c.have, 0, w*(c.have+1), h)
	small := c.strip.SubImage(at).(*image.YCbCr)
	shrink(small, pic)
	c.have++
	if q := quality(small); c.best == nil || q > c.quality {
		c.previous, c.best, c.quality = c.best, pic, q
	} else {
		c.previous = pic
	}
	if c.have == c.room {
		return c.flush(ctx)
	}
	return nil
}

// flush hands the open segment to the writer and opens the next.
func (c *imageCutter) flush(ctx context.Context) error {
	if c.strip == nil {
		return nil
	}
	strip := c.strip.SubImage(image.Rect(0, 0, c.track.Width*c.have, c.track.Height))
	s := hls.Segment{Number: c.number, Start: c.grid.millis(c.number)}
	s.Duration = c.end(c.number) - s.Start
	poster, q := c.best, c.quality
	if c.poster && (c.least >= 1 || q <= c.least) {
		poster = nil
	} else {
		c.poster, c.least = true, q
	}
	c.number++
	c.strip, c.best = nil, nil
	return c.out.writer.do(ctx, func(ctx context.Context) error { return c.put(ctx, s, strip, poster, q) })
}

// end returns when segment n closes, in milliseconds.
func (c *imageCutter) end(n int) int64 {
	start, end := c.grid.millis(n), c.grid.millis(n+1)
	if last := c.pics.End.Round(time.Millisecond).Milliseconds(); last > start {
		return min(last, end)
	}
	if end == math.MaxInt64 {
		return start + int64(float64(max(1, c.have))*c.track.Interval.Float()*1000)
	}
	return end
}

// pictures returns how many segment n has at most. Its end may lack a part of a frame.
func (c *imageCutter) pictures(n int) int {
	most := maxSide / c.track.Width
	if c.grid.millis(n+1) == math.MaxInt64 && c.pics.End <= 0 {
		return most
	}
	lasts := float64(c.end(n)-c.grid.millis(n)-2) / 1000
	return max(1, min(most, int(math.Ceil(lasts/c.track.Interval.Float()))))
}

func (c *imageCutter) put(ctx context.Context, s hls.Segment, strip image.Image, poster *image.YCbCr, q float64) error {
	var b bytes.Buffer
	if poster != nil {
		if err := jpeg.Encode(&b, poster, &jpeg.Options{Quality: posterQuality}); err != nil {
			return err
		}
		key, err := c.out.put(ctx, "poster-"+strconv.Itoa(s.Number), ".jpg", "image/jpeg", b.Bytes())
		if err != nil {
			return err
		}
		s.Poster = &hls.Poster{Key: key, Size: int64(b.Len()), Width: c.pics.Width, Height: c.pics.Height, Quality: q}
		b.Reset()
	}
	if err := jpeg.Encode(&b, strip, &jpeg.Options{Quality: stripQuality}); err != nil {
		return err
	}
	return c.out.putMedia(ctx, s, ".jpg", "image/jpeg", b.Bytes())
}
