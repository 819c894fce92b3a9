package pack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// Event is one thing that has become true and is durable in the Store. Exactly one
// field is set.
type Event struct {
	Init    *hls.Init
	Segment *hls.Segment
}

// output puts a track's objects and tells of them.
type output struct {
	store        storage.Store
	prefix       string // of the attempt
	track        string
	cacheControl string
	emit         func(Event) error
	summary      Summary
	init         *initSegment
	told         bool // the init segment has been emitted
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
	if o.told {
		return nil
	}
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
	o.told = true
	told := o.summary.Init
	return o.emit(Event{Init: &told})
}

// segment puts a segment whose fragments are data.
func (o *output) segment(ctx context.Context, number int, start, duration int64, samples int, data []byte) error {
	if err := o.begin(ctx); err != nil {
		return err
	}
	key, err := o.put(ctx, fmt.Sprint(number), ".m4s", "video/iso.segment", data)
	if err != nil {
		return err
	}
	if o.summary.Segments == 0 {
		o.summary.Start = start
	}
	o.summary.End = start + duration
	o.summary.Segments++
	o.summary.Samples += int64(samples)
	return o.emit(Event{Segment: &hls.Segment{
		Track:    o.track,
		Number:   number,
		Key:      key,
		Size:     int64(len(data)),
		Start:    start,
		Duration: duration,
	}})
}

// styp opens every segment (ISO 14496-12 8.16.2): brand msdh, a media segment.
var styp = []byte("\x00\x00\x00\x14stypmsdh\x00\x00\x00\x00msdh")

// sequence numbers the fragments of a track: it depends on nothing but the segment
// and the place in it, so that a window that is encoded again gives the same bytes.
func sequence(number, index int) uint32 { return uint32(number)<<12 + uint32(index) + 1 }
