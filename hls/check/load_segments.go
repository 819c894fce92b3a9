package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// loadSegments reads the media segments of all tracks, each once.
func (p *presentation) loadSegments(ctx context.Context) {
	type job struct {
		t *track
		s *segment
	}
	var jobs []job
	for _, t := range p.media() {
		for i, s := range t.segments {
			if !sampled(i, len(t.segments), p.opts.Sample) {
				t.skipped = true
				continue
			}
			if !s.gap && s.uri != "" {
				jobs = append(jobs, job{t, s})
			}
		}
	}
	p.each(ctx, len(jobs), func(i int) {
		t, s := jobs[i].t, jobs[i].s
		m, err := p.segment(ctx, t, s)
		if err != nil {
			p.miss(t.inSegment(s, -1), err)
			return
		}
		s.media = m
	})
}

// sampled says whether segment i of n is among the most that are read.
func sampled(i, n, most int) bool {
	if most <= 0 || n <= most {
		return true
	}
	if most == 1 {
		return i == 0
	}
	k := (i*(most-1) + n - 2) / (n - 1) // the sample at or behind i
	return k*(n-1)/(most-1) == i
}

// segment reads one segment.
func (p *presentation) segment(ctx context.Context, t *track, s *segment) (*media, error) {
	obj, err := p.src.Open(ctx, s.uri, s.offset, s.length)
	if err != nil {
		return nil, err
	}
	in := &input{ctx: ctx, src: p.src, uri: s.uri, body: obj.Body, first: s.offset, size: obj.Size, again: true, most: p.opts.MaxSegment}
	defer func() { in.close() }()
	in.seek, _ = obj.Body.(io.Seeker)
	m := &media{contentType: obj.ContentType, delivered: obj.Delivered}
	r := io.Reader(obj.Body)
	if s.length > 0 {
		if obj.Size >= 0 && s.length > obj.Size-s.offset {
			m.size = max(0, obj.Size-s.offset)
			m.fault("RFC-4.3.2.2", -1, "The byte range %d@%d ends behind the object, which has %d bytes.", s.length, s.offset, obj.Size)
			return m, nil
		}
		in.size = s.length
		r = io.LimitReader(r, s.length)
		in.body = limitBody{Reader: r, Closer: obj.Body}
		in.seek = nil
	}
	m.size = in.size
	if m.size > p.opts.MaxSegment {
		m.fault("LIMIT", -1, "The segment has %d bytes, more than the %d that are looked at.", m.size, p.opts.MaxSegment)
		return m, nil
	}
	if k := s.key; k != nil && k.method != "SAMPLE-AES" && k.method != "SAMPLE-AES-CTR" {
		if k.method != "AES-128" || p.opts.Key == nil {
			m.closed = true
			return m, nil
		}
		if r, err = p.decrypt(ctx, r, k, s.sequence); err != nil {
			return nil, err
		}
		in.size, in.seek, in.again = -1, nil, false
	}
	in.r = bufio.NewReaderSize(r, 32<<10)
	err = p.contents(in, t, s, m)
	switch {
	case errors.Is(err, errLarge):
		m.fault("LIMIT", -1, "The segment has more than the %d bytes that are looked at.", p.opts.MaxSegment)
		return m, nil
	case errors.Is(err, errPadding):
		m.fault("RFC-4.3.2.4", -1, "The segment cannot be decrypted with its key: %v.", err)
		return m, nil
	case err != nil:
		return nil, fmt.Errorf("read %q: %w", s.uri, err)
	}
	if m.size < 0 {
		m.size = in.pos
	}
	return m, nil
}

// contents reads what the segment is made of.
func (p *presentation) contents(in *input, t *track, s *segment, m *media) error {
	head, err := in.peek(200)
	if err != nil {
		return err
	}
	if len(head) == 0 {
		m.fault("READ", -1, "The segment is empty.")
		return nil
	}
	m.format = readFormat(head)
	init := p.initOf(s)
	if m.format == "" && s.init != nil && s.init.uri != "" {
		m.format = "fmp4" // damaged, as its reader will say
	}
	if t.iframeOnly && m.format == "fmp4" {
		return p.iframe(in, init, m)
	}
	switch m.format {
	case "fmp4":
		if init == nil || init.fault != nil {
			return p.drain(in, m)
		}
		return (&segmentReader{in: in, init: init, m: m}).boxes()
	case "webvtt":
		b, err := in.bytes(int64(len(head)))
		if err == nil {
			m.vtt = parseWebVTT(b)
			err = p.drain(in, m)
		}
		return err
	}
	return p.drain(in, m)
}

// drain counts the bytes where the size is not known.
func (p *presentation) drain(in *input, m *media) error {
	if m.size >= 0 {
		return nil
	}
	for {
		err := in.discard(64 << 10)
		if errors.Is(err, errShort) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// iframe looks at a segment of an I-frame playlist: its range starts with a moof.
func (p *presentation) iframe(in *input, init *initSegment, m *media) error {
	b, err := in.peek(16)
	if err != nil {
		return err
	}
	if len(b) < 8 || !slices.Contains([]string{"moof", "styp", "sidx", "emsg", "prft"}, string(b[4:8])) {
		m.fault("M6.10", 0, "The byte range of the I-frame does not start with its moof; players cannot tell what is in it.")
		return nil
	}
	if init == nil || init.fault != nil {
		return p.drain(in, m)
	}
	r := &segmentReader{in: in, init: init, m: m, partial: true}
	return r.boxes()
}
