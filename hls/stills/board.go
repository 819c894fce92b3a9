package stills

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// board is a storyboard that is being made.
type board struct {
	store  storage.Store
	prefix string // of the track's keys
	track  hls.Track
	opts   Options

	sheet *image.YCbCr // the open one, nil before its first picture
	have  int          // pictures in it
	made  int          // sheets
	cues  []cue        // in the order of their times; those of the open sheet lack its name
}

// cue is a picture: when it is shown, and where it is.
type cue struct {
	start time.Duration
	sheet string
	at    image.Rectangle
}

// draw reads the segments and puts the sheets.
func (b *board) draw(ctx context.Context, output string, segments []hls.Segment, end time.Duration) error {
	const batch = 16 // so many are read at once
	for len(segments) > 0 {
		part := segments[:min(batch, len(segments))]
		segments = segments[len(part):]
		strips := make([][]byte, len(part))
		g, reading := errgroup.WithContext(ctx)
		for i, s := range part {
			g.Go(func() (err error) {
				strips[i], err = read(reading, b.store, output+"/"+s.Key)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i, s := range part {
			if err := b.add(ctx, s, strips[i], end); err != nil {
				return err
			}
		}
	}
	return b.flush(ctx)
}

// add takes the pictures of a segment.
func (b *board) add(ctx context.Context, s hls.Segment, data []byte, end time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w, h := b.track.Width, b.track.Height
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrMalformed, s.Key, err)
	}
	if w <= 0 || c.Height != h || c.Width < w || c.Width%w != 0 {
		return fmt.Errorf("%w: %s is no row of pictures of %dx%d, but has %dx%d", ErrMalformed, s.Key, w, h, c.Width, c.Height)
	}
	strip, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrMalformed, s.Key, err)
	}
	begin := time.Duration(s.Start) * time.Second / hls.ImageTimescale
	for i := range c.Width / w {
		start := begin + time.Duration(float64(i)*b.track.Interval.Float()*float64(time.Second))
		if start+time.Millisecond > end {
			break // a cue would last for nothing
		}
		if err := b.place(ctx, strip, image.Pt(i*w, 0), start); err != nil {
			return err
		}
	}
	return nil
}

// place puts a picture into the open sheet.
func (b *board) place(ctx context.Context, from image.Image, at image.Point, start time.Duration) error {
	w, h := b.track.Width, b.track.Height
	if b.sheet == nil {
		b.sheet = image.NewYCbCr(image.Rect(0, 0, w*b.opts.Columns, h*b.opts.Rows), image.YCbCrSubsampleRatio420)
		for i := range b.sheet.Cb { // black, where it is not filled
			b.sheet.Cb[i], b.sheet.Cr[i] = 128, 128
		}
		b.have = 0
	}
	x, y := b.have%b.opts.Columns*w, b.have/b.opts.Columns*h
	place := image.Rect(x, y, x+w, y+h)
	copyPicture(b.sheet, place, from, at)
	b.cues = append(b.cues, cue{start: start, at: place})
	if b.have++; b.have == b.opts.Columns*b.opts.Rows {
		return b.flush(ctx)
	}
	return nil
}

// flush puts the open sheet, cut to what it has.
func (b *board) flush(ctx context.Context) error {
	if b.sheet == nil {
		return nil
	}
	columns := min(b.have, b.opts.Columns)
	rows := (b.have + b.opts.Columns - 1) / b.opts.Columns
	var data bytes.Buffer
	used := b.sheet.SubImage(image.Rect(0, 0, columns*b.track.Width, rows*b.track.Height))
	if err := jpeg.Encode(&data, used, &jpeg.Options{Quality: b.opts.Quality}); err != nil {
		return err
	}
	name, err := b.put(ctx, "sheet-"+strconv.Itoa(b.made), ".jpg", "image/jpeg", data.Bytes())
	if err != nil {
		return err
	}
	for i := len(b.cues) - b.have; i < len(b.cues); i++ {
		b.cues[i].sheet = name
	}
	b.made++
	b.sheet = nil
	return nil
}

// copyPicture copies a picture without a change of its colours where both sides are as
// this project writes them.
func copyPicture(dst *image.YCbCr, to image.Rectangle, src image.Image, from image.Point) {
	s, ok := src.(*image.YCbCr)
	if !ok || s.SubsampleRatio != image.YCbCrSubsampleRatio420 || (to.Min.X|to.Min.Y|to.Dx()|to.Dy()|from.X|from.Y)%2 != 0 {
		repaint(dst, to, src, from)
		return
	}
	for y := range to.Dy() {
		d, o := dst.YOffset(to.Min.X, to.Min.Y+y), s.YOffset(from.X, from.Y+y)
		copy(dst.Y[d:d+to.Dx()], s.Y[o:])
		if y%2 == 0 {
			d, o := dst.COffset(to.Min.X, to.Min.Y+y), s.COffset(from.X, from.Y+y)
			copy(dst.Cb[d:d+to.Dx()/2], s.Cb[o:])
			copy(dst.Cr[d:d+to.Dx()/2], s.Cr[o:])
		}
	}
}

// repaint copies a picture of any kind, pixel by pixel.
func repaint(dst *image.YCbCr, to image.Rectangle, src image.Image, from image.Point) {
	for y := range to.Dy() {
		for x := range to.Dx() {
			c := color.YCbCrModel.Convert(src.At(from.X+x, from.Y+y)).(color.YCbCr)
			dst.Y[dst.YOffset(to.Min.X+x, to.Min.Y+y)] = c.Y
			i := dst.COffset(to.Min.X+x, to.Min.Y+y)
			dst.Cb[i], dst.Cr[i] = c.Cb, c.Cr
		}
	}
}
