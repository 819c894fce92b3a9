// Package encoder says what an encoder is.
//
// [Encoder] turns a [Job] into segments in the Store and tells of each as it becomes
// true. Package encoder/ffmpeg implements it over ffmpeg processes;
// encoder/encodertest has the conformance suite and a fake that needs no ffmpeg.
// [Plan] plans a grid and renditions from a probe.
//
// Two decorators make an Encoder fit for a service. [Limit] bounds how many jobs run at
// once and lets them take turns; [Parallel] encodes the windows of a job's timeline side
// by side, so that a long video can be played after its first segment:
//
//	enc := encoder.Parallel(encoder.Limit(ff, 2, nil), nil)
//
// In this order the windows of all videos take turns. The other way round whole videos do.
package encoder

import (
	"context"
	"math"
	"time"

	"github.com/vodkit/vodkit/hls"
)

// Encoder encodes jobs. Its methods may be called concurrently.
type Encoder interface {
	// Encode runs the job and returns when its window of the timeline is done. It calls
	// emit, never concurrently, for each thing that becomes true: an init segment before
	// any segment of its track, a media segment, progress. What emit is told of an init
	// or media segment is durable in the Store before. An error from emit stops the
	// encode and is returned as it is, wrapped.
	//
	// A segment of an image track is a JPEG of pictures of the track's size side by side,
	// the first of the frame at the segment's start and each other an Interval later. Some have a poster, which is durable before, too: the first whose Quality is 1 or more
	// of what one Encode has made, and those better than all before.
	//
	// Objects go under Job.Output and nowhere else. Segments of one track come in the
	// order of their numbers, without a hole, from Job.Window.First on; a window's init
	// segments are the bytes of every other window's. Parallel is the exception: what it
	// emits is in order within each window only.
	//
	// Of a job with Encryption each segment but those of images is encrypted as
	// hls.EncryptSegment does it, under the key whose id Encryption.KeyID names and the segment
	// tells, and no keyframes are told. An Encoder that has no keys fails with CodeKeys before
	// it emits anything.
	//
	// When ctx ends, Encode stops within a second, leaves no process behind and returns
	// an error that matches ctx.Err(). Other failures are an [*Error], which says
	// whether another try may help. What was emitted stays true in every case.
	Encode(ctx context.Context, job Job, emit func(Update) error) error
}

// Prober looks into sources.
type Prober interface {
	// Probe tells what the source holds. A source that is no video or audio that can be
	// decoded gives an [*Error] with a Permanent code.
	Probe(ctx context.Context, src Source) (Media, error)
}

// Fingerprinter is an Encoder that tells what its output depends on beyond the job: the
// encoder's version and settings. What two runs of a job made may be joined only where
// their fingerprints are equal.
type Fingerprinter interface {
	// Fingerprint returns a short text without spaces, for comparing.
	Fingerprint(ctx context.Context) (string, error)
}

// Update is one thing that has become true. Exactly one field is set.
type Update struct {
	Init     *hls.Init
	Segment  *hls.Segment
	Progress *Progress
}

// Progress is how far an encode is.
type Progress struct {
	// Position is how much of the timeline has been encoded: of a job with a Window, how
	// much of that, from 0 to its length. It never goes back within one Encode.
	Position time.Duration
	// Speed is encoded time over wall time; 0 while unknown.
	Speed float64
}

// JobVersion is the version of Job that this package writes.
const JobVersion = 1

// Job is one encoding to be done. It can be serialized: keys and numbers, no
// readers and no secrets (ids of keys for encryption, not the keys).
type Job struct {
	Version int `json:"version"`
	// ID is unique for each run of a job, and safe as a path element.
	ID string `json:"id"`
	// Output is the key prefix of everything that the job writes, without a slash at its
	// end: "media/<asset>/<attempt>".
	Output string `json:"output"`
	Source Source `json:"source"`
	// Media is what the probe said of Source.
	Media  Media       `json:"media"`
	Grid   Grid        `json:"grid"`
	Tracks []TrackSpec `json:"tracks"`
	// Window is the part of the timeline that is to be made; the zero Window is all of
	// it. It may be set only where Media.Windowable, for image tracks and video tracks that
	// are encoded.
	Window Window `json:"window,omitzero"`
	// Done is what an earlier run of the job has left in the Store. Parallel makes only
	// what is missing. Other Encoders may make it again, which harms nothing.
	Done []Done `json:"done,omitempty"`
	// Encryption says with which keys media segments are encrypted; those of images stay
	// clear. Defaults to nil, nothing is encrypted.
	Encryption *Encryption `json:"encryption,omitempty"`
	// Cost is the job's weight where encoders are limited. 0 counts as 1.
	Cost int64 `json:"cost,omitempty"`
	// Beside is how many other windows of the same encode run at the same time, or follow
	// where those are fewer: an Encoder that spreads a job over the processors leaves them
	// their share. [Parallel] says so. Defaults to 0, the job has all for itself.
	Beside   int    `json:"beside,omitempty"`
	Tenant   string `json:"tenant,omitempty"`
	Priority int    `json:"priority,omitempty"`
}

// Window is a part of the timeline: whole segments.
type Window struct {
	First    int `json:"first"`              // number of its first segment
	Segments int `json:"segments,omitempty"` // how many, or 0 for all up to the timeline's end
}

// Done says that a track has the segments of a window. Its Segments is never 0.
type Done struct {
	Track string `json:"track"` // hls.Track's ID
	Window
}

// Source is where the original bytes are: one object, or an ordered list of objects
// that are one file together.
type Source struct {
	Parts []Part `json:"parts"`
}

// Part is one object of a Source.
type Part struct {
	Key  string `json:"key"`
	Size int64  `json:"size"` // bytes
	// ETag pins the version of the object; "" pins nothing.
	ETag string `json:"etag,omitempty"`
}

// Size returns the bytes of all parts.
func (s Source) Size() int64 {
	var n int64
	for _, p := range s.Parts {
		n += p.Size
	}
	return n
}

// Grid is how the timeline is cut: frames at a constant rate, a segment every Segment
// frames or where Cuts says, and from its start an IDR picture every GOP frames.
type Grid struct {
	FrameRate hls.Rational `json:"frame_rate"`
	GOP       int          `json:"gop"`     // frames
	Segment   int          `json:"segment"` // frames, a multiple of GOP
	// Frames is how many frames the whole timeline has, 0 where unknown.
	Frames int64 `json:"frames,omitempty"`
	// Shift is by how much pictures and sound are shown later than the source says, or
	// earlier where negative: at most half a frame, so that its pictures fall on frames.
	Shift time.Duration `json:"shift,omitempty"`
	// Cuts are the numbers of the frames at which segments 1, 2, … begin, ascending, where
	// the keyframes of a source decide that. The last of them begins the last segment.
	// Segment is then what segments have on the average, nearly. Empty means that every
	// segment has Segment frames.
	Cuts []int64 `json:"cuts,omitempty"`
}

// SegmentDuration returns the nominal duration of a segment in seconds.
func (g Grid) SegmentDuration() hls.Rational {
	return hls.Rational{Num: int64(g.Segment) * g.FrameRate.Den, Den: g.FrameRate.Num}
}

// Start returns the number of the frame at which segment n begins. Behind the last
// segment that is Frames, where those are known.
func (g Grid) Start(n int) int64 {
	switch {
	case n <= 0:
		return 0
	case n <= len(g.Cuts):
		return g.Cuts[n-1]
	case len(g.Cuts) > 0 && g.Frames > 0:
		return g.Frames
	case len(g.Cuts) > 0:
		return g.Cuts[len(g.Cuts)-1] + int64(n-len(g.Cuts))*int64(g.Segment)
	}
	at := int64(n) * int64(g.Segment)
	if g.Frames > 0 {
		at = min(at, g.Frames)
	}
	return at
}

// Segments returns how many segments the timeline has, 0 where unknown.
func (g Grid) Segments() int {
	if g.Segment <= 0 || g.Frames <= 0 {
		return 0
	}
	if len(g.Cuts) > 0 {
		return len(g.Cuts) + 1
	}
	return int(min((g.Frames-1)/int64(g.Segment), math.MaxInt-1)) + 1
}

// Duration returns the duration of the timeline, 0 where unknown.
func (g Grid) Duration() time.Duration {
	if g.FrameRate.Num <= 0 || g.Frames <= 0 {
		return 0
	}
	return time.Duration(float64(g.Frames) / g.FrameRate.Float() * float64(time.Second))
}

// TrackSpec is a track to be made and how.
type TrackSpec struct {
	hls.Track
	// Stream is the Index of the source's stream.
	Stream int `json:"stream"`
	// Copy says that the stream's samples are repackaged as they are; its Samples must be
	// without a Fault, and those of video begin every segment of the Grid with an IDR
	// picture. CRF, MaxRate, BufSize, Profile and SampleRate mean nothing then. Video and
	// audio only.
	Copy bool `json:"copy,omitempty"`
	// CRF is x264's constant rate factor, capped by MaxRate over BufSize. Video only.
	CRF int `json:"crf,omitempty"`
	// MaxRate, in bits per second, and BufSize, in bits, are the VBV's. Video only.
	MaxRate int64 `json:"max_rate,omitempty"`
	BufSize int64 `json:"buf_size,omitempty"`
	// Profile is the H.264 profile: "high", "main" or "baseline". Video only.
	Profile string `json:"profile,omitempty"`
	// Bitrate in bits per second, on the average. Audio, and what is copied.
	// SampleRate in hertz. Audio only.
	Bitrate    int64 `json:"bitrate,omitempty"`
	SampleRate int   `json:"sample_rate,omitempty"`
	// PosterWidth and PosterHeight, in pixels, are the size of a picture that may become
	// the poster. Images only.
	PosterWidth  int `json:"poster_width,omitempty"`
	PosterHeight int `json:"poster_height,omitempty"`
}

// Presentation returns the plan of the job's output.
func (j Job) Presentation() hls.Presentation {
	p := hls.Presentation{SegmentDuration: j.Grid.SegmentDuration(), Duration: j.Grid.Duration(), Cuts: j.Grid.CutTimes()}
	for _, t := range j.Tracks {
		p.Tracks = append(p.Tracks, t.Track)
	}
	return p
}
