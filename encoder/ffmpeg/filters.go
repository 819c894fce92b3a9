package ffmpeg

import (
	"fmt"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// filterGraph returns the -filter_complex of a job. Track i of job.Tracks leaves the
// graph as [out<i>].
func filterGraph(job encoder.Job, tonemap bool) (string, error) {
	var chains []string
	var videos []int
	for i, t := range job.Tracks {
		s, ok := stream(job.Media, t.Stream)
		if !ok {
			return "", fmt.Errorf("track %q wants stream %d, which the source does not have", t.ID, t.Stream)
		}
		switch t.Kind {
		case hls.Video:
			videos = append(videos, i)
		case hls.Audio:
			chains = append(chains, audioChain(i, t, s, job.Grid))
		default:
			return "", fmt.Errorf("track %q is of kind %q, which this encoder does not make", t.ID, t.Kind)
		}
	}
	return strings.Join(append(videoChains(job, videos, tonemap), chains...), ";"), nil
}

func stream(m encoder.Media, index int) (encoder.Stream, bool) {
	for _, s := range m.Streams {
		if s.Index == index {
			return s, true
		}
	}
	return encoder.Stream{}, false
}

// videoChains decodes once: the first rendition is made from the picture, each
// further one from the rendition before it.
func videoChains(job encoder.Job, videos []int, tonemap bool) []string {
	if len(videos) == 0 {
		return nil
	}
	var chains []string
	from := ""
	for n, i := range videos {
		t := job.Tracks[i]
		var f string
		if n == 0 {
			s, _ := stream(job.Media, t.Stream)
			f = fmt.Sprintf("[0:%d]%s", t.Stream, strings.Join(firstPicture(t, s, job.Grid, tonemap), ","))
		} else {
			f = fmt.Sprintf("[%s]scale=%d:%d,setsar=1", from, t.Width, t.Height)
		}
		if n == len(videos)-1 {
			chains = append(chains, fmt.Sprintf("%s[out%d]", f, i))
			break
		}
		from = fmt.Sprintf("next%d", n)
		chains = append(chains, fmt.Sprintf("%s,split=2[out%d][%s]", f, i, from))
	}
	return chains
}

// firstPicture makes an upright picture of the track's size, in 8-bit 4:2:0 BT.709, at
// the grid's constant rate, from 0 to the end of the timeline. ffmpeg itself turns it
// upright before the graph.
func firstPicture(t encoder.TrackSpec, s encoder.Stream, g encoder.Grid, tonemap bool) []string {
	var f []string
	switch s.FieldOrder {
	case "tt", "bb", "tb", "bt":
		f = append(f, "bwdif=mode=send_frame:deint=interlaced")
	}
	if s.HDR() && tonemap {
		f = append(f, fmt.Sprintf("scale=%d:%d", t.Width, t.Height), "setsar=1",
			"zscale=tin="+s.ColorTransfer+":pin=bt2020:min=bt2020nc:rin=tv:t=linear:npl=100", "format=gbrpf32le", "zscale=p=bt709",
			"tonemap=hable:desat=0", "zscale=t=bt709:m=bt709:r=tv", "format=yuv420p")
	} else {
		f = append(f, fmt.Sprintf("scale=%d:%d%s:out_color_matrix=bt709:out_range=tv", t.Width, t.Height, inMatrix(s)),
			"setsar=1", "format=yuv420p")
	}
	f = append(f, fmt.Sprintf("fps=%d/%d:start_time=0", g.FrameRate.Num, g.FrameRate.Den))
	if g.Frames > 0 {
		// Two frames more than the measure says is missing: the last frame's duration is
		// often not known.
		missing := g.Frames - int64(s.End.Seconds()*g.FrameRate.Float())
		f = append(f, fmt.Sprintf("tpad=stop=%d:stop_mode=clone", max(0, missing)+2), fmt.Sprintf("trim=end_frame=%d", g.Frames))
	}
	return f
}

// inMatrix names the colour matrix of the source where its frames may not: without a
// tag, high definition is BT.709 and the rest BT.601.
func inMatrix(s encoder.Stream) string {
	switch s.ColorSpace {
	case "bt709":
		return ":in_color_matrix=bt709"
	case "smpte170m", "bt470bg":
		return ":in_color_matrix=smpte170m"
	case "bt2020nc", "bt2020c":
		return ":in_color_matrix=bt2020"
	case "", "unknown", "unspecified", "reserved":
		if strings.Contains(s.PixelFormat, "rgb") || strings.Contains(s.PixelFormat, "bgr") || strings.HasPrefix(s.PixelFormat, "gbr") || s.PixelFormat == "pal8" {
			return ""
		}
		if s.Height >= 720 || s.Width >= 1280 {
			return ":in_color_matrix=bt709"
		}
		return ":in_color_matrix=smpte170m"
	}
	return ""
}

// audioChain makes stereo sound that starts at 0, whose gaps are silent, and that
// ends with the timeline.
func audioChain(i int, t encoder.TrackSpec, s encoder.Stream, g encoder.Grid) string {
	f := fmt.Sprintf("[0:%d]aresample=%d:async=1:first_pts=0,aformat=channel_layouts=stereo", t.Stream, t.SampleRate)
	if end := g.Duration(); end > 0 {
		missing := max(0, (end - s.End).Seconds())
		f += fmt.Sprintf(",apad=pad_dur=%.3f,atrim=end=%.6f", missing+0.05, end.Seconds())
	}
	return fmt.Sprintf("%s[out%d]", f, i)
}
