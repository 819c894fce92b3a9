package ffmpeg

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// every returns how many frames there are from picture to picture of an image track.
func every(t encoder.TrackSpec, g encoder.Grid) int64 {
	return max(1, int64(math.Round(t.Interval.Float()*g.FrameRate.Float())))
}

// pictures returns how many of an image track's are in the span, 0 where its end is not
// known: each segment begins with one.
func (p span) pictures(t encoder.TrackSpec, g encoder.Grid) (n int) {
	if p.end <= 0 {
		return 0
	}
	step, from := every(t, g), int64(0)
	for _, cut := range append(slices.Clone(p.cuts), p.end-p.first) {
		n += int((cut - from + step - 1) / step)
		from = cut
	}
	return n
}

// imageChain takes one of many of the frames that from leaves, and leaves them as JPEG
// has them, as [out<i>].
func imageChain(i int, t encoder.TrackSpec, g encoder.Grid, part span, from string) string {
	return fmt.Sprintf("%s%s,scale=%d:%d:in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc,format=yuv420p[out%d]",
		from, oneOf(every(t, g), part.cuts), t.PosterWidth, t.PosterHeight, i)
}

// oneOf returns the filter that takes every step-th frame, and counts anew at each cut.
func oneOf(step int64, cuts []int64) string {
	begins := []int64{0} // where the count is another than it would be
	for _, cut := range cuts {
		if (cut-begins[len(begins)-1])%step != 0 {
			begins = append(begins, cut)
		}
	}
	if len(begins) == 1 {
		return fmt.Sprintf("framestep=%d", step)
	}
	return fmt.Sprintf("select='not(mod(n-%s,%d))'", lastBefore(begins), step)
}

// lastBefore returns an expression for the last of numbers that is not behind n. It is a
// tree, so that it takes few steps however many there are.
func lastBefore(numbers []int64) string {
	if len(numbers) == 1 {
		return strconv.FormatInt(numbers[0], 10)
	}
	mid := len(numbers) / 2
	return fmt.Sprintf("if(lt(n,%d),%s,%s)", numbers[mid], lastBefore(numbers[:mid]), lastBefore(numbers[mid:]))
}

// imageSource leaves the pictures of a job in which nothing else is made of its video.
func imageSource(job encoder.Job, t encoder.TrackSpec, part span, tonemap bool) string {
	s, _ := stream(job.Media, t.Stream)
	t.Width, t.Height = t.PosterWidth, t.PosterHeight
	return fmt.Sprintf("[0:%d]%s,", t.Stream, strings.Join(firstPicture(t, s, job.Grid, part, tonemap), ","))
}

// imageArgs write pictures as they are; package hls/pack makes JPEG of them.
func imageArgs() []string {
	return []string{"-c:v", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "-f", "rawvideo"}
}

// packImages makes segments of the pictures that a track's pipe brings.
func (r *run) packImages(ctx context.Context, store *watchedStore, t encoder.TrackSpec, from io.Reader, opts *pack.Options) error {
	pics := pack.Pictures{Width: t.PosterWidth, Height: t.PosterHeight, Count: r.part.pictures(t, r.job.Grid), End: r.part.at(r.part.end)}
	_, err := pack.Images(ctx, store, r.job.Output, t.Track, r.part.cut(r.job), pics, from, r.packed, opts)
	return err
}

// isImage says whether the track is of pictures.
func isImage(t encoder.TrackSpec) bool { return t.Kind == hls.Image }
