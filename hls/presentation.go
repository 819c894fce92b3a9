package hls

import (
	"fmt"
	"time"
)

// Rational is a fraction such as a frame rate, 30000/1001.
type Rational struct {
	Num int64 `json:"num"`
	Den int64 `json:"den"`
}

// Float returns Num/Den, or 0 where Den is 0.
func (r Rational) Float() float64 {
	if r.Den == 0 {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}

// String returns "Num/Den".
func (r Rational) String() string { return fmt.Sprintf("%d/%d", r.Num, r.Den) }

// Kind says what a track carries.
type Kind string

// The kinds of tracks.
const (
	Video Kind = "video"
	Audio Kind = "audio"
	// Subtitle tracks are segments of WebVTT. They have no initialization segment, and
	// count in milliseconds.
	Subtitle Kind = "subtitle"
	// Image tracks are pictures of the video, for a poster and a storyboard: each segment
	// is a JPEG with small ones side by side. They have no initialization segment and no
	// playlist, and count in milliseconds. Package hls/stills makes something of them.
	Image Kind = "image"
)

// SubtitleTimescale is the ticks per second of subtitle tracks.
const SubtitleTimescale = 1000

// ImageTimescale is the ticks per second of image tracks.
const ImageTimescale = 1000

// Track is one stream of segments: a video rendition, an audio or a subtitle language.
// It is the plan: what is known before the first byte is encoded.
type Track struct {
	// ID names the track within its presentation and is a path element of its objects'
	// keys: lower-case letters, digits and '-', such as "v720" or "audio".
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`

	// Width and Height are the picture's size in pixels, with square pixels: of video, and
	// of each picture of an image track.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// FrameRate is constant. Video only.
	FrameRate Rational `json:"frame_rate,omitzero"`

	// Interval is the time from picture to picture in seconds; each segment begins with
	// one. Images only.
	Interval Rational `json:"interval,omitzero"`
	// Language is an RFC 5646 tag, "und" where unknown. Audio and subtitles.
	Language string `json:"language,omitempty"`
	// Name is what a player's menu shows (EXT-X-MEDIA NAME). Audio and subtitles.
	Name string `json:"name,omitempty"`
	// Default marks the audio that plays, or the subtitles that are shown, unless the
	// viewer chooses others.
	Default bool `json:"default,omitempty"`
	// Channels counts the audio channels.
	Channels int `json:"channels,omitempty"`
	// Group says which audio goes with which video: that of the same group, such as "low".
	// Groups have the same members, alike but for their bit rates (RFC 8216 section
	// 4.3.4.1.1). It is made of lower-case letters, digits and '-'. Audio and video.
	Group string `json:"group,omitempty"`

	// PeakBandwidth and AverageBandwidth are what the encoder is told to stay under, in
	// bits per second with container overhead: the provisional figures of a growing
	// presentation, until segments have been measured.
	PeakBandwidth    int64 `json:"peak_bandwidth,omitempty"`
	AverageBandwidth int64 `json:"average_bandwidth,omitempty"`
}

// Init is a stored initialization segment (ISO 14496-12 ftyp and moov; EXT-X-MAP).
type Init struct {
	Track string `json:"track"`
	// Key is where the bytes are, relative to the attempt's prefix.
	Key  string `json:"key"`
	Size int64  `json:"size"` // bytes
	// Timescale is the track's ticks per second (mdhd).
	Timescale uint32 `json:"timescale"`
	// Codecs is the RFC 6381 string read from the boxes, such as "avc1.64001f".
	Codecs string `json:"codecs"`
}

// Segment is a stored media segment, whole and durable.
type Segment struct {
	Track string `json:"track"`
	// Number counts the track's segments from 0; segment n covers the timeline from n to
	// n+1 nominal segment durations, or what Presentation.Cuts says.
	Number int `json:"number"`
	// Key is where the bytes are, relative to the attempt's prefix.
	Key  string `json:"key"`
	Size int64  `json:"size"` // bytes
	// Start is the presentation time of the first sample that is presented and Duration
	// the sum of the presented samples' durations, measured from the boxes, in ticks of
	// the track's timescale. The priming of an audio codec is in the first segment's bytes
	// but is not presented (edit list, ISO 14496-12 8.6.6).
	Start    int64 `json:"start"`
	Duration int64 `json:"duration"`
	// KeyID names the key that the bytes are encrypted with (AES-128, see [EncryptSegment]),
	// for a [KeyProvider]. "" means that they are clear.
	KeyID string `json:"key_id,omitempty"`
	// Keyframes are the pictures that can be decoded by themselves, in their order.
	// Where every segment of a video track tells them, there is an I-frame playlist. A
	// segment that is encrypted tells none: a part of it cannot be decrypted alone.
	Keyframes []Keyframe `json:"keyframes,omitempty"`
	// Poster is a picture of the segment in full, nil where none was kept. Images only.
	Poster *Poster `json:"poster,omitempty"`
}

// Poster is a stored picture that may stand for the whole video.
type Poster struct {
	// Key is where the bytes are, relative to the attempt's prefix.
	Key    string `json:"key"`
	Size   int64  `json:"size"` // bytes
	Width  int    `json:"width"`
	Height int    `json:"height"`
	// Quality says how much there is to see: 0 in a picture that is all black, 1 and more
	// in one that is good enough.
	Quality float64 `json:"quality"`
}

// Keyframe is where a segment has a picture that can be decoded by itself.
type Keyframe struct {
	// Offset is where the fragment (moof) that starts with the picture begins, and Size
	// how many bytes there are from it to the picture's end.
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
	// Duration is how long it is to the next keyframe, or to the segment's end, in ticks
	// of the track's timescale.
	Duration int64 `json:"duration"`
}

// Presentation is the plan of an attempt: all tracks, and how they are cut.
type Presentation struct {
	Tracks []Track `json:"tracks"`
	// SegmentDuration is the nominal duration of every segment but a track's last, in
	// seconds, such as 6006/1000.
	SegmentDuration Rational `json:"segment_duration"`
	// Cuts are when segments 1, 2, … begin, ascending, where they are not all of the
	// nominal duration; behind the last of them there is one more segment.
	Cuts []time.Duration `json:"cuts,omitempty"`
	// Duration is how long the timeline is expected to be, 0 where unknown.
	Duration time.Duration `json:"duration,omitempty"`
}

// Track returns the track with the ID.
func (p Presentation) Track(id string) (Track, bool) {
	for _, t := range p.Tracks {
		if t.ID == id {
			return t, true
		}
	}
	return Track{}, false
}
