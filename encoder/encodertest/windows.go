package encodertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

func testWindows(t *testing.T, s subject) {
	if !s.job.Media.Windowable {
		t.Skip("the job's media is not Windowable")
	}
	if err := s.windows(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// windows encodes the job's pictures whole and, as Parallel does, in windows, and
// compares the two. What is copied is never made in windows.
func (s subject) windows(ctx context.Context) error {
	job := s.job
	job.Tracks = slices.DeleteFunc(slices.Clone(job.Tracks), func(t encoder.TrackSpec) bool {
		return t.Copy || (t.Kind != hls.Video && t.Kind != hls.Image)
	})
	if !slices.ContainsFunc(job.Tracks, func(t encoder.TrackSpec) bool { return t.Kind == hls.Video }) {
		return nil
	}
	whole := s.watch(sibling(job, "whole"))
	if err := whole.encode(ctx, s.enc); err != nil {
		return fmt.Errorf("Encode of the whole: %w", err)
	}
	parts := map[string]map[int]segmentState{}
	for _, t := range job.Tracks {
		parts[t.ID] = map[int]segmentState{}
	}
	for _, w := range cut(whole.most()) {
		part := sibling(job, "windows")
		part.ID += fmt.Sprintf("-w%d", w.First)
		part.Window = w
		c := s.watch(part)
		if err := c.encode(ctx, s.enc); err != nil {
			return fmt.Errorf("Encode of window %+v: %w", w, err)
		}
		for id, t := range c.tracks {
			s.sameInit(w, whole.tracks[id], whole.job.Output, t, part.Output)
			maps.Copy(parts[id], t.segments)
		}
	}
	for id, t := range whole.tracks {
		s.sameTimes(id, t.segments, parts[id])
	}
	return nil
}

// most returns how many segments the track with the most of them has.
func (c *contract) most() int {
	n := 0
	for _, t := range c.tracks {
		n = max(n, len(t.segments))
	}
	return n
}

// cut makes windows of n segments: the first alone, and the last up to the end.
func cut(n int) []encoder.Window {
	ws := []encoder.Window{{First: 0, Segments: 1}}
	if n > 2 {
		ws = append(ws, encoder.Window{First: 1, Segments: (n - 1) / 2})
	}
	last := ws[len(ws)-1]
	return append(ws, encoder.Window{First: last.First + last.Segments})
}

// sameInit compares a window's init segment with that of the whole.
func (s subject) sameInit(w encoder.Window, whole *trackState, wholeOutput string, part *trackState, partOutput string) {
	if whole.init == nil || part.init == nil {
		return // has been complained of
	}
	if *whole.init != *part.init {
		s.errorf("window %+v has init segment %+v, and the whole %+v", w, *part.init, *whole.init)
		return
	}
	a, err := read(s.store, wholeOutput+"/"+whole.init.Key)
	if err != nil {
		s.errorf("%v", err)
		return
	}
	b, err := read(s.store, partOutput+"/"+part.init.Key)
	if err != nil {
		s.errorf("%v", err)
		return
	}
	if string(a) != string(b) {
		s.errorf("window %+v has other bytes in init segment %q than the whole", w, part.init.Key)
	}
}

// sameTimes compares the segments of all windows with those of the whole: numbers,
// samples and times.
func (s subject) sameTimes(track string, whole, parts map[int]segmentState) {
	for _, n := range slices.Sorted(maps.Keys(whole)) {
		a := whole[n]
		b, ok := parts[n]
		if !ok {
			s.errorf("segment %d of track %q is in no window", n, track)
			continue
		}
		if a.decode != b.decode || a.segmentInfo.duration != b.segmentInfo.duration || a.samples != b.samples {
			s.errorf("segment %d of track %q has decode time %d and %d samples that last %d in its window, and %d, %d and %d in the whole",
				n, track, b.decode, b.samples, b.segmentInfo.duration, a.decode, a.samples, a.segmentInfo.duration)
		}
		if a.Start != b.Start || a.Duration != b.Duration {
			s.errorf("segment %d of track %q starts at %d and lasts %d in its window, and %d and %d in the whole",
				n, track, b.Start, b.Duration, a.Start, a.Duration)
		}
	}
	for n := range parts {
		if _, ok := whole[n]; !ok {
			s.errorf("segment %d of track %q is not in the whole", n, track)
		}
	}
}

// testFingerprint asks an Encoder that is a Fingerprinter.
func testFingerprint(t *testing.T, s subject) {
	f, ok := s.enc.(encoder.Fingerprinter)
	if !ok {
		t.Skip("the encoder is no Fingerprinter")
	}
	err := s.fingerprint(t.Context(), f)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the encoder wraps one that is no Fingerprinter")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s subject) fingerprint(ctx context.Context, f encoder.Fingerprinter) error {
	first, err := f.Fingerprint(ctx)
	if err != nil {
		return fmt.Errorf("Fingerprint: %w", err)
	}
	if first == "" || strings.ContainsAny(first, " \t\r\n") || len(first) > 1000 {
		s.errorf("Fingerprint returned %q, which is no short text without spaces", first)
	}
	again, err := f.Fingerprint(ctx)
	if err != nil {
		return fmt.Errorf("Fingerprint: %w", err)
	}
	if first != again {
		s.errorf("Fingerprint returned %q and then %q", first, again)
	}
	return nil
}
