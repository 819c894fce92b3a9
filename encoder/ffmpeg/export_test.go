package ffmpeg

import (
	"strings"

	"github.com/vodkit/vodkit/encoder"
)

// GraphArgs is the command line that writes the pictures of a job's first track, from
// the file at path, as its encoder is given them: to what out says.
func GraphArgs(job encoder.Job, path string, out ...string) ([]string, error) {
	part, err := spanOf(job)
	if err != nil {
		return nil, err
	}
	graphs, err := filterGraphs(job, true)
	if err != nil {
		return nil, err
	}
	args := append([]string{"-nostdin", "-v", "error", "-threads", "1", "-reinit_filter:v", "0", "-noautorotate"}, part.seekArgs(job)...)
	args = append(args, "-i", path, "-filter_complex", strings.Join(graphs, ";"), "-map", "[out0]", "-fps_mode", "passthrough")
	return append(args, out...), nil
}
