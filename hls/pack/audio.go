package pack

import (
	"bytes"
	"context"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/vodkit/vodkit/hls"
)

// audioCutter groups samples into segments of one fragment each, however the stream
// had them in fragments.
type audioCutter struct {
	in    *boxReader
	out   *output
	clock *clock
	limit int64 // bytes of a segment
	// steady is nil where samples are taken as they come.
	steady *steadier

	open run
	// tail holds the first sample of the next segment until a second one comes: a
	// track's last sample alone is no segment where it only rounds up the end.
	tail run
}

// run is consecutive samples and their bytes.
type run struct {
	samples  []mp4.Sample
	data     bytes.Buffer
	decode   int64 // of the first, on the timeline
	start    int64 // presentation time of the first, no less than where the stream starts
	duration int64 // of what is presented
}

func (r *run) reset() {
	r.samples, r.duration = r.samples[:0], 0
	r.data.Reset()
}

func (a *audioCutter) add(ctx context.Context, f *fragment) error {
	decode := f.decode + a.clock.offset
	for _, s := range f.samples {
		if err := a.place(ctx, s, decode); err != nil {
			return err
		}
		decode += int64(s.Dur)
	}
	return nil
}

// place adds a sample whose bytes come next in the stream, where it belongs.
func (a *audioCutter) place(ctx context.Context, s mp4.Sample, decode int64) error {
	st := a.steady
	if st == nil {
		return a.addSample(ctx, s, decode, nil)
	}
	silent, taken, err := st.place(decode)
	if err != nil {
		return err
	}
	if taken {
		a.out.dropped++
		return a.in.skip(int64(s.Size))
	}
	a.settle()
	for range silent {
		a.out.filled++
		sample := mp4.Sample{Flags: s.Flags, Dur: uint32(st.frame), Size: uint32(len(st.silence))}
		if err := a.addSample(ctx, sample, st.next, st.silence); err != nil {
			return err
		}
		st.next += st.frame
	}
	s.Dur = uint32(min(int64(s.Dur), st.frame)) // the last of a track may be less
	err = a.addSample(ctx, s, st.next, nil)
	st.next += st.frame
	return err
}

// settle gives the last sample the duration of its frame, as another one follows it.
func (a *audioCutter) settle() {
	r := &a.open
	if len(a.tail.samples) > 0 {
		r = &a.tail
	}
	if len(r.samples) == 0 {
		return
	}
	last := &r.samples[len(r.samples)-1]
	decode, frame := a.steady.next-a.steady.frame, a.steady.frame
	r.duration += a.presented(decode, frame) - a.presented(decode, int64(last.Dur))
	last.Dur = uint32(frame)
}

// presented is how much is heard of what is decoded from decode on: priming lies
// before the start of the stream's timeline.
func (a *audioCutter) presented(decode, duration int64) int64 {
	at := decode - a.out.init.edit
	return max(at+duration, a.clock.offset) - max(at, a.clock.offset)
}

// addSample adds a sample with the data, or where that is nil with the bytes that come
// next in the stream.
func (a *audioCutter) addSample(ctx context.Context, s mp4.Sample, decode int64, data []byte) error {
	from := max(decode-a.out.init.edit, a.clock.offset)
	if len(a.tail.samples) > 0 {
		if err := a.next(ctx); err != nil {
			return err
		}
	}
	into := &a.open
	frame := int64(s.Dur)
	if a.steady != nil {
		frame = a.steady.frame
	}
	next, err := a.clock.opens(from, frame)
	if err != nil {
		return err
	}
	if next {
		into = &a.tail
	}
	if len(into.samples) == 0 {
		into.decode, into.start = decode, from
	}
	if int64(into.data.Len())+int64(s.Size) > a.limit {
		return fmt.Errorf("%w: segment %d, at most %d bytes", ErrTooLarge, a.clock.number, a.limit)
	}
	s.CompositionTimeOffset = 0
	into.samples = append(into.samples, s)
	into.duration += a.presented(decode, int64(s.Dur))
	if data != nil {
		into.data.Write(data)
		return nil
	}
	return a.in.appendTo(&into.data, int64(s.Size))
}

// next stores the open segment and opens the one that tail began.
func (a *audioCutter) next(ctx context.Context) error {
	if err := a.flush(ctx); err != nil {
		return err
	}
	a.clock.advance()
	a.open, a.tail = a.tail, a.open
	a.tail.reset()
	return nil
}

func (a *audioCutter) end(ctx context.Context) error {
	if t := &a.tail; len(t.samples) > 0 {
		if t.start+t.duration > a.clock.at(a.clock.number+1, 1) {
			if err := a.next(ctx); err != nil {
				return err
			}
		} else { // ends within half a frame of the boundary
			a.open.samples = append(a.open.samples, t.samples...)
			a.open.duration += t.duration
			a.open.data.Write(t.data.Bytes())
			t.reset()
		}
	}
	if a.open.duration == 0 {
		return fmt.Errorf("%w: nothing but priming", ErrNoFragments)
	}
	return a.flush(ctx)
}

func (a *audioCutter) flush(ctx context.Context) error {
	buf, err := a.out.writer.buffer(ctx)
	if err != nil {
		return err
	}
	buf.Write(styp)
	r := &a.open
	if err := writeRun(buf, a.out.init.trex.TrackID, sequence(a.clock.number, 0), r); err != nil {
		return err
	}
	s := hls.Segment{Number: a.clock.number, Start: r.start, Duration: r.duration}
	return a.out.segment(ctx, s, len(r.samples), buf)
}

// writeRun writes one moof and mdat.
func writeRun(buf *bytes.Buffer, track, sequence uint32, r *run) (err error) {
	defer recovered(&err)
	f, err := mp4.CreateFragment(sequence, track)
	if err != nil {
		return malformed("fragment: %v", err)
	}
	f.EncOptimize = mp4.OptimizeTrun
	f.AddSamples(r.samples, uint64(r.decode))
	f.Mdat = &mp4.MdatBox{Data: r.data.Bytes()}
	f.Children[len(f.Children)-1] = f.Mdat
	if err := f.Encode(buf); err != nil {
		return malformed("fragment: %v", err)
	}
	return nil
}
