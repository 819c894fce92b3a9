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
	part, err := spanOf(job)
	if err != nil {
		return nil, err
	}
	var graphs []string
	var videos, images []int
	sounds := 0
	for i, t := range job.Tracks {
		s, ok := stream(job.Media, t.Stream)
		if !ok {
			return nil, fmt.Errorf("track %q wants stream %d, which the source does not have", t.ID, t.Stream)
		}
		switch {
		case t.Copy && t.Kind != hls.Subtitle:
		case t.Kind == hls.Video:
			videos = append(videos, i)
		case t.Kind == hls.Image:
			images = append(images, i)
		case t.Kind == hls.Audio:
			sounds++
			graphs = append(graphs, audioChain(i, sounds, t, s, job))
		default:
			return nil, fmt.Errorf("track %q is of kind %q, which this encoder does not make", t.ID, t.Kind)
		}
	}
	if len(videos)+len(images) > 0 {
		graphs = append(graphs, strings.Join(videoChains(job, part, videos, images, tonemap), ";"))
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
// further one from the rendition before it. Images are of the first.
func videoChains(job encoder.Job, part span, videos, images []int, tonemap bool) []string {
	var chains []string
	from := ""
	for n, i := range images {
		t := job.Tracks[i]
		if len(videos) == 0 {
			chains = append(chains, imageChain(i, t, job.Grid, part, imageSource(job, t, part, tonemap)))
		} else {
			chains = append(chains, imageChain(i, t, job.Grid, part, fmt.Sprintf("[still%d]", n)))
		}
	}
	for n, i := range videos {
		t := job.Tracks[i]
		var f string
		if n == 0 {
			s, _ := stream(job.Media, t.Stream)
			f = fmt.Sprintf("[0:%d]%s", t.Stream, strings.Join(firstPicture(t, s, job.Grid, part, tonemap), ","))
			for k := range images {
				f += fmt.Sprintf(",split=2[still%d],null", k)
			}
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
// the grid's constant rate, from the start of the span to its end. In one pass each
// picture is scaled before it may be repeated; in a window only what is of the window.
func firstPicture(t encoder.TrackSpec, s encoder.Stream, g encoder.Grid, part span, tonemap bool) []string {
	var f []string
	switch s.FieldOrder {
	case "tt", "bb", "tb", "bt":
		f = append(f, fmt.Sprintf("scale=%d:%d:interl=-1", s.Width, s.Height), "bwdif=mode=send_frame:deint=interlaced")
	}
	if part.first > 0 {
		return append(append(f, part.timing(s, g)...), shaped(t, s, tonemap)...)
	}
	return append(append(f, shaped(t, s, tonemap)...), part.timing(s, g)...)
}

// shaped makes the picture what it shall be, each by itself. The first filter brings
// every picture to one size: files may change theirs in the middle, and other filters
// don't look.
func shaped(t encoder.TrackSpec, s encoder.Stream, tonemap bool) (f []string) {
	w, h := t.Width, t.Height // before it is turned
	if s.Rotation == 90 || s.Rotation == 270 {
		w, h = h, w
	}
	if s.HDR() && tonemap {
		f = append(append(append(f, fmt.Sprintf("scale=%d:%d", w, h), "setsar=1"), tonemapped(s)...), "format=yuv420p")
	} else {
		matrix := inMatrix(s)
		switch from := narrowed(s); {
		case s.Alpha:
			f, matrix = append(f, overBlack(s)...), ""
		case from != nil && tonemap: // both need zscale
			f = append(append(f, fmt.Sprintf("scale=%d:%d", w, h)), from...)
			matrix = ":in_color_matrix=bt709"
		}
		f = append(f, fmt.Sprintf("scale=%d:%d%s:out_color_matrix=bt709:out_range=tv", w, h, matrix), "setsar=1", "format=yuv420p")
	}
	return append(f, turn(s)...)
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
