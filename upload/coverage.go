package upload

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// timeline returns how long the output of job should be, 0 where unknown.
func timeline(job encoder.Job) time.Duration {
	if d := job.Grid.Duration(); d > 0 {
		return d
	}
	return job.Media.Duration
}

// wanted returns how long track i of job should be: to the end of the timeline, or of
// its source's stream where that ends before. Subtitles go on to the end without words.
func wanted(job encoder.Job, i int) time.Duration {
	want := timeline(job)
	if job.Tracks[i].Kind == hls.Subtitle {
		return want
	}
	for _, stream := range job.Media.Streams {
		if stream.Index == job.Tracks[i].Stream && stream.End > 0 {
			want = min(want, stream.End)
		}
	}
	return want
}

// slack is how much a track may lack of what is wanted: a segment.
func slack(job encoder.Job) time.Duration {
	return time.Duration(job.Grid.SegmentDuration().Float() * float64(time.Second))
}

// covers returns nil where every track is as long as wanted.
func covers(s hls.State, job encoder.Job) error {
	for i, t := range s.Tracks {
		if want := wanted(job, i); t.Duration == 0 || t.Duration+slack(job) < want {
			err := truncated(t.Duration, want)
			err.Err = fmt.Errorf("track %q has %v of %v", t.Track.ID, t.Duration, want)
			return err
		}
	}
	return nil
}

// whole says whether every track has something from its start on, and no hole.
func whole(s hls.State) bool {
	for _, t := range s.Tracks {
		if t.Duration == 0 || t.Contiguous != len(t.Segments) {
			return false
		}
	}
	return true
}

// excuse turns an error that says that the source's end is missing into a warning,
// where the host allows that and something is there.
func (r *run) excuse(err error, something bool) error {
	var e *encoder.Error
	if !r.p.opts.AllowPartial || !something || !errors.As(err, &e) || e.Code != encoder.CodeTruncated {
		return err
	}
	r.log.Warn("The end of a source is missing; the host takes what is there.", "error", err)
	if !r.partial() { // the first is that of the probe, which knows best
		r.warnings = append(r.warnings, Warning{Code: e.Code, Message: e.Message})
	}
	return nil
}

// partial says that the source's end is missing, and the host takes what is there.
func (r *run) partial() bool {
	return slices.ContainsFunc(r.warnings, func(w Warning) bool { return w.Code == encoder.CodeTruncated })
}

// skipped warns of subtitles that are in the source and not in the output.
func (r *run) skipped(m encoder.Media) {
	if n := len(encoder.SkippedSubtitles(m)); n > 0 {
		r.warnings = append(r.warnings, Warning{Code: CodeSubtitlesSkipped,
			Message: fmt.Sprintf("The file has subtitles (%d) that are pictures, as on discs and in broadcasts; they were left out.", n)})
	}
}

// shortened returns an error where the probe found that the end of the source is
// missing.
func shortened(m encoder.Media) error {
	if !m.Truncated {
		return nil
	}
	return truncated(m.Duration, m.HeaderDuration)
}

// truncated says that only a part of a source is there.
func truncated(have, want time.Duration) *encoder.Error {
	msg := fmt.Sprintf("The file ends early: %s could be read. Upload it again.", inSeconds(have))
	if want > have {
		msg = fmt.Sprintf("The file ends early: %s of %s could be read. Upload it again.", inSeconds(have), inSeconds(want))
	}
	return &encoder.Error{Code: encoder.CodeTruncated, Permanent: true, Message: msg}
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
