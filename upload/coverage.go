package upload

import (
	"fmt"
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

// covers returns nil where what was encoded reaches the end of the timeline, or of
// its source's stream where that ends before, within a segment.
func covers(s hls.State, job encoder.Job) error {
	slack := time.Duration(job.Grid.SegmentDuration().Float() * float64(time.Second))
	for i, t := range s.Tracks {
		want := timeline(job)
		for _, stream := range job.Media.Streams {
			if stream.Index == job.Tracks[i].Stream && stream.End > 0 {
				want = min(want, stream.End)
			}
		}
		if t.Duration == 0 || t.Duration+slack < want {
			err := truncated(t.Duration, want)
			err.Err = fmt.Errorf("track %q has %v of %v", t.Track.ID, t.Duration, want)
			return err
		}
	}
	return nil
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
