package ffmpeg

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// span is the part of the timeline that a job makes, in frames.
type span struct {
	rate  hls.Rational
	first int64
	end   int64 // behind the last frame; 0 where the end of the timeline is not known
	// whole says that it is all of the timeline, last that it ends with it.
	whole, last bool
	shift       time.Duration // encoder.Grid's
	// more frames are encoded than the span has, and thrown away: see fewest.
	more int64
	// cuts are the grid's within the span, counted from first.
	cuts []int64
}

// fewest is how many frames make x264 delay its output as it does for more: a track's
// init segment says by how much.
const fewest = 4

// spanOf returns the job's window in frames, or says why there can be none.
func spanOf(job encoder.Job) (span, error) {
	w, g := job.Window, job.Grid
	p := span{rate: g.FrameRate, end: g.Frames, last: true, whole: w == encoder.Window{}, shift: g.Shift}
	for n, cut := range g.Cuts {
		if cut <= g.Start(n) || (g.Frames > 0 && cut >= g.Frames) {
			return p, fmt.Errorf("segment %d from frame %d on, of %d frames", n+1, cut, g.Frames)
		}
	}
	if p.whole {
		p.cuts = g.Cuts
		return p, nil
	}
	if w.First < 0 || w.Segments < 0 || g.Segment <= 0 || g.FrameRate.Num <= 0 || g.FrameRate.Den <= 0 {
		return p, fmt.Errorf("window of %d segments from %d on", w.Segments, w.First)
	}
	if !job.Media.Windowable {
		return p, errors.New("a window of a source that can't be decoded in parts")
	}
	for _, t := range job.Tracks {
		if t.Kind != hls.Video && !isImage(t) {
			return p, fmt.Errorf("a window of track %q, which is no video", t.ID)
		}
		if t.Copy {
			return p, fmt.Errorf("a window of track %q, which is copied", t.ID)
		}
	}
	p.first = g.Start(w.First)
	if g.Frames > 0 && p.first >= g.Frames {
		return p, fmt.Errorf("a window from frame %d on, of %d frames", p.first, g.Frames)
	}
	if end := g.Start(w.First + w.Segments); w.Segments > 0 && (g.Frames <= 0 || end < g.Frames) {
		p.end, p.last = end, false
	}
	if p.end > 0 && p.end-p.first < fewest {
		p.more = fewest
	}
	for _, cut := range g.Cuts {
		if cut > p.first && (p.end <= 0 || cut < p.end) {
			p.cuts = append(p.cuts, cut-p.first)
		}
	}
	return p, nil
}

// at returns when frame n is shown.
func (p span) at(n int64) time.Duration {
	if p.rate.Num <= 0 || p.rate.Den <= 0 {
		return 0
	}
	return time.Duration(float64(n) * float64(p.rate.Den) / float64(p.rate.Num) * float64(time.Second))
}

// frames is by what progress is measured: nil for times.
func (p span) frames() func(int64) time.Duration {
	if p.first == 0 {
		return nil
	}
	return p.at
}

// duration is how long the span is, 0 where its end is not known.
func (p span) duration() time.Duration { return max(0, p.at(p.end)-p.at(p.first)) }

// ticks returns how long the span is in ticks of the timescale, of which every frame
// has a whole number.
func (p span) ticks(timescale uint32) int64 {
	return (p.end - p.first) * int64(timescale) / max(1, p.rate.Num) * p.rate.Den
}

// preroll is how much before a window decoding begins, where every keyframe is shown
// as soon as it is decoded. Filters over time look that far back, too.
const preroll = 500 * time.Millisecond

// seek returns when decoding begins, 0 for the start of the file. Behind the end of the
// pictures the last of them is on view.
func (p span) seek(s encoder.Stream) time.Duration {
	if p.first == 0 {
		return 0
	}
	return max(0, min(p.at(p.first), s.End)-preroll-s.DecodeDelay-p.shift.Abs())
}

// seekArgs have the input read from the last keyframe before the window. Frames
// keep the times that they have in one pass, and none before the window is dropped
// here: it may still be on view when the window begins.
func (p span) seekArgs(job encoder.Job) []string {
	if len(job.Tracks) == 0 {
		return nil
	}
	s, _ := stream(job.Media, job.Tracks[0].Stream)
	from := p.seek(s)
	if from == 0 {
		return nil
	}
	return []string{"-noaccurate_seek", "-ss", strconv.FormatFloat(from.Seconds(), 'f', 6, 64), "-copyts", "-start_at_zero"}
}

// work is how much of the source's timeline is decoded for the span at most.
func (p span) work(job encoder.Job) time.Duration {
	d := p.duration()
	if len(job.Tracks) > 0 && p.first > 0 {
		s, _ := stream(job.Media, job.Tracks[0].Stream)
		d += p.at(p.first) - p.seek(s) + min(s.KeyframeGap, p.at(p.first))
	}
	return d
}

// cut is the grid of the span's segments.
func (p span) cut(job encoder.Job) pack.Grid {
	g := pack.Grid{Segment: job.Grid.SegmentDuration(), Cuts: job.Grid.CutTimes()}
	if p.first > 0 {
		g.First = job.Window.First
		g.Offset = hls.Rational{Num: p.first * p.rate.Den, Den: p.rate.Num}
	}
	return g
}

// keyArgs have each segment begin with a keyframe where the grid has cuts, and what is
// thrown away, which means in a fragment of its own. From each of them on GOPs are counted
// anew.
func (p span) keyArgs() []string {
	at := p.cuts
	if p.more > 0 {
		at = append(slices.Clone(at), p.end-p.first)
	}
	if len(at) == 0 {
		return nil
	}
	var times strings.Builder
	for i, n := range at {
		if i > 0 {
			times.WriteByte(',')
		}
		// A quarter of a frame before it: the first frame from then on is meant, however
		// times are rounded. There may be ten thousand of them on a command line.
		early := p.at(n) - p.at(1)/4
		times.WriteString(strconv.FormatFloat(early.Seconds(), 'f', 3, 64))
	}
	return []string{"-force_key_frames", times.String()}
}

// fragments is how many of a track's are kept, 0 for all.
func (p span) fragments(g encoder.Grid) int {
	if p.more == 0 {
		return 0
	}
	gop := int64(max(1, g.GOP))
	var sum, from int64
	for _, cut := range append(slices.Clone(p.cuts), p.end-p.first) {
		sum += (cut - from + gop - 1) / gop
		from = cut
	}
	return int(sum)
}

// timing returns the filters that give frames the grid's constant rate and keep those
// of the span, numbered from 0.
//
// The first fps puts every frame in the place that it has in one pass: it rounds times,
// and from 0. In a window the second one takes what is on view when that begins, or what
// comes first.
func (p span) timing(s encoder.Stream, g encoder.Grid) []string {
	rate := fmt.Sprintf("fps=%d/%d", g.FrameRate.Num, g.FrameRate.Den)
	f := []string{rate}
	if p.first == 0 {
		f[0] += ":start_time=0"
	}
	if p.shift != 0 {
		f = []string{fmt.Sprintf("setpts=round(PTS%+.6f/TB)", p.shift.Seconds()), f[0]}
	}
	if p.end > 0 {
		// Two frames more than the measure says is missing, since the last frame's duration
		// is often not known, and what is made good where the last frames are damaged.
		spare := 2 + int64(madeGood(g).Seconds()*g.FrameRate.Float())
		missing := p.end + p.more - int64(s.End.Seconds()*g.FrameRate.Float())
		if p.last || missing+spare > 0 {
			f = append(f, fmt.Sprintf("tpad=stop=%d:stop_mode=clone", max(0, missing)+spare))
		}
	}
	if p.first > 0 {
		f = append(f, fmt.Sprintf("%s:start_time=%.6f", rate, p.at(p.first).Seconds()))
	}
	if p.end > 0 {
		f = append(f, fmt.Sprintf("trim=end_pts=%d", p.end+p.more))
	}
	if p.first > 0 {
		f = append(f, fmt.Sprintf("setpts=PTS-%d", p.first))
	}
	return f
}
