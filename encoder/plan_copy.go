package encoder

import (
	"fmt"
	"slices"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// CopyMode says what of a source is repackaged without encoding it.
type CopyMode int

const (
	// CopyBest copies the best rendition's pictures where they are what players need and
	// their bit rate is in proportion to the ladder's, and stereo sound alike. The rest is
	// encoded; segments begin where the source's keyframes are.
	CopyBest CopyMode = iota
	// CopyNever encodes everything.
	CopyNever
	// CopyOnly encodes neither video nor sound: there is one rendition, that of the
	// source, whatever its size and bit rate are, and its sounds, mono too. Up to a quarter
	// of a second of sound behind the last picture is left out. A poster and a storyboard
	// are made where they are asked for, which takes decoding. Where something cannot be
	// copied, Plan returns an [*Error] with CodeNotCopyable that says why.
	CopyOnly
)

const (
	// highestLevel is that of H.264 which every player takes, times ten.
	highestLevel = 51
	// uneven is how much a track that is copied may be shorter or longer than the
	// timeline: what is copied is not padded, and a player takes no harm from that much.
	uneven = 250 * time.Millisecond
	// lateSound is how late a sound that is copied may begin: it is played at once.
	lateSound = 10 * time.Millisecond
)

// copies returns the plan with those tracks copied that should be.
func (o PlanOptions) copies(m Media, g Grid, tracks []TrackSpec) (Grid, []TrackSpec, error) {
	if o.Copy == CopyNever {
		return g, tracks, nil
	}
	only := o.Copy == CopyOnly
	out := slices.Clone(tracks)
	if only {
		out = o.withoutLadder(m, out)
	}
	for i, t := range out {
		if !mayBeCopied(i, t) {
			continue
		}
		s := m.stream(t.Stream)
		switch why := o.whyNot(m, s, g, t); {
		case why == "" && t.Kind == hls.Video:
			g = g.cutAt(s)
			out[i] = copied(t, s)
			o.scaleDown(out)
		case why == "":
			out[i] = copied(t, s)
			out[i].Channels = s.Channels
		case only:
			return Grid{}, nil, notCopyable(t.Kind, why)
		}
	}
	return g, out, nil
}

// NotCopied says of the tracks that Plan has encoded and that could have been copied why
// they are not, by their IDs: in words that go on behind "they", for logs. It is empty
// where nothing should be copied, and where Plan returns an error other than that.
func NotCopied(m Media, opts *PlanOptions) map[string]string {
	o := opts.withDefaults()
	if o.Copy == CopyNever {
		return nil
	}
	encoded := o
	encoded.Copy = CopyNever
	g, tracks, err := Plan(m, &encoded)
	if err != nil {
		return nil
	}
	if o.Copy == CopyOnly {
		tracks = o.withoutLadder(m, tracks)
	}
	out := map[string]string{}
	for i, t := range tracks {
		if !mayBeCopied(i, t) {
			continue
		}
		if why := o.whyNot(m, m.stream(t.Stream), g, t); why != "" {
			out[t.ID] = why
		}
	}
	return out
}

// mayBeCopied says whether the track is the best rendition, or a sound of the source.
func mayBeCopied(i int, t TrackSpec) bool {
	return t.Group == "" && (t.Kind == hls.Audio || i == 0 && t.Kind == hls.Video)
}

// whyNot says what speaks against copying s as the track t, "" where nothing does.
func (o PlanOptions) whyNot(m Media, s Stream, g Grid, t TrackSpec) string {
	switch {
	case m.Truncated:
		return "end before the file should"
	case t.Kind == hls.Video:
		return o.unfitPicture(s, g, t, o.Copy == CopyOnly)
	}
	return o.unfitSound(s, g, o.Copy == CopyOnly)
}

// withoutLadder returns the tracks with the source's rendition as the only one.
func (o PlanOptions) withoutLadder(m Media, tracks []TrackSpec) []TrackSpec {
	out := slices.DeleteFunc(tracks, func(t TrackSpec) bool { return t.Group != "" })
	n := 0
	out = slices.DeleteFunc(out, func(t TrackSpec) bool {
		n++
		return n > 1 && t.Kind == hls.Video
	})
	if len(out) > 0 && out[0].Kind == hls.Video {
		if s := m.stream(out[0].Stream); s.Width > 1 && s.Height > 1 {
			out[0].Width, out[0].Height = s.Width, s.Height
			out[0].ID = fmt.Sprintf("v%d", min(s.Width, s.Height))
		}
	}
	return out
}

// copied makes a track one of the stream's samples.
func copied(t TrackSpec, s Stream) TrackSpec {
	average := s.bitRate()
	t.PeakBandwidth = max(s.Samples.Peak, average)*102/100 + 6_000 // boxes
	t.AverageBandwidth = average*102/100 + 6_000
	return TrackSpec{Track: t.Track, Stream: t.Stream, Copy: true, Bitrate: average}
}

// scaleDown lowers the caps of the other renditions where the best, which is copied, has
// a lower bit rate than the ladder would give it: with the pixels as the ladder does, and
// with three tenths more because encoding once more is not free.
func (o PlanOptions) scaleDown(tracks []TrackSpec) {
	best := tracks[0]
	whole := maxRate(best.Width, best.Height, best.FrameRate)
	for i, t := range tracks {
		if !t.heavy() || t.Group != "" {
			continue
		}
		fair := float64(best.Bitrate) * float64(t.MaxRate) / float64(whole) * 1.3
		if rate := max(100_000, int64(fair/10_000+0.5)*10_000); rate < t.MaxRate {
			part := float64(rate) / float64(t.MaxRate)
			t.BufSize = int64(float64(t.BufSize) * part)
			t.PeakBandwidth = int64(float64(t.PeakBandwidth) * part)
			t.AverageBandwidth = int64(float64(t.AverageBandwidth) * part)
			t.MaxRate = rate
			tracks[i] = t
		}
	}
}

// cutAt returns the grid with its segments where the stream has IDR pictures.
func (g Grid) cutAt(s Stream) Grid {
	g.Frames = s.Packets
	regular := len(s.Samples.Cuts) == int((g.Frames-1)/int64(g.Segment))
	for n, at := range s.Samples.Cuts {
		regular = regular && at == int64(n+1)*int64(g.Segment)
	}
	if !regular {
		g.Cuts = s.Samples.Cuts
	}
	return g
}

// unfit says what the prober holds against copying the stream, "" where nothing. Faults go
// on behind "they".
func (s Stream) unfit() string {
	switch {
	case s.Samples == nil:
		return "are in a container that rounds times or keeps no places, and not in MP4 or QuickTime"
	case s.Samples.Fault != "":
		return s.Samples.Fault
	case s.End <= s.Start || s.Samples.Bytes <= 0:
		return "last no time"
	}
	return ""
}

// unfitPicture says what speaks against copying s as the track t.
func (o PlanOptions) unfitPicture(s Stream, g Grid, t TrackSpec, only bool) string {
	tail := unevenTail
	if only {
		tail = uneven
	}
	average := s.bitRate()
	switch {
	case s.Codec != "h264" || !slices.Contains([]string{"Constrained Baseline", "Main", "High"}, s.Profile):
		return fmt.Sprintf("are %s %s, not H.264 of the profile High, Main or Constrained Baseline", orUnknown(s.Codec), s.Profile)
	case s.Level <= 0 || s.Level > highestLevel:
		return fmt.Sprintf("claim the level %.1f of H.264, over 5.1", float64(s.Level)/10)
	case s.PixelFormat != "yuv420p":
		return fmt.Sprintf("have the format %s, not 8-bit 4:2:0", orUnknown(s.PixelFormat))
	case s.ColorRange == "pc" || !s.plainColours():
		return "have full range or wide colours"
	case s.FieldOrder != "progressive":
		return "are interlaced"
	case s.Rotation != 0 || s.Mirrored:
		return "are to be turned or mirrored"
	case s.PixelAspect.Num != s.PixelAspect.Den:
		return fmt.Sprintf("have pixels of %d:%d", s.PixelAspect.Num, s.PixelAspect.Den)
	case s.Width%2 != 0 || s.Height%2 != 0 || s.Width != t.Width || s.Height != t.Height:
		return fmt.Sprintf("have %dx%d pixels, and the best rendition has %dx%d", s.Width, s.Height, t.Width, t.Height)
	case s.unfit() != "":
		return s.unfit()
	case s.Variable || s.FrameRate != g.FrameRate:
		return fmt.Sprintf("come at %.3f a second, or at a varying rate, and not at %.3f", s.FrameRate.Float(), g.FrameRate.Float())
	case s.Samples.GOP > int64(g.GOP):
		return fmt.Sprintf("have keyframes up to %.1f s apart, more than 2 s", float64(s.Samples.GOP)/g.FrameRate.Float())
	case s.Packets < g.Frames-int64(tail.Seconds()*g.FrameRate.Float()+1):
		return fmt.Sprintf("end after %.2f s, and the sound goes on", float64(s.Packets)/g.FrameRate.Float())
	case only:
		return ""
	case average > o.copyRate(t):
		return fmt.Sprintf("have %d kb/s on the average, more than %d", average/1000, o.copyRate(t)/1000)
	case s.Samples.Peak > 2*average && s.Samples.Peak > maxRate(t.Width, t.Height, t.FrameRate):
		return fmt.Sprintf("have %d kb/s at the peak and %d on the average, more than twice of it", s.Samples.Peak/1000, average/1000)
	}
	return ""
}

// plainColours says whether the pictures are in BT.709 or BT.601 as far as they tell:
// players know these, and take what tells nothing for them.
func (s Stream) plainColours() bool {
	untold := []string{"", "unknown", "unspecified", "reserved"}
	in := func(v string, known ...string) bool { return slices.Contains(append(known, untold...), v) }
	return in(s.ColorPrimaries, "bt709", "smpte170m", "bt470bg") &&
		in(s.ColorTransfer, "bt709", "smpte170m", "bt470bg", "gamma28", "iec61966-2-1") &&
		in(s.ColorSpace, "bt709", "smpte170m", "bt470bg")
}

// copyRate is the most that the pictures of a track may have to be copied.
func (o PlanOptions) copyRate(t TrackSpec) int64 {
	return int64(float64(maxRate(t.Width, t.Height, t.FrameRate)) / 5e6 * float64(o.MaxCopyRate))
}

// unfitSound says what speaks against copying s.
func (o PlanOptions) unfitSound(s Stream, g Grid, only bool) string {
	most := o.AudioBitrate * 3 / 2
	switch {
	case s.Codec != "aac" || s.Profile != "LC":
		return fmt.Sprintf("are %s %s, not AAC-LC", orUnknown(s.Codec), s.Profile)
	case s.SampleRate != 44_100 && s.SampleRate != 48_000:
		return fmt.Sprintf("have %d Hz, neither 44100 nor 48000", s.SampleRate)
	case s.unfit() != "":
		return s.unfit()
	case s.Channels > 2 || s.Channels == 1 && !only:
		return fmt.Sprintf("have %d channels, not two", s.Channels)
	case s.Start+g.Shift > lateSound:
		return fmt.Sprintf("begin after %.2f s", s.Start.Seconds())
	case s.End+g.Shift < g.Duration()-uneven:
		return fmt.Sprintf("end after %.2f s of %.2f s", s.End.Seconds(), g.Duration().Seconds())
	case !only && s.bitRate() > most:
		return fmt.Sprintf("have %d kb/s, more than %d", s.bitRate()/1000, most/1000)
	}
	return ""
}

// bitRate returns what the stream's samples have on the average, in bits per second.
func (s Stream) bitRate() int64 {
	if s.Samples == nil || s.End <= s.Start {
		return 0
	}
	return int64(float64(s.Samples.Bytes) * 8 / (s.End - s.Start).Seconds())
}

// stream returns the stream with the index, or one that is nothing.
func (m Media) stream(index int) Stream {
	for _, s := range m.Streams {
		if s.Index == index {
			return s
		}
	}
	return Stream{}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func notCopyable(kind hls.Kind, why string) error {
	what := "pictures"
	if kind == hls.Audio {
		what = "sound's samples"
	}
	return &Error{Code: CodeNotCopyable, Permanent: true, Message: fmt.Sprintf("The file's %s cannot be offered as they are: they %s. "+
		"Export it as H.264 (8-bit 4:2:0, constant frame rate, a keyframe at least every two seconds) with AAC-LC sound, and upload that.", what, why)}
}
