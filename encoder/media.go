package encoder

import (
	"time"

	"github.com/vodkit/vodkit/hls"
)

// Media is what a probe says of a source.
type Media struct {
	// Format is the container's name as the prober gives it, such as
	// "mov,mp4,m4a,3gp,3g2,mj2".
	Format string `json:"format"`
	// Duration is the presentation time between the first and the end of the last frame
	// or sample that was found in the file, not what its header claims.
	Duration time.Duration `json:"duration"`
	// HeaderDuration is what the header claims, 0 where it says nothing.
	HeaderDuration time.Duration `json:"header_duration,omitempty"`
	// Start is the earliest presentation time; the output starts at 0 all the same.
	Start time.Duration `json:"start,omitempty"`
	// Truncated says that the file ends before its own index does, or cannot be read on
	// from where it is damaged: Duration is what is left of it.
	Truncated bool `json:"truncated,omitempty"`
	// Windowable says that the pictures of any part of the timeline can be decoded by
	// themselves, and come out as they do in one pass over the whole. It is false for
	// MPEG-TS and MPEG-PS, raw streams, and files whose timestamps are broken.
	Windowable bool     `json:"windowable,omitempty"`
	Streams    []Stream `json:"streams"`
}

// StreamKind says what a source's stream carries.
type StreamKind string

// The kinds of streams.
const (
	VideoStream    StreamKind = "video"
	AudioStream    StreamKind = "audio"
	SubtitleStream StreamKind = "subtitle"
	OtherStream    StreamKind = "other"
)

// Stream is one stream of a source.
type Stream struct {
	Index   int        `json:"index"`
	Kind    StreamKind `json:"kind"`
	Codec   string     `json:"codec"` // "" where unknown
	Profile string     `json:"profile,omitempty"`
	Default bool       `json:"default,omitempty"`
	// Start is the stream's first presentation time less Media.Start, and End the end of
	// its last frame less Media.Start, both measured on the packets.
	Start   time.Duration `json:"start,omitempty"`
	End     time.Duration `json:"end,omitempty"`
	Packets int64         `json:"packets,omitempty"`
	// Samples says whether the coded samples could be repackaged as they are; nil where
	// nobody has looked.
	Samples  *Samples `json:"samples,omitempty"`
	Language string   `json:"language,omitempty"` // as the container says it, "" where not
	Title    string   `json:"title,omitempty"`

	// Video. Width and Height are the coded picture's, before rotation, in pixels.
	Width       int          `json:"width,omitempty"`
	Height      int          `json:"height,omitempty"`
	PixelAspect hls.Rational `json:"pixel_aspect,omitzero"`
	// Rotation is how far the picture must be turned clockwise to stand upright: 0, 90,
	// 180 or 270 degrees.
	Rotation int `json:"rotation,omitempty"`
	// Mirrored says that the picture must be mirrored left to right before it is turned.
	Mirrored    bool   `json:"mirrored,omitempty"`
	PixelFormat string `json:"pixel_format,omitempty"`
	// FrameRate is the natural rate, measured and snapped to a standard one.
	FrameRate hls.Rational `json:"frame_rate,omitzero"`
	// Variable says that frames do not come at a constant rate.
	Variable bool `json:"variable,omitempty"`
	// KeyframeGap is the longest time between keyframes.
	KeyframeGap time.Duration `json:"keyframe_gap,omitempty"`
	// DecodeDelay is the longest time from the decoding of a keyframe to its presentation:
	// who seeks by decoding times must aim so much earlier.
	DecodeDelay    time.Duration `json:"decode_delay,omitempty"`
	FieldOrder     string        `json:"field_order,omitempty"` // "progressive", "tt", "bb", … or ""
	ColorRange     string        `json:"color_range,omitempty"`
	ColorSpace     string        `json:"color_space,omitempty"`
	ColorTransfer  string        `json:"color_transfer,omitempty"`
	ColorPrimaries string        `json:"color_primaries,omitempty"`
	// Alpha says that the pictures may be transparent; they are shown over black.
	Alpha bool `json:"alpha,omitempty"`
	// Level is that of H.264 times ten, 41 for 4.1, as the stream claims it; 0 where unknown.
	Level int `json:"level,omitempty"`
	// CoverArt marks a still picture that comes with the sound.
	CoverArt bool `json:"cover_art,omitempty"`

	// Audio.
	SampleRate int `json:"sample_rate,omitempty"` // hertz
	Channels   int `json:"channels,omitempty"`
}

// Samples is what must be known of a stream's coded samples to repackage them without
// encoding them. A prober looks at those of H.264 and AAC.
type Samples struct {
	// Fault says why they cannot be repackaged, in words that go on behind "they", such as
	// "have an open GOP at 4.0 s". "" where they can be, and only then the rest is set.
	Fault string `json:"fault,omitempty"`
	// Bytes is the size of all samples, and Peak the highest bit rate of a segment, in bits
	// per second.
	Bytes int64 `json:"bytes,omitempty"`
	Peak  int64 `json:"peak,omitempty"`

	// Video. GOP is the longest distance from an IDR picture to the next, or to the end, in
	// frames.
	GOP int64 `json:"gop,omitempty"`
	// Reorder is by how many frames the first picture must be decoded before it is shown, so
	// that none is decoded too late.
	Reorder int64 `json:"reorder,omitempty"`
	// Cuts are numbers of frames that are IDR pictures, ascending, about six seconds apart
	// and less than 6.4: where segments can begin (Grid.Cuts).
	Cuts []int64 `json:"cuts,omitempty"`
}

// DisplaySize returns the size of the upright picture with square pixels, or zeros
// where the stream has none.
func (s Stream) DisplaySize() (width, height int) {
	w, h := s.Width, s.Height
	if s.PixelAspect.Num > 0 && s.PixelAspect.Den > 0 && s.PixelAspect.Num != s.PixelAspect.Den {
		w = max(min(1, w), int(float64(w)*s.PixelAspect.Float()+0.5)) // a picture has a pixel
	}
	if s.Rotation == 90 || s.Rotation == 270 {
		w, h = h, w
	}
	return w, h
}

// HDR says whether the stream's transfer function is PQ or HLG.
func (s Stream) HDR() bool {
	return s.ColorTransfer == "smpte2084" || s.ColorTransfer == "arib-std-b67"
}
