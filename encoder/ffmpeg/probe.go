package ffmpeg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// probeLimit bounds what ffprobe may say of a header, in bytes.
const probeLimit = 4 << 20

// probeRate is how many bytes a second are expected of the slowest store.
const probeRate = 4 << 20

// lostForSure is how much less than the header claims is found before an error of the
// demuxer counts as the end of a damaged file. Without an error the header lies.
const lostForSure = 5 * time.Second

// Probe reads the header of the source and then all its packets: headers lie about
// durations and frame rates. It decodes nothing beyond the first frames.
func (e *Encoder) Probe(ctx context.Context, src encoder.Source) (encoder.Media, error) {
	if !supported {
		return encoder.Media{}, errors.ErrUnsupported
	}
	parent := ctx
	timeout := e.opts.ProbeTimeout + time.Duration(src.Size()/probeRate)*time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	in, err := e.open(ctx, src)
	if err != nil {
		return encoder.Media{}, orContext(parent, err)
	}
	defer func() { _ = in.close() }()

	var head probeOutput
	var raw bytes.Buffer
	tail, err := e.ffprobe(ctx, in, []string{"-show_format", "-show_streams", "-of", "json"}, func(r io.Reader) error {
		_, err := io.Copy(&raw, io.LimitReader(r, probeLimit))
		return err
	})
	if err == nil {
		err = json.Unmarshal(raw.Bytes(), &head)
	}
	if err == nil && head.Format.Name == "" {
		err = errors.New("no format found")
	}
	if err != nil {
		return encoder.Media{}, e.probeError(parent, ctx, in, tail, err)
	}
	if tail.sawTooLarge() && slices.ContainsFunc(head.Streams, probeStream.hidden) {
		return encoder.Media{}, tooLarge(e.opts.MaxPixels, tail)
	}
	if tail.sawTooMany() {
		return encoder.Media{}, tooMany(e.opts.MaxStreams, tail)
	}
	sc := head.scan(e.opts.MaxStreams)
	packets := []string{"-show_entries", "packet=stream_index,pts_time,dts_time,duration_time,size,pos,flags:packet_side_data=side_data_type", "-of", "csv=p=0"}
	tail, err = e.ffprobe(ctx, in, packets, sc.read)
	var notRun *encoder.Error
	if ctx.Err() != nil || in.failed() != nil || killed(err) || errors.As(err, &notRun) {
		return encoder.Media{}, e.probeError(parent, ctx, in, tail, err)
	}
	// A scan that the file brings to a bad end has still seen what is there.
	m := head.media(sc)
	if stillPicture(m) {
		return encoder.Media{}, &encoder.Error{Code: encoder.CodeUnsupportedFormat, Permanent: true,
			Message: "The file is a still picture. Upload a video."}
	}
	m.Truncated = tail.sawTruncated() || (tail.String() != "" && m.HeaderDuration-m.Duration > lostForSure)
	if s, gop, ok := head.windowable(m, sc); ok && !sc.encrypted {
		m.Windowable = e.tryWindow(ctx, in, m, s, gop)
		if ctx.Err() != nil || in.failed() != nil {
			return encoder.Media{}, e.probeError(parent, ctx, in, tail, ctx.Err())
		}
	}
	if !sc.encrypted && !m.Truncated && tail.String() == "" {
		if err := e.verifyKeyframes(ctx, src, in, m, sc); err != nil {
			return encoder.Media{}, e.probeError(parent, ctx, in, tail, err)
		}
	} else {
		for i := range m.Streams {
			if m.Streams[i].Samples != nil {
				m.Streams[i].Samples = &encoder.Samples{Fault: "are in a damaged file"}
			}
		}
	}
	if sc.encrypted {
		return m, &encoder.Error{Code: encoder.CodeUnsupportedFormat, Permanent: true, Stderr: tail.String(),
			Message: "The file is encrypted (DRM). Upload one without copy protection."}
	}
	return m, nil
}

// ffprobe runs ffprobe over in and hands its output to read.
func (e *Encoder) ffprobe(ctx context.Context, in *input, args []string, read func(io.Reader) error) (*stderrTail, error) {
	args = append(append([]string{"-v", "error"}, args...), e.inputArgs(in)...)
	c := e.command(e.opts.FFprobe, in, args)
	if in.file != nil {
		c.files = []*os.File{in.file}
	}
	return output(ctx, c, read)
}

// probeError says why a probe failed.
func (e *Encoder) probeError(parent, ctx context.Context, in *input, tail *stderrTail, err error) error {
	var known *encoder.Error
	switch {
	case parent.Err() != nil:
		return parent.Err()
	case in.failed() != nil:
		return sourceError(in.failed())
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return &encoder.Error{Code: encoder.CodeStalled, Stderr: tail.String(), Err: err,
			Message: "Looking into the file took too long. Try again later."}
	}
	switch {
	case tail.sawTooLarge():
		return tooLarge(e.opts.MaxPixels, tail)
	case tail.sawTooMany():
		return tooMany(e.opts.MaxStreams, tail)
	case tail.sawOutOfMemory() && e.opts.MaxMemory > 0:
		return tooMuchMemory(e.opts.MaxMemory, tail, err)
	}
	return refused(tail, err)
}

// orContext prefers the context's error over err.
func orContext(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// probeOutput is what ffprobe -of json says.
type probeOutput struct {
	Format struct {
		Name     string `json:"format_name"`
		Start    string `json:"start_time"`
		Duration string `json:"duration"`
	} `json:"format"`
	Streams []probeStream `json:"streams"`
}

type probeStream struct {
	Index          int               `json:"index"`
	Type           string            `json:"codec_type"`
	Codec          string            `json:"codec_name"`
	Profile        string            `json:"profile"`
	Width          int               `json:"width"`
	Height         int               `json:"height"`
	PixelAspect    string            `json:"sample_aspect_ratio"`
	PixelFormat    string            `json:"pix_fmt"`
	FieldOrder     string            `json:"field_order"`
	ColorRange     string            `json:"color_range"`
	ColorSpace     string            `json:"color_space"`
	ColorTransfer  string            `json:"color_transfer"`
	ColorPrimaries string            `json:"color_primaries"`
	RFrameRate     string            `json:"r_frame_rate"`
	AvgFrameRate   string            `json:"avg_frame_rate"`
	SampleRate     string            `json:"sample_rate"`
	Channels       int               `json:"channels"`
	Reordered      int               `json:"has_b_frames"`
	Level          int               `json:"level"`
	Disposition    map[string]int    `json:"disposition"`
	Tags           map[string]string `json:"tags"`
	SideData       []sideData        `json:"side_data_list"`
}

// scan returns a scan that looks more closely at what could be repackaged: H.264 and AAC
// where every sample has a place in the file, and times that are not rounded.
func (o probeOutput) scan(most int) *scan {
	sc := newScan(o.Format.Name, most)
	if !strings.HasPrefix(o.Format.Name, "mov,") {
		return sc
	}
	for _, ps := range o.Streams {
		switch s := ps.stream(); {
		case s.Kind == encoder.VideoStream && s.Codec == "h264" && !s.CoverArt:
			sc.coded[s.Index] = newCoded(true, ps.claimedRate())
		case s.Kind == encoder.AudioStream && s.Codec == "aac":
			sc.coded[s.Index] = newCoded(false, hls.Rational{})
		}
	}
	return sc
}

// claimedRate is the frame rate that the header claims: the average, unless that is none.
func (ps probeStream) claimedRate() hls.Rational {
	if rate := parseRate(ps.AvgFrameRate); rate > 0 {
		return encoder.SnapRate(rate)
	}
	return encoder.SnapRate(parseRate(ps.RFrameRate))
}

// media joins what the header says with what the scan found.
func (o probeOutput) media(sc *scan) encoder.Media {
	m := encoder.Media{Format: o.Format.Name, HeaderDuration: seconds(o.Format.Duration)}
	if d, err := strconv.ParseFloat(o.Format.Start, 64); err == nil {
		m.Start = toDuration(d)
	} else {
		m.Start = sc.start()
	}
	for _, ps := range o.Streams {
		s := ps.stream()
		if t := sc.streams[ps.Index]; t != nil {
			rate := parseRate(ps.RFrameRate)
			s.Packets = t.packets
			s.Start = max(0, t.firstTime()-m.Start)
			s.End = max(0, t.end(rate)-m.Start)
			s.KeyframeGap = toDuration(t.keyGap)
			s.DecodeDelay = toDuration(t.delay)
			if s.Kind == encoder.VideoStream {
				s.FrameRate, s.Variable = t.frameRate(rate)
			}
			if c := sc.coded[ps.Index]; c != nil {
				s.Samples = c.samples(m.Start.Seconds(), s.FrameRate)
			}
		}
		if (s.Kind == encoder.VideoStream || s.Kind == encoder.AudioStream) && !s.CoverArt {
			m.Duration = max(m.Duration, s.End)
		}
		m.Streams = append(m.Streams, s)
	}
	return m
}

func (ps probeStream) stream() encoder.Stream {
	s := encoder.Stream{
		Index: ps.Index, Kind: encoder.OtherStream, Codec: ps.Codec, Profile: ps.Profile,
		Default: ps.Disposition["default"] == 1, Language: ps.Tags["language"], Title: ps.Tags["title"],
	}
	if s.Codec == "unknown" || s.Codec == "none" {
		s.Codec = ""
	}
	switch ps.Type {
	case "video":
		s.Kind = encoder.VideoStream
		s.Width, s.Height, s.PixelFormat = ps.Width, ps.Height, ps.PixelFormat
		s.PixelAspect = parsePair(ps.PixelAspect, ":")
		s.FieldOrder, s.ColorRange, s.ColorSpace = ps.FieldOrder, ps.ColorRange, ps.ColorSpace
		s.ColorTransfer, s.ColorPrimaries = ps.ColorTransfer, ps.ColorPrimaries
		s.CoverArt = ps.Disposition["attached_pic"] == 1 || ps.Disposition["timed_thumbnails"] == 1
		s.Alpha = alphaFormat(ps.PixelFormat) || ps.Tags["alpha_mode"] == "1"
		s.Rotation, s.Mirrored = ps.orientation()
		s.Level = max(0, ps.Level)
	case "audio":
		s.Kind = encoder.AudioStream
		s.Channels = ps.Channels
		s.SampleRate, _ = strconv.Atoi(ps.SampleRate)
	case "subtitle":
		s.Kind = encoder.SubtitleStream
	}
	return s
}

// hidden says whether the stream is a moving picture whose size is not known.
func (ps probeStream) hidden() bool {
	s := ps.stream()
	return s.Kind == encoder.VideoStream && !s.CoverArt && (s.Width <= 0 || s.Height <= 0)
}

// parsePair parses "num<sep>den" with both above 0, else returns zeros. ffprobe's have
// 32 bits.
func parsePair(s, sep string) hls.Rational {
	a, b, ok := strings.Cut(s, sep)
	num, err1 := strconv.ParseInt(a, 10, 32)
	den, err2 := strconv.ParseInt(b, 10, 32)
	if !ok || err1 != nil || err2 != nil || num <= 0 || den <= 0 {
		return hls.Rational{}
	}
	return hls.Rational{Num: num, Den: den}
}

func parseRate(s string) float64 { return parsePair(s, "/").Float() }

// seconds parses a decimal number of seconds, 0 where it is none or negative.
func seconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 {
		return 0
	}
	return toDuration(f)
}

// toDuration converts seconds, within the bounds of a Duration.
func toDuration(s float64) time.Duration {
	if math.IsNaN(s) || math.Abs(s) > 1e9 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}
