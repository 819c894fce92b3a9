package ffmpeg

import (
	"fmt"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// filterGraphs returns what -filter_complex is given for a job: a graph for all its
// pictures, and one for each sound. Track i of job.Tracks leaves them as [out<i>]. They
// are apart because ffmpeg builds a graph anew where the sound of a source changes its
// channels or rate in the middle, and a picture's graph would begin again at 0. Sound n
// begins with input n+1: see firstSamples.
func filterGraphs(job encoder.Job, tonemap bool) ([]string, error) {
	var graphs []string
	var videos []int
	sounds := 0
	for i, t := range job.Tracks {
		s, ok := stream(job.Media, t.Stream)
		if !ok {
			return nil, fmt.Errorf("track %q wants stream %d, which the source does not have", t.ID, t.Stream)
		}
		switch t.Kind {
		case hls.Video:
			videos = append(videos, i)
		case hls.Audio:
			sounds++
			graphs = append(graphs, audioChain(i, sounds, t, s, job))
		default:
			return nil, fmt.Errorf("track %q is of kind %q, which this encoder does not make", t.ID, t.Kind)
		}
	}
	if len(videos) > 0 {
		graphs = append(graphs, strings.Join(videoChains(job, videos, tonemap), ";"))
	}
	return graphs, nil
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
// the grid's constant rate, from 0 to the end of the timeline. The first filter brings
// every picture to one size: files may change theirs in the middle, and other filters
// don't look.
func firstPicture(t encoder.TrackSpec, s encoder.Stream, g encoder.Grid, tonemap bool) []string {
	var f []string
	w, h := t.Width, t.Height // before it is turned
	if s.Rotation == 90 || s.Rotation == 270 {
		w, h = h, w
	}
	switch s.FieldOrder {
	case "tt", "bb", "tb", "bt":
		f = append(f, fmt.Sprintf("scale=%d:%d:interl=-1", s.Width, s.Height), "bwdif=mode=send_frame:deint=interlaced")
	}
	if s.HDR() && tonemap {
		f = append(f, fmt.Sprintf("scale=%d:%d", w, h), "setsar=1",
			"zscale=tin="+s.ColorTransfer+":pin=bt2020:min=bt2020nc:rin=tv:t=linear:npl=100", "format=gbrpf32le", "zscale=p=bt709",
			"tonemap=hable:desat=0", "zscale=t=bt709:m=bt709:r=tv", "format=yuv420p")
	} else {
		f = append(f, fmt.Sprintf("scale=%d:%d%s:out_color_matrix=bt709:out_range=tv", w, h, inMatrix(s)),
			"setsar=1", "format=yuv420p")
	}
	f = append(f, turn(s)...)
	f = append(f, fmt.Sprintf("fps=%d/%d:start_time=0", g.FrameRate.Num, g.FrameRate.Den))
	if g.Frames > 0 {
		// Two frames more than the measure says is missing, since the last frame's duration
		// is often not known, and what is made good where the last frames are damaged.
		missing := g.Frames - int64(s.End.Seconds()*g.FrameRate.Float())
		spare := 2 + int64(madeGood(g).Seconds()*g.FrameRate.Float())
		f = append(f, fmt.Sprintf("tpad=stop=%d:stop_mode=clone", max(0, missing)+spare), fmt.Sprintf("trim=end_frame=%d", g.Frames))
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
