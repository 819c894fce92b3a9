package pack

import (
	"bytes"
	"context"
	"fmt"

	"github.com/vodkit/vodkit/hls"
)

// videoCutter groups whole fragments into segments.
type videoCutter struct {
	in    *boxReader
	out   *output
	clock *clock
	limit int64 // bytes of a segment
	// avc says that samples are looked at: H.264 that may be anybody's.
	avc bool

	buf       *bytes.Buffer // the open segment; nil where none is
	fragments int
	samples   int
	start     int64
	duration  int64
	keyframes []hls.Keyframe
}

func (v *videoCutter) add(ctx context.Context, f *fragment) error {
	if f.samples[0].Flags&nonSync != 0 {
		return fmt.Errorf("%w: at decode time %d", ErrNotSync, f.decode)
	}
	decode := f.decode + v.clock.offset
	start := decode + int64(f.samples[0].CompositionTimeOffset) - v.out.init.edit
	next, err := v.clock.opens(start, int64(f.samples[0].Dur))
	if err != nil {
		return err
	}
	if next {
		if err := v.flush(ctx); err != nil {
			return err
		}
		v.clock.advance()
	}
	if v.buf == nil {
		if v.buf, err = v.out.writer.buffer(ctx); err != nil {
			return err
		}
		v.buf.Write(styp)
		v.start, v.duration = start, 0
	}
	if int64(v.buf.Len())+int64(f.moof.Size())+f.bytes > v.limit {
		return fmt.Errorf("%w: segment %d, at most %d bytes", ErrTooLarge, v.clock.number, v.limit)
	}
	offset := int64(v.buf.Len())
	if err := f.writeHeaders(v.buf, sequence(v.clock.number, v.fragments), decode); err != nil {
		return err
	}
	v.keyframes = append(v.keyframes, hls.Keyframe{
		Offset: offset, Size: int64(v.buf.Len()) - offset + int64(f.samples[0].Size), Duration: f.duration,
	})
	if err := v.in.appendTo(v.buf, f.bytes); err != nil {
		return err
	}
	if v.avc {
		if err := checkAVC(v.buf.Bytes()[int64(v.buf.Len())-f.bytes:], f); err != nil {
			return err
		}
	}
	v.fragments++
	v.samples += len(f.samples)
	v.duration += f.duration
	return nil
}

func (v *videoCutter) end(ctx context.Context) error { return v.flush(ctx) }

func (v *videoCutter) flush(ctx context.Context) error {
	s := hls.Segment{Number: v.clock.number, Start: v.start, Duration: v.duration, Keyframes: v.keyframes}
	err := v.out.segment(ctx, s, v.samples, v.buf)
	v.buf, v.fragments, v.samples, v.keyframes = nil, 0, 0, nil
	return err
}
