package check

import (
	"errors"
	"fmt"
)

// run is what the fragments of a segment hold of one track. Times are in ticks of the
// track.
type run struct {
	track     uint32
	decode    int64 // of the first sample, on the timeline
	end       int64 // decode time behind the last sample
	start     int64 // earliest presentation time
	duration  int64 // of what is presented
	samples   int64
	frame     int64 // the longest sample
	sync      bool  // the first sample is a sync sample
	idr       answer
	firstSync int64 // decode times of sync samples, -1 where there is none
	lastSync  int64
	syncGap   int64 // the longest time between two sync samples
}

// answer to a question that the bytes may leave open.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// extent is bytes of samples, as offsets in the segment.
type extent struct{ from, to int64 }

// trackFragment is a traf box: where its samples are and how long they last.
type trackFragment struct {
	run
	hasDecode bool
	data      []extent
	first     extent // of the first sample
	absolute  bool   // uses base-data-offset
}

var errTooMany = errors.New("too many samples")

// maxSamples bounds the samples of one segment: days of 60 frames a second.
const maxSamples = 1 << 20

// parseMoof parses the payload of a moof that starts at byte start of the segment.
func parseMoof(b []byte, start int64, init *initSegment) (out []trackFragment, err error) {
	var samples int64
	next := start // where the data of a traf without any address starts
	err = children(b, func(kind string, payload []byte) error {
		if kind != "traf" {
			return nil
		}
		t, err := parseTraf(payload, start, next, init, &samples)
		if err != nil {
			return err
		}
		if n := len(t.data); n > 0 {
			next = t.data[n-1].to
		}
		out = append(out, t)
		return nil
	})
	return out, err
}

func parseTraf(b []byte, start, next int64, init *initSegment, samples *int64) (trackFragment, error) {
	t := trackFragment{run: run{firstSync: -1, lastSync: -1}}
	var track *initTrack
	var defaults sampleDefaults
	base := next
	err := children(b, func(kind string, payload []byte) error {
		f := &fields{b: payload}
		switch kind {
		case "tfhd":
			_, flags := f.full()
			t.track = f.u32()
			if track = init.track(t.track); track == nil {
				return fmt.Errorf("%w: a fragment is of track %d, which the initialization segment does not have", errTrack, t.track)
			}
			defaults = track.defaults
			if flags&0x1 != 0 {
				t.absolute = true
				base = int64(min(f.u64(), 1<<60))
			}
			if flags&0x20000 != 0 {
				base = start
			}
			if flags&0x2 != 0 {
				f.u32()
			}
			if flags&0x8 != 0 {
				defaults.duration = f.u32()
			}
			if flags&0x10 != 0 {
				defaults.size = f.u32()
			}
			if flags&0x20 != 0 {
				defaults.flags = f.u32()
			}
		case "tfdt":
			version, _ := f.full()
			v := f.sized(version)
			if v > 1<<60 {
				return fmt.Errorf("%w: tfdt says %d", errBox, v)
			}
			t.hasDecode, t.decode, t.end = true, int64(v), int64(v)
		case "trun":
			if track == nil {
				return fmt.Errorf("%w: trun comes before tfhd", errBox)
			}
			return t.trun(f, track, defaults, start, &base, samples)
		}
		return f.err(kind)
	})
	if err == nil && track == nil {
		err = fmt.Errorf("%w: traf has no tfhd", errBox)
	}
	return t, err
}

var errTrack = errors.New("unknown track")

// trun adds the samples of a trun box. next is where its data starts unless it says so,
// and then where that of the next one does.
func (t *trackFragment) trun(f *fields, track *initTrack, d sampleDefaults, start int64, next *int64, samples *int64) error {
	version, flags := f.full()
	count := int64(f.u32())
	if *samples += count; *samples > maxSamples {
		return errTooMany
	}
	if flags&0x1 != 0 {
		base := start
		if t.absolute {
			base = *next
		}
		*next = base + int64(int32(f.u32()))
	}
	firstFlags := d.flags
	if flags&0x4 != 0 {
		firstFlags = f.u32()
	}
	data := extent{*next, *next}
	for i := range count {
		s := d
		if flags&0x100 != 0 {
			s.duration = f.u32()
		}
		if flags&0x200 != 0 {
			s.size = f.u32()
		}
		if i == 0 {
			s.flags = firstFlags
		}
		if flags&0x400 != 0 {
			s.flags = f.u32()
		}
		var offset int64
		if flags&0x800 != 0 {
			v := f.u32()
			if offset = int64(v); version != 0 {
				offset = int64(int32(v))
			}
		}
		if f.short {
			break
		}
		if t.run.samples == 0 {
			t.first = extent{data.to, data.to + int64(s.size)}
		}
		t.sample(track, s, offset)
		data.to += int64(s.size)
	}
	*next = data.to
	if data.to > data.from {
		t.data = append(t.data, data)
	}
	return f.err("trun")
}

// sample adds one sample.
func (r *run) sample(track *initTrack, s sampleDefaults, offset int64) {
	duration := int64(s.duration)
	presented := r.end + offset - track.edit
	isSync := s.flags&0x10000 == 0
	if r.samples == 0 {
		r.start, r.sync = presented, isSync
	}
	r.start = min(r.start, presented)
	if isSync {
		if r.firstSync < 0 {
			r.firstSync = r.end
		} else {
			r.syncGap = max(r.syncGap, r.end-r.lastSync)
		}
		r.lastSync = r.end
	}
	r.samples++
	r.frame = max(r.frame, duration)
	r.end += duration
	if track.handler == "soun" { // priming lies before 0 and is not heard
		r.duration += max(presented+duration, 0) - max(presented, 0)
	} else {
		r.duration += duration
	}
}

// add appends the samples of a later fragment.
func (r *run) add(n run) {
	if n.firstSync >= 0 {
		if r.firstSync < 0 {
			r.firstSync = n.firstSync
		} else {
			r.syncGap = max(r.syncGap, n.firstSync-r.lastSync, n.syncGap)
		}
		r.lastSync = n.lastSync
	}
	r.start = min(r.start, n.start)
	r.duration += n.duration
	r.samples += n.samples
	r.frame = max(r.frame, n.frame)
	r.end = n.end
}
