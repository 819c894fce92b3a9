package ffmpeg

import (
	"fmt"
	"math"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// longSilence is how much missing sound ffmpeg may fill in at once. It holds all of it in
// memory, about 1 MB a second.
const longSilence = 10 * time.Second

// audioChain makes stereo sound that starts at 0, whose gaps are silent, and that
// ends with the timeline. first is the input that has the job's first samples for it.
//
// ffmpeg builds this graph anew wherever the source changes its channels or its rate,
// and a new graph knows nothing of the one before: it must go on at the times of its
// frames, not begin at 0 again (as with aresample=first_pts=0). So what begins the
// sound comes from another input, which is read once. It is a second ahead of the
// sound, so that the first gap is long enough to be filled however small it is; then
// that second is cut away. areverse puts out nothing before its input's end: until
// something comes out ffmpeg reads on here, and from then on nothing waits for that
// input, whose turn may never come while pictures are awaited.
func audioChain(i, first int, t encoder.TrackSpec, s encoder.Stream, job encoder.Job) string {
	// All inputs of ainterleave count in microseconds because it puts out nothing else.
	const stereo = "aformat=sample_fmts=fltp:channel_layouts=stereo,asettb=1/1000000"
	f := fmt.Sprintf("[0:%[1]d]aresample=%[2]d,%[3]s,asetpts=PTS+1000000[sound%[4]d];[%[5]d:0]areverse,%[3]s[first%[4]d];",
		t.Stream, t.SampleRate, stereo, i, first)
	if s.Start > longSilence || s.KeyframeGap > longSilence {
		f += ticked(i, t.SampleRate, stereo)
	} else {
		f += fmt.Sprintf("[sound%[1]d][first%[1]d]ainterleave,aresample=%[2]d:async=1", i, t.SampleRate)
	}
	ahead := t.SampleRate - int(math.Round(job.Grid.Shift.Seconds()*float64(t.SampleRate)))
	f += fmt.Sprintf("%s,asettb=1/%d,asetpts=PTS-%d,atrim=start_pts=0", heldDown(s), t.SampleRate, ahead)
	if end := job.Grid.Duration(); end > 0 {
		missing := max(0, (end - s.End - job.Grid.Shift).Seconds())
		f += fmt.Sprintf(",apad=pad_dur=%.3f,atrim=end=%.6f", missing+0.05+madeGood(job.Grid).Seconds(), end.Seconds())
	}
	return fmt.Sprintf("%s[out%d]", f, i)
}

// heldDown limits what would be too loud when the channels of the stream are added:
// ITU-R BS.775 lets those of 5.1 add up to 2.4 times full scale. What is below full scale
// is left as it is, and where it was.
func heldDown(s encoder.Stream) string {
	if s.Channels <= 2 {
		return ""
	}
	return ",alimiter=limit=0.95:level=false:latency=true"
}

// ticked puts a single silent sample into each second of sound that is missing, so
// that the rest of the second is all that has to be filled in at once. A tick may stand
// just before the sound comes back: less than the 0.1 s from which gaps are filled
// otherwise. What a new graph puts out first is no tick: that would reach back into what
// the old one has put out.
func ticked(i, rate int, stereo string) string {
	return fmt.Sprintf("anullsrc=r=1:cl=stereo:nb_samples=1,asetrate=%[2]d,asetpts=(N+1)*%[2]d,%[3]s[tick%[1]d];"+
		"[sound%[1]d][first%[1]d][tick%[1]d]ainterleave=nb_inputs=3,"+
		"aselect='gt(samples_n,1)+if(isnan(prev_selected_t),0,gt(t-prev_selected_t,0.99))',"+
		"aresample=%[2]d:async=1:min_hard_comp=0.02", i, rate, stereo)
}

// firstSamples are inputs that hold two silent samples at 0, one for each sound of the
// job, in their order.
func firstSamples(job encoder.Job) []string {
	var args []string
	for _, t := range job.Tracks {
		if t.Kind == hls.Audio && !t.Copy {
			args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("anullsrc=r=%d:cl=stereo:nb_samples=2,atrim=end_sample=2", t.SampleRate))
		}
	}
	return args
}
