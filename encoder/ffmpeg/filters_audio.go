package ffmpeg

import (
	"fmt"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
)

// longSilence is how much missing sound ffmpeg may fill in at once. It holds all of it in
// memory, about 1 MB a second.
const longSilence = 10 * time.Second

// audioChain makes stereo sound that starts at 0, whose gaps are silent, and that
// ends with the timeline.
func audioChain(i int, t encoder.TrackSpec, s encoder.Stream, job encoder.Job) string {
	f := fmt.Sprintf("[0:%d]", t.Stream)
	resample := fmt.Sprintf("aresample=%d:async=1", t.SampleRate)
	if s.Start > longSilence || s.KeyframeGap > longSilence {
		f += ticked(i, t.SampleRate)
		// A tick may stand just before the sound comes back: less than the 0.1 s from which
		// gaps are filled otherwise.
		resample += ":min_hard_comp=0.02"
	}
	// Where a broadcast changes its channels or rate in the middle, the graph is built anew
	// and must not begin at 0 again.
	if s.Start > 0 || !strings.HasPrefix(job.Media.Format, "mpeg") {
		resample += ":first_pts=0"
	}
	f += resample + ",aformat=channel_layouts=stereo"
	if end := job.Grid.Duration(); end > 0 {
		missing := max(0, (end - s.End).Seconds())
		f += fmt.Sprintf(",apad=pad_dur=%.3f,atrim=end=%.6f", missing+0.05+madeGood(job.Grid).Seconds(), end.Seconds())
	}
	return fmt.Sprintf("%s[out%d]", f, i)
}

// ticked puts a single silent sample into each second of sound that is missing, so
// that the rest of the second is all that has to be filled in at once. Both inputs of
// ainterleave count in microseconds because it puts out nothing else.
func ticked(i, rate int) string {
	const stereo = "aformat=sample_fmts=fltp:channel_layouts=stereo,asettb=1/1000000"
	return fmt.Sprintf("aresample=%[2]d,%[3]s[sound%[1]d];"+
		"anullsrc=r=1:cl=stereo:nb_samples=1,asetrate=%[2]d,asetpts=(N+1)*%[2]d,%[3]s[tick%[1]d];"+
		"[sound%[1]d][tick%[1]d]ainterleave,aselect='gt(samples_n,1)+gt(t-if(isnan(prev_selected_t),0,prev_selected_t),0.99)',",
		i, rate, stereo)
}
