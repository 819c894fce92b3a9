package pack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// Event is one thing that has become true and is durable in the Store. Exactly one
// field is set.
type Event struct {
	Init    *hls.Init
	Segment *hls.Segment
}

// output puts a track's objects and tells of them. begin and segment hand over
// from the reading side, the rest runs as the writer's jobs.
type output struct {
	store        storage.Store
	prefix       string // of the attempt
	track        string
	cacheControl string
	emit         func(Event) error
	encrypt      func(ctx context.Context, number int) (id string, key []byte, err error) // nil for clear segments
	writer       *writer
	init         *initSegment
	begun        bool
	// filled and dropped are the reading side's, see Summary.
	filled, dropped int64
	summary         Summary // the writing side's
}

// put stores data as <track>/<name>-<hash><ext> and returns the key relative to the
// prefix.
func (o *output) put(ctx context.Context, name, ext, contentType string, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	key := o.track + "/" + name + "-" + hex.EncodeToString(sum[:8]) + ext
	_, err := o.store.Put(ctx, o.prefix+"/"+key, bytes.NewReader(data), &storage.PutOptions{
		ContentType:  contentType,
		CacheControl: o.cacheControl,
		Size:         int64(len(data)),
	})
	if err != nil {
		return "", err
	}
	o.summary.Bytes += int64(len(data))
	return key, nil
}

// begin puts the init segment, once: before the track's first segment.
func (o *output) begin(ctx context.Context) error {
	if o.begun {
		return nil
	}
	o.begun = true
	return o.writer.do(ctx, o.putInit)
}

func (o *output) putInit(ctx context.Context) error {
	key, err := o.put(ctx, "init", ".mp4", "video/mp4", o.init.bytes)
	if err != nil {
		return err
	}
	o.summary.Init = hls.Init{
		Track:     o.track,
		Key:       key,
		Size:      int64(len(o.init.bytes)),
		Timescale: o.init.timescale,
		Codecs:    o.init.codecs,
	}
	told := o.summary.Init
	return o.emit(Event{Init: &told})
}

// segment puts a segment whose bytes are in buf, and gives buf back to the writer. s
// lacks the key and the size.
func (o *output) segment(ctx context.Context, s hls.Segment, samples int, buf *bytes.Buffer) error {
	return o.writer.do(ctx, func(ctx context.Context) error {
		defer o.writer.release(buf)
		return o.putSegment(ctx, s, samples, buf.Bytes())
	})
}

func (o *output) putSegment(ctx context.Context, s hls.Segment, samples int, data []byte) error {
	o.summary.Samples += int64(samples)
	return o.putMedia(ctx, s, ".m4s", "video/iso.segment", data)
}

// putMedia puts a segment, encrypted where that is wanted, and tells of it. s lacks the key
// and the size. data may be changed.
func (o *output) putMedia(ctx context.Context, s hls.Segment, ext, contentType string, data []byte) (err error) {
	if o.encrypt != nil {
		if data, err = o.seal(ctx, &s, data); err != nil {
			return err
		}
	}
	s.Track, s.Size = o.track, int64(len(data))
	if s.Key, err = o.put(ctx, strconv.Itoa(s.Number), ext, contentType, data); err != nil {
		return err
	}
	if o.summary.Segments == 0 {
		o.summary.Start = s.Start
	}
	o.summary.End = s.Start + s.Duration
	o.summary.Segments++
	return o.emit(Event{Segment: &s})
}

// seal encrypts a segment's bytes. Whoever wants a keyframe would need all that is before
// it, so s tells none.
func (o *output) seal(ctx context.Context, s *hls.Segment, data []byte) ([]byte, error) {
	id, key, err := o.encrypt(ctx, s.Number)
	if err != nil {
		return nil, err
	}
	s.KeyID, s.Keyframes = id, nil
	return hls.EncryptSegment(key, s.Number, data)
}

// styp opens every segment (ISO 14496-12 8.16.2): brand msdh, a media segment.
var styp = []byte("\x00\x00\x00\x14stypmsdh\x00\x00\x00\x00msdh")

// sequence numbers the fragments of a track: it depends on nothing but the segment
// and the place in it, so that a window that is encoded again gives the same bytes.
func sequence(number, index int) uint32 { return uint32(number)<<12 + uint32(index) + 1 }
