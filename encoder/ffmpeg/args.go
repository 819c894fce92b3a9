package ffmpeg

import (
	"fmt"
	"runtime"
	"strconv"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// encodeArgs is the command line of a job: its source, an input that begins each
// sound, and for each track an output of its own into the descriptor that firstOut +
// its place names. Progress goes to progressFD.
func (e *Encoder) encodeArgs(job encoder.Job, in *input, progressFD, firstOut int, able abilities) ([]string, error) {
	part, err := spanOf(job)
	if err != nil {
		return nil, err
	}
	graphs, err := filterGraphs(job, able.tonemaps())
	if err != nil {
		return nil, err
	}
	threads := strconv.Itoa(e.threads(job))
	args := []string{
		"-nostdin", "-hide_banner", "-nostats", "-v", "error",
		"-progress", fmt.Sprintf("pipe:%d", progressFD), "-stats_period", "0.5",
		// The same in all windows: swscale works in as many slices, and its pictures differ with
		// them.
		"-filter_complex_threads", strconv.Itoa(e.opts.Threads),
		// A picture that changes its size in the middle is scaled on, not started anew.
		"-threads", threads, "-reinit_filter:v", "0",
	}
	args = append(args, e.opts.InputArgs...)
	args = append(args, "-noautorotate")
	args = append(args, part.seekArgs(job)...)
	args = append(args, decoderArgs(job, able)...)
	args = append(args, e.inputArgs(in)...)
	args = append(args, firstSamples(job)...)
	for _, g := range graphs {
		args = append(args, "-filter_complex", g)
	}
	for i, t := range job.Tracks {
		from := fmt.Sprintf("[out%d]", i)
		if t.Copy {
			from = fmt.Sprintf("0:%d", t.Stream)
		}
		args = append(args, "-map", from, "-map_metadata", "-1", "-map_chapters", "-1")
		switch {
		case t.Copy:
			s, _ := stream(job.Media, t.Stream)
			as, err := copyArgs(t, s, job.Grid)
			if err != nil {
				return nil, err
			}
			args = append(append(args, as...), "-f", "mp4")
		case t.Kind == hls.Image:
			args = append(args, imageArgs()...)
		case t.Kind == hls.Video:
			args = append(append(append(args, e.videoArgs(t, job.Grid, threads)...), part.keyArgs()...), "-f", "mp4")
		default:
			args = append(append(args, e.audioArgs(t)...), "-f", "mp4")
		}
		args = append(args, fmt.Sprintf("pipe:%d", firstOut+i))
	}
	return args, nil
}

// threads is how many threads a decoder and each encoder of the job have: its share of the
// processors, where windows run side by side. As many as processors for each would take a
// twentieth more of the CPU for the same pictures.
func (e *Encoder) threads(job encoder.Job) int {
	return min(e.opts.Threads, max(1, runtime.NumCPU()/(1+max(0, job.Beside))))
}

// firstFrame has x264 give the first picture as many bits as each later keyframe: it
// leaves out its ratio of I to P, 1.4, and a window would begin with a poorer one.
const firstFrame = "zones=0,0,b=1.4"

// videoArgs encode closed GOPs of exactly the grid's length, a fragment each.
func (e *Encoder) videoArgs(t encoder.TrackSpec, g encoder.Grid, threads string) []string {
	gop := strconv.Itoa(g.GOP)
	args := []string{
		"-c:v", "libx264", "-preset", e.opts.Preset, "-profile:v", t.Profile, "-threads", threads,
		"-crf", strconv.Itoa(t.CRF), "-maxrate", strconv.FormatInt(t.MaxRate, 10), "-bufsize", strconv.FormatInt(t.BufSize, 10),
		"-x264-params", "vbv-init=0.5:" + firstFrame,
		"-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-flags", "+cgop", "-fps_mode", "passthrough",
		"-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv",
		"-video_track_timescale", strconv.FormatInt(timescale(g.FrameRate), 10), "-write_tmcd", "0",
		"-movflags", "+frag_keyframe+delay_moov+default_base_moof",
	}
	return append(args, e.opts.VideoArgs...)
}

// audioArgs encode AAC-LC, a fragment for each frame.
func (e *Encoder) audioArgs(t encoder.TrackSpec) []string {
	args := []string{
		"-c:a", "aac", "-b:a", strconv.FormatInt(t.Bitrate, 10), "-ar", strconv.Itoa(t.SampleRate), "-ac", strconv.Itoa(t.Channels),
		"-movflags", "+frag_every_frame+delay_moov+default_base_moof",
	}
	return append(args, e.opts.AudioArgs...)
}

// timescale returns ticks per second of which every frame takes a whole number, at
// least 10,000 of them.
func timescale(rate hls.Rational) int64 {
	n := max(1, rate.Num)
	return n * ((10_000 + n - 1) / n)
}
