package pack

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/vodkit/vodkit/hls"
)

// Frames says at what times the frames of a video track are, where its stream says so only
// about: clocks of files count in milliseconds or in 600ths of a second.
type Frames struct {
	// Rate is constant: frame n is shown at n frames.
	Rate hls.Rational
	// Timescale is the track's ticks per second; a frame takes a whole number of them.
	Timescale uint32
	// Reorder is how many frames before it is shown the first frame is decoded, so that
	// every frame has been decoded when it is shown.
	Reorder int
}

// retimer puts frames to their places. In the stream's order, which is that of decoding,
// they come at one a frame.
type retimer struct {
	Frames
	ticks int64  // of a frame
	from  uint32 // timescale of the stream
	edit  int64  // of the stream
	next  int64  // number of the frame that is decoded next
	seen  []bool // places of the fragment that are taken
}

// newRetimer returns nil where f is.
func newRetimer(f *Frames) (*retimer, error) {
	if f == nil {
		return nil, nil
	}
	num, den, scale := f.Rate.Num, f.Rate.Den, int64(f.Timescale)
	if num <= 0 || den <= 0 || den > math.MaxInt32 || scale <= 0 || scale%num != 0 || f.Reorder < 0 || f.Reorder > 1<<10 ||
		scale/num*den*int64(f.Reorder+1) > math.MaxInt32 {
		return nil, fmt.Errorf("%w: frames at %s in 1/%d s, %d out of order", ErrOffGrid, f.Rate, f.Timescale, f.Reorder)
	}
	return &retimer{Frames: *f, ticks: scale / num * den}, nil
}

// init gives the track another timescale, and an edit list that shows its first frame at 0.
func (r *retimer) init(s *initSegment, t *mp4.TrakBox) {
	r.from, r.edit = s.timescale, s.edit
	s.timescale, s.edit = r.Timescale, int64(r.Reorder)*r.ticks
	t.Mdia.Mdhd.Timescale = r.Timescale
	list := &mp4.ElstBox{Entries: []mp4.ElstEntry{{MediaTime: s.edit, MediaRateInteger: 1}}}
	edts := &mp4.EdtsBox{}
	edts.AddChild(list)
	t.Children = without(t.Children, "edts")
	t.Edts = edts
	t.Children = slices.Insert(t.Children, min(1, len(t.Children)), mp4.Box(edts)) // behind tkhd
}

// fragment gives the samples of a fragment the times of their places. Its frames must be
// as many as there are places from its first, the keyframe, to the next fragment's.
func (r *retimer) fragment(f *fragment, track uint32) (err error) {
	defer recovered(&err)
	first, decode := r.next, f.decode
	r.seen = append(r.seen[:0], make([]bool, len(f.samples))...)
	for i := range f.samples {
		s := &f.samples[i]
		shown := float64(decode+int64(s.CompositionTimeOffset)-r.edit) / float64(r.from) * r.Rate.Float()
		decode += int64(s.Dur)
		n := math.Round(shown)
		if math.Abs(shown-n) > 0.49 || n < float64(first) || n >= float64(first)+float64(len(f.samples)) || r.seen[int64(n)-first] {
			return fmt.Errorf("%w: sample %d is shown at frame %.2f, in a fragment that has %d from %d on", ErrDiscontinuity, r.next, shown, len(f.samples), first)
		}
		if i == 0 && int64(n) != first {
			return fmt.Errorf("%w: the keyframe %d is shown at frame %.0f, behind others of its fragment", ErrDiscontinuity, first, n)
		}
		r.seen[int64(n)-first] = true
		early := int64(n) + int64(r.Reorder) - r.next
		if early < 0 {
			return fmt.Errorf("%w: sample %d is shown at frame %.0f, before it is decoded", ErrDiscontinuity, r.next, n)
		}
		s.Dur, s.CompositionTimeOffset = uint32(r.ticks), int32(early*r.ticks)
		r.next++
	}
	f.decode, f.duration = first*r.ticks, int64(len(f.samples))*r.ticks
	made, err := mp4.CreateFragment(1, track)
	if err != nil {
		return malformed("fragment: %v", err)
	}
	made.AddSamples(f.samples, uint64(f.decode))
	if err := made.Moof.Traf.OptimizeTfhdTrun(); err != nil {
		return malformed("fragment: %v", err)
	}
	f.moof = made.Moof
	return nil
}

// checkAVC walks over the samples of a fragment, whose bytes are data: each is NAL units
// behind their lengths of four bytes (ISO 14496-15 5.3.4; mp4ff knows no other), with a
// picture among them, and the first has an IDR picture.
func checkAVC(data []byte, f *fragment) error {
	for i, s := range f.samples {
		n := min(int64(s.Size), int64(len(data)))
		sample := data[:n]
		data = data[n:]
		others, idr := 0, 0
		for len(sample) > 0 {
			if len(sample) < 5 {
				return malformed("%d bytes behind the NAL units of sample %d of a fragment", len(sample), i)
			}
			size := int64(binary.BigEndian.Uint32(sample))
			if size < 1 || size > int64(len(sample))-4 || sample[4]&0x80 != 0 {
				return malformed("a NAL unit of %d bytes in the %d that are left of sample %d of a fragment", size, len(sample)-4, i)
			}
			switch sample[4] & 31 {
			case 1:
				others++
			case 5:
				idr++
			}
			sample = sample[4+size:]
		}
		switch {
		case others+idr == 0:
			return malformed("no picture in sample %d of a fragment", i)
		case i == 0 && (idr == 0 || others > 0):
			return fmt.Errorf("%w: no IDR picture at decode time %d", ErrNotSync, f.decode)
		}
	}
	return nil
}
