package ffmpeg

import (
	"fmt"
	"strconv"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// copyArgs have the samples of a track's stream written as they are, with their times.
// hls/pack gives pictures those of the grid (see places). Sound is shifted as the grid
// says, and keeps its priming; what begins behind the end of the timeline is left out.
func copyArgs(t encoder.TrackSpec, s encoder.Stream, g encoder.Grid) ([]string, error) {
	switch {
	case s.Samples == nil || s.Samples.Fault != "":
		return nil, fmt.Errorf("track %q is to be copied from stream %d, which cannot be", t.ID, t.Stream)
	case t.Kind == hls.Audio:
		args := []string{"-c:a", "copy", "-movflags", "+frag_every_frame+delay_moov+default_base_moof"}
		if g.Shift != 0 { // as the pictures
			shift := fmt.Sprintf("round(%.6f/TB)", g.Shift.Seconds())
			args = append(args, "-bsf:a", "setts=pts=PTS+"+shift+":dts=DTS+"+shift)
		}
		if end := g.Duration(); end > 0 {
			args = append(args, "-t", strconv.FormatFloat(end.Seconds(), 'f', 6, 64))
		}
		return args, nil
	}
	return []string{"-c:v", "copy", "-tag:v", "avc1", "-write_tmcd", "0", "-movflags", "+frag_keyframe+delay_moov+default_base_moof"}, nil
}

// places are those of the frames of a track that is copied, nil for others.
func places(t encoder.TrackSpec, job encoder.Job) *pack.Frames {
	s, _ := stream(job.Media, t.Stream)
	if !t.Copy || t.Kind != hls.Video || s.Samples == nil {
		return nil
	}
	return &pack.Frames{
		Rate: job.Grid.FrameRate, Timescale: uint32(timescale(job.Grid.FrameRate)), Reorder: int(s.Samples.Reorder),
	}
}
