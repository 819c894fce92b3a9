package ffmpeg

import (
	"fmt"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// madeGood is how much at the end of a track is filled with its last picture or with
// silence, where the probe found packets that cannot be decoded. What lacks more fails.
func madeGood(g encoder.Grid) time.Duration {
	return min(time.Second, g.Duration()/10)
}

// covered is how much of a track has been made.
type covered struct {
	ticks     int64
	timescale uint32
}

// cover counts what hls/pack has stored; r.mu is held.
func (r *run) cover(ev pack.Event) {
	switch {
	case ev.Init != nil:
		c := r.tracks[ev.Init.Track]
		c.timescale = ev.Init.Timescale
		r.tracks[ev.Init.Track] = c
	case ev.Segment != nil:
		c := r.tracks[ev.Segment.Track]
		c.ticks += ev.Segment.Duration
		r.tracks[ev.Segment.Track] = c
	}
}

// short returns an error where a track has not become as long as the span: ffmpeg
// leaves out what it can't decode and calls that a success. Where a window ends before
// the timeline does, the next one goes on, so not a frame may be missing.
func (r *run) short(tail *stderrTail) error {
	want := r.part.duration()
	if want <= 0 {
		return nil
	}
	frame := r.part.at(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.job.Tracks {
		if isImage(t) {
			continue // pictures of frames that a video track has
		}
		c := r.tracks[t.ID]
		if t.Kind == hls.Subtitle {
			c.timescale = hls.SubtitleTimescale
		}
		have := time.Duration(hls.Rational{Num: c.ticks, Den: int64(max(1, c.timescale))}.Float() * float64(time.Second))
		want := want
		if t.Copy && t.Kind == hls.Audio { // nothing is added to it
			s, _ := stream(r.job.Media, t.Stream)
			want = min(want, s.End)
		}
		missing := have+max(100*time.Millisecond, 3*frame/2) < want
		if !r.part.last || (t.Copy && t.Kind == hls.Video) {
			missing = c.ticks != r.part.ticks(c.timescale)
		}
		if missing && t.Copy {
			return &encoder.Error{Code: encoder.CodePackaging, Stderr: tail.String(),
				Err:     fmt.Errorf("track %q has %v of %v", t.ID, have, want),
				Message: "What was taken from the file as it is does not reach its end. It has to be encoded."}
		}
		if missing {
			return &encoder.Error{Code: encoder.CodeTruncated, Permanent: true, Stderr: tail.String(),
				Err: fmt.Errorf("track %q has %v of %v from %v on", t.ID, have, want, r.part.at(r.part.first)),
				Message: fmt.Sprintf("Only %.1f s of %.1f s could be decoded: the rest of the file is damaged. Export it again and upload that.",
					have.Seconds(), want.Seconds())}
		}
	}
	return nil
}
