package encodertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// FakeOptions say how a Fake behaves. The zero value succeeds at once.
type FakeOptions struct {
	// Media is what Probe says of every source. Defaults to 1280x720 H.264 at 25 frames
	// a second with stereo AAC, Duration long and Windowable.
	Media *encoder.Media
	// Duration is how long the default Media is. Defaults to 12 s, two segments.
	Duration time.Duration
	// ProbeErr is what Probe fails with. Defaults to nil.
	ProbeErr error
	// Delay is how long each segment of the timeline takes to encode. Defaults to 0.
	Delay time.Duration
	// Err is what Encode fails with when the first FailAt segments of the timeline are
	// done, and in no other window than that which goes on there; an encoder's errors are
	// *encoder.Error. Defaults to nil, no failure.
	Err    error
	FailAt int
	// Segment is called before segment number of every track is put. It may block (until
	// ctx ends, at most) to hold the encode there, and its error ends the encode as Err
	// does. Defaults to nil.
	Segment func(ctx context.Context, job encoder.Job, number int) error
	// Keys has the keys of jobs with an Encryption. Defaults to nil: they fail with
	// encoder.CodeKeys.
	Keys hls.KeyProvider
	// Fingerprint is what Fingerprint returns. Defaults to "fake-1".
	Fingerprint string
}

// Fake is an Encoder, Prober and Fingerprinter without ffmpeg. It never looks into the source: all
// video is a recorded picture of 128x72 that counts seconds and starts again with
// every GOP, whatever size the track says and whether it is a copy, and all sound a tone at 48 kHz. Frame rate,
// GOPs, segments and duration are the job's, to the frame, and the segments are real:
// players play them. Images are ramps of colours.
//
// The job's duration is Grid.Frames, or that of Media where the grid does not know. A
// window behind its end is CodeTruncated. All methods may be called concurrently.
type Fake struct {
	store storage.Store
	opts  FakeOptions

	mu   sync.Mutex
	jobs []encoder.Job
}

var (
	_ encoder.Encoder       = (*Fake)(nil)
	_ encoder.Prober        = (*Fake)(nil)
	_ encoder.Fingerprinter = (*Fake)(nil)
)

// NewFake returns a Fake that reads sources from the store and writes segments to it.
func NewFake(store storage.Store, opts *FakeOptions) *Fake {
	f := &Fake{store: store}
	if opts != nil {
		f.opts = *opts
	}
	if f.opts.Duration <= 0 {
		f.opts.Duration = 12 * time.Second
	}
	if f.opts.Fingerprint == "" {
		f.opts.Fingerprint = "fake-1"
	}
	return f
}

// Jobs returns the jobs that Encode was called with, in order.
func (f *Fake) Jobs() []encoder.Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.jobs)
}

// Fingerprint returns FakeOptions.Fingerprint.
func (f *Fake) Fingerprint(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("fake fingerprint: %w", err)
	}
	return f.opts.Fingerprint, nil
}

// Probe fails where a part of the source is not in the Store, and otherwise returns
// FakeOptions.Media or ProbeErr.
func (f *Fake) Probe(ctx context.Context, src encoder.Source) (encoder.Media, error) {
	for _, p := range src.Parts {
		if _, err := f.store.Stat(ctx, p.Key); err != nil {
			if ctx.Err() != nil {
				return encoder.Media{}, fmt.Errorf("fake probe: %w", ctx.Err())
			}
			return encoder.Media{}, &encoder.Error{Code: encoder.CodeSourceUnavailable, Message: "The source cannot be read.", Err: err}
		}
	}
	if err := ctx.Err(); err != nil {
		return encoder.Media{}, fmt.Errorf("fake probe: %w", err)
	}
	if f.opts.ProbeErr != nil {
		return encoder.Media{}, f.opts.ProbeErr
	}
	if f.opts.Media != nil {
		return *f.opts.Media, nil
	}
	return defaultMedia(f.opts.Duration), nil
}

func defaultMedia(d time.Duration) encoder.Media {
	return encoder.Media{
		Format:     "mov,mp4,m4a,3gp,3g2,mj2",
		Duration:   d,
		Windowable: true,
		Streams: []encoder.Stream{{
			Index: 0, Kind: encoder.VideoStream, Codec: "h264", Profile: "High", Default: true, End: d,
			Packets: max(1, int64(d.Seconds()*25)), Width: 1280, Height: 720, PixelFormat: "yuv420p",
			PixelAspect: hls.Rational{Num: 1, Den: 1}, FrameRate: hls.Rational{Num: 25, Den: 1}, KeyframeGap: 2 * time.Second,
			FieldOrder: "progressive",
		}, {
			Index: 1, Kind: encoder.AudioStream, Codec: "aac", Profile: "LC", Default: true, End: d,
			Packets: max(1, int64(d.Seconds()*48000/1024)), SampleRate: 48_000, Channels: 2, Language: "eng",
		}},
	}
}

// Encode puts and emits the job's tracks, segment by segment.
func (f *Fake) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	f.mu.Lock()
	f.jobs = append(f.jobs, job)
	f.mu.Unlock()
	e := &encode{Fake: f, job: job, emit: emit, begun: time.Now()}
	if err := e.run(ctx); err != nil {
		return fmt.Errorf("fake encode of job %q: %w", job.ID, err)
	}
	return nil
}

// encode is one call of Fake.Encode.
type encode struct {
	*Fake
	job    encoder.Job
	emit   func(encoder.Update) error
	begun  time.Time
	frames int64 // of the whole timeline
	// The job's window: numbers of its first segment and behind its last.
	first, end int
}

func (e *encode) run(ctx context.Context) error {
	recordings, err := e.prepare()
	if err != nil {
		return &encoder.Error{Code: encoder.CodeEncoderFailed, Message: "The job cannot be encoded.", Permanent: true, Err: err}
	}
	grid := e.job.Grid
	grid.Frames = e.frames
	count := grid.Segments()
	if e.first, e.end = e.job.Window.First, count; e.job.Window.Segments > 0 {
		e.end = min(count, e.first+e.job.Window.Segments)
	}
	if e.job.Encryption != nil {
		if _, _, err := e.job.Encryption.Key(ctx, e.opts.Keys, e.first); err != nil {
			return err
		}
	}
	if e.first >= count {
		return &encoder.Error{Code: encoder.CodeTruncated, Permanent: true, Message: "The window has no frames."}
	}
	for n := e.first; ; n++ {
		if e.opts.Err != nil && n == e.opts.FailAt && (n < e.end || n == count) {
			return e.opts.Err
		}
		if n == e.end {
			return nil
		}
		if err := e.before(ctx, n); err != nil {
			return err
		}
		if err := e.step(ctx, recordings, n); err != nil {
			return err
		}
	}
}

func (e *encode) prepare() ([]*recording, error) {
	if err := checkGrid(e.job.Grid); err != nil {
		return nil, err
	}
	e.frames = e.job.Grid.Frames
	if e.frames <= 0 {
		e.frames = int64(e.job.Media.Duration.Seconds()*e.job.Grid.FrameRate.Float() + 0.5)
	}
	if e.frames <= 0 {
		e.frames = 2 * int64(e.job.Grid.Segment)
	}
	if len(e.job.Tracks) == 0 {
		return nil, fmt.Errorf("no tracks")
	}
	window := e.job.Window != encoder.Window{}
	if w := e.job.Window; w.First < 0 || w.Segments < 0 || window && !e.job.Media.Windowable {
		return nil, fmt.Errorf("window %+v", w)
	}
	var rs []*recording
	for _, t := range e.job.Tracks {
		if t.Kind == hls.Image {
			rs = append(rs, nil) // they are painted
			continue
		}
		r, err := record(t.Kind, e.job.Grid.FrameRate)
		if err != nil {
			return nil, fmt.Errorf("track %q: %w", t.ID, err)
		}
		if window && (t.Kind != hls.Video || t.Copy) {
			return nil, fmt.Errorf("track %q: a window of sound, or of what is copied", t.ID)
		}
		rs = append(rs, r)
	}
	return rs, nil
}

// before is what the options ask for before segment n.
func (e *encode) before(ctx context.Context, n int) error {
	if e.opts.Delay > 0 {
		t := time.NewTimer(e.opts.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.opts.Segment != nil {
		if err := e.opts.Segment(ctx, e.job, n); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// step puts segment n of every track that has one, and tells how far that is.
func (e *encode) step(ctx context.Context, recordings []*recording, n int) error {
	for i, t := range e.job.Tracks {
		if t.Kind == hls.Image {
			if err := e.putImages(ctx, t, n); err != nil {
				return err
			}
			continue
		}
		m := segment(recordings[i], t.Kind, e.job.Grid, e.frames, n)
		if m == nil {
			continue
		}
		if n == e.first {
			if err := e.putInit(ctx, t.ID, recordings[i]); err != nil {
				return err
			}
		}
		if err := e.putSegment(ctx, t.ID, n, m); err != nil {
			return err
		}
	}
	g := e.job.Grid
	done := encoder.Grid{FrameRate: g.FrameRate, Frames: min(e.frames, g.Start(n+1)) - g.Start(e.first)}
	p := encoder.Progress{Position: done.Duration()}
	if wall := time.Since(e.begun); wall > 0 {
		p.Speed = p.Position.Seconds() / wall.Seconds()
	}
	return e.emit(encoder.Update{Progress: &p})
}

func (e *encode) putInit(ctx context.Context, track string, r *recording) error {
	key, err := e.put(ctx, track+"/init", ".mp4", "video/mp4", r.init)
	if err != nil {
		return err
	}
	return e.emit(encoder.Update{Init: &hls.Init{
		Track: track, Key: key, Size: int64(len(r.init)), Timescale: r.timescale, Codecs: r.codecs,
	}})
}

func (e *encode) putSegment(ctx context.Context, track string, n int, m *media) error {
	s := hls.Segment{Track: track, Number: n, Start: m.start, Duration: m.duration}
	data := m.bytes
	if e.job.Encryption != nil {
		id, key, err := e.job.Encryption.Key(ctx, e.opts.Keys, n)
		if err == nil {
			s.KeyID = id
			data, err = hls.EncryptSegment(key, n, data)
		}
		if err != nil {
			return err
		}
	}
	s.Size = int64(len(data))
	var err error
	if s.Key, err = e.put(ctx, fmt.Sprintf("%s/%d", track, n), ".m4s", "video/iso.segment", data); err != nil {
		return err
	}
	return e.emit(encoder.Update{Segment: &s})
}

func (e *encode) put(ctx context.Context, name, ext, contentType string, b []byte) (string, error) {
	sum := sha256.Sum256(b)
	key := name + "-" + hex.EncodeToString(sum[:8]) + ext
	_, err := e.store.Put(ctx, e.job.Output+"/"+key, bytes.NewReader(b), &storage.PutOptions{
		ContentType:  contentType,
		CacheControl: "public, max-age=31536000, immutable",
		Size:         int64(len(b)),
	})
	switch {
	case err == nil:
		return key, nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	return "", &encoder.Error{Code: encoder.CodeStorage, Message: "A segment could not be stored.", Err: err}
}
