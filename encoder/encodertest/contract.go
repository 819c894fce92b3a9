package encodertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// contract watches one Encode and reports what breaks the Encoder contract.
type contract struct {
	errorf func(format string, args ...any)
	store  storage.Store
	job    encoder.Job
	// anyOrder lets segments come in any order, each once.
	anyOrder bool
	// hook sees each update that was right, and its error is what emit returns.
	hook func(encoder.Update) error

	busy, ended, failed atomic.Bool

	mu       sync.Mutex
	tracks   map[string]*trackState
	position time.Duration
}

// trackState is what has been emitted of a track.
type trackState struct {
	track    encoder.TrackSpec
	init     *hls.Init
	info     initInfo
	segments map[int]segmentState
}

// segmentState is what is known of a segment.
type segmentState struct {
	hls.Segment
	segmentInfo
}

func newContract(errorf func(string, ...any), store storage.Store, job encoder.Job) *contract {
	c := &contract{errorf: errorf, store: store, job: job, tracks: map[string]*trackState{}}
	for _, t := range job.Tracks {
		c.tracks[t.ID] = &trackState{track: t, segments: map[int]segmentState{}}
		if t.Kind == hls.Image {
			c.tracks[t.ID].info.timescale = hls.ImageTimescale
		}
	}
	return c
}

// encode runs the job under watch.
func (c *contract) encode(ctx context.Context, enc encoder.Encoder) error {
	before, err := c.keys(ctx)
	if err != nil {
		return err
	}
	err = enc.Encode(ctx, c.job, c.emit)
	c.ended.Store(true)
	after, listErr := c.keys(context.WithoutCancel(ctx))
	if listErr != nil {
		return listErr
	}
	for key := range after {
		if !before[key] && !strings.HasPrefix(key, c.job.Output+"/") {
			c.errorf("job %s wrote %q, which is not under its Output %q", c.job.ID, key, c.job.Output)
		}
	}
	c.stillThere(context.WithoutCancel(ctx))
	if err == nil {
		c.complete()
	}
	return err
}

func (c *contract) keys(ctx context.Context) (map[string]bool, error) {
	keys := map[string]bool{}
	for info, err := range c.store.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		keys[info.Key] = true
	}
	return keys, nil
}

func (c *contract) emit(u encoder.Update) error {
	if !c.busy.CompareAndSwap(false, true) {
		c.errorf("emit was called while another call was under way")
	}
	defer c.busy.Store(false)
	if c.ended.Load() {
		c.errorf("emit was called after Encode had returned")
	}
	if c.failed.Load() {
		c.errorf("emit was called again after it had returned an error")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	switch {
	case u.Init != nil && u.Segment == nil && u.Progress == nil:
		err = c.sawInit(*u.Init)
	case u.Segment != nil && u.Init == nil && u.Progress == nil:
		err = c.sawSegment(*u.Segment)
	case u.Progress != nil && u.Init == nil && u.Segment == nil:
		err = c.sawProgress(*u.Progress)
	default:
		err = fmt.Errorf("not exactly one field is set in %+v", u)
	}
	if err != nil {
		c.errorf("%v", err)
	}
	if c.hook == nil {
		return nil
	}
	if err = c.hook(u); err != nil {
		c.failed.Store(true)
	}
	return err
}

func (c *contract) sawInit(i hls.Init) error {
	t := c.tracks[i.Track]
	switch {
	case t == nil:
		return fmt.Errorf("init segment of track %q, which the job does not have", i.Track)
	case t.track.Kind == hls.Image:
		return fmt.Errorf("an init segment of track %q, which is of images", i.Track)
	case t.init != nil:
		return fmt.Errorf("a second init segment of track %q", i.Track)
	case i.Codecs == "":
		return fmt.Errorf("init segment of track %q without codecs", i.Track)
	}
	t.init = &i
	b, err := c.object(i.Key, i.Size)
	if err != nil {
		return fmt.Errorf("init segment of track %q: %w", i.Track, err)
	}
	if t.info, err = readInit(b); err != nil {
		return fmt.Errorf("init segment of track %q: %w", i.Track, err)
	}
	if t.info.timescale != i.Timescale {
		return fmt.Errorf("init segment of track %q has timescale %d, and Init says %d", i.Track, t.info.timescale, i.Timescale)
	}
	return nil
}

func (c *contract) sawSegment(s hls.Segment) error {
	name := fmt.Sprintf("segment %d of track %q", s.Number, s.Track)
	t := c.tracks[s.Track]
	if t == nil {
		return fmt.Errorf("%s, which the job does not have", name)
	}
	if t.init == nil && t.track.Kind != hls.Image {
		return fmt.Errorf("%s comes before the track's init segment", name)
	}
	if err := c.due(t, s.Number); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	b, err := c.object(s.Key, s.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if encrypted := c.job.Encryption != nil && t.track.Kind != hls.Image; encrypted {
		t.segments[s.Number] = segmentState{Segment: s}
		return sawEncrypted(s, b, c.job.Encryption.KeyID(s.Number), name)
	} else if s.KeyID != "" {
		return fmt.Errorf("%s is encrypted with %q, and is to be clear", name, s.KeyID)
	}
	info, err := c.readSegment(t, s, b)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t.segments[s.Number] = segmentState{s, info}
	if err := t.checkNeighbours(s.Number, name); err != nil {
		return err
	}
	return t.checkTimes(c.job.Grid, s, info, name)
}

func (c *contract) readSegment(t *trackState, s hls.Segment, b []byte) (segmentInfo, error) {
	if t.track.Kind == hls.Image {
		return c.readImages(t, s, b)
	}
	return readSegment(b, t.info)
}

// due complains of a number that a segment must not have.
func (c *contract) due(t *trackState, number int) error {
	w := c.job.Window
	if number < w.First || w.Segments > 0 && number >= w.First+w.Segments {
		return fmt.Errorf("is not in the job's window %+v", w)
	}
	if _, ok := t.segments[number]; ok {
		return errors.New("comes a second time")
	}
	if due := w.First + len(t.segments); !c.anyOrder && number != due {
		t.segments[due] = segmentState{} // so that one mistake is one complaint
		return fmt.Errorf("comes where number %d is due", due)
	}
	return nil
}

// checkTimes compares what a segment's update says with its bytes and the grid.
func (t *trackState) checkTimes(g encoder.Grid, s hls.Segment, info segmentInfo, name string) error {
	// Samples before the start of the edit list, such as an audio codec's priming, are
	// in the first segment's bytes but not in its duration.
	if s.Duration <= 0 || s.Duration > info.duration || s.Number > 0 && s.Duration != info.duration {
		return fmt.Errorf("%s says duration %d, its samples have %d", name, s.Duration, info.duration)
	}
	if t.track.Kind == hls.Video && !info.sync {
		return fmt.Errorf("%s does not start with a sync sample", name)
	}
	nominal := float64(g.Start(s.Number)) / g.FrameRate.Float() * float64(t.info.timescale)
	if math.Abs(float64(s.Start)-nominal) > float64(info.frame) {
		return fmt.Errorf("%s starts at %d, more than a frame from its nominal %.1f", name, s.Start, nominal)
	}
	return nil
}

// checkNeighbours compares a segment's times with those before and behind it.
func (t *trackState) checkNeighbours(number int, name string) error {
	for _, n := range []int{number - 1, number} {
		before, ok := t.segments[n]
		s, too := t.segments[n+1]
		if !ok || !too || before.Key == "" || s.Key == "" {
			continue
		}
		if end := before.decode + before.segmentInfo.duration; s.decode != end {
			return fmt.Errorf("%s: decode time of number %d is %d, and the one before ends at %d", name, n+1, s.decode, end)
		}
		end := before.Start + before.Duration
		if gap := s.Start - end; gap > s.frame || gap < -s.frame {
			return fmt.Errorf("%s: number %d starts at %d, and the one before ends at %d", name, n+1, s.Start, end)
		}
	}
	return nil
}

// end returns the number behind the job's last segment, 0 where that is unknown.
func (c *contract) end() int {
	total := c.job.Grid.Segments()
	if w := c.job.Window; w.Segments > 0 && (total == 0 || w.First+w.Segments < total) {
		return w.First + w.Segments
	}
	return total
}

func (c *contract) sawProgress(p encoder.Progress) error {
	if p.Position < c.position {
		return fmt.Errorf("progress goes back from %s to %s", c.position, p.Position)
	}
	c.position = p.Position
	if c.job.Window != (encoder.Window{}) && c.end() > 0 {
		g := c.job.Grid
		g.Frames = g.Start(c.end()) - g.Start(c.job.Window.First)
		if frame := time.Duration(float64(time.Second) / g.FrameRate.Float()); p.Position > g.Duration()+frame {
			return fmt.Errorf("progress is at %s of a window that lasts %s", p.Position, g.Duration())
		}
	}
	if !(p.Speed >= 0) || math.IsInf(p.Speed, 0) {
		return fmt.Errorf("progress has speed %v", p.Speed)
	}
	return nil
}

// object reads what has been emitted and compares its size.
func (c *contract) object(key string, size int64) ([]byte, error) {
	full := c.job.Output + "/" + key
	b, err := read(c.store, full)
	if err != nil {
		return nil, fmt.Errorf("emitted, but not in the store: %w", err)
	}
	if int64(len(b)) != size {
		return nil, fmt.Errorf("%q has %d bytes, and the update says %d", full, len(b), size)
	}
	return b, nil
}

func read(store storage.Store, key string) ([]byte, error) {
	o, err := store.Open(context.Background(), key, nil)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	b, err := io.ReadAll(o)
	if err == nil && o.Size != int64(len(b)) {
		err = fmt.Errorf("%q has %d bytes, and %d by its Info", key, len(b), o.Size)
	}
	return b, err
}

// stillThere checks that what was emitted stays true.
func (c *contract) stillThere(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	check := func(key string, size int64) {
		if info, err := c.store.Stat(ctx, c.job.Output+"/"+key); err != nil || info.Size != size {
			c.errorf("%q was emitted and is not there any more: %d bytes, %v", key, info.Size, err)
		}
	}
	for _, t := range c.tracks {
		if t.init != nil {
			check(t.init.Key, t.init.Size)
		}
		for _, s := range t.segments {
			if s.Key != "" {
				check(s.Key, s.Size)
			}
			if s.Poster != nil {
				check(s.Poster.Key, s.Poster.Size)
			}
		}
	}
}

// complete checks that all tracks are there, without a hole, and end together.
func (c *contract) complete() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, t := range c.tracks {
		if t.init == nil && t.track.Kind != hls.Image || len(t.segments) == 0 {
			c.errorf("Encode returned nil, and track %q has no segment", id)
			continue
		}
		for n := c.job.Window.First; n < c.job.Window.First+len(t.segments); n++ {
			if _, ok := t.segments[n]; !ok {
				c.errorf("Encode returned nil, and track %q has no segment %d", id, n)
			}
		}
		c.completeTrack(id, t)
	}
	if c.position == 0 {
		c.errorf("Encode returned nil without progress")
	}
}

func (c *contract) completeTrack(id string, t *trackState) {
	last := t.segments[slices.Max(slices.Collect(maps.Keys(t.segments)))]
	if c.end() < c.job.Grid.Segments() && last.Number != c.end()-1 {
		c.errorf("track %q ends with segment %d, the window with %d", id, last.Number, c.end()-1)
	}
	end := float64(last.Start+last.Duration) / float64(t.info.timescale)
	segment := c.job.Grid.SegmentDuration().Float()
	want := 0.0
	if g := c.job.Grid; g.Frames > 0 {
		want = float64(g.Start(c.end())) / g.FrameRate.Float()
	}
	slack := segment
	for _, spec := range c.job.Tracks {
		if spec.ID == id && spec.Copy && spec.Kind == hls.Video { // has every frame, or is none
			slack = 0.5 / c.job.Grid.FrameRate.Float()
		}
	}
	if want > 0 && math.Abs(end-want) > slack {
		c.errorf("track %q ends at %.3f s, the timeline at %.3f s", id, end, want)
	}
}
