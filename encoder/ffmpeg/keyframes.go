package ffmpeg

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vodkit/vodkit/encoder"
)

// Types of NAL units (ISO 14496-10 table 7-1).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
	nalPPS   = 8
)

const (
	// headOfSample is how many bytes of a keyframe are read at a time: the parameter sets
	// and messages in front of its pictures.
	headOfSample = 4 << 10
	// mostNALs and mostRead bound what is looked at of a keyframe.
	mostNALs, mostRead = 256, 64
	// lookAtOnce is how many keyframes are read at a time.
	lookAtOnce = 8
)

// verifyKeyframes reads the beginning of every keyframe of the streams that could be
// copied, and notes a fault where one is no IDR picture, or brings other parameters than
// the stream's: a packet's flag says neither. An error means that the source could not be
// read.
func (e *Encoder) verifyKeyframes(ctx context.Context, src encoder.Source, in *input, m encoder.Media, sc *scan) error {
	for i, s := range m.Streams {
		if s.Kind != encoder.VideoStream || s.Samples == nil || s.Samples.Fault != "" || s.Rotation != 0 || s.Mirrored || s.PixelFormat != "yuv420p" {
			continue
		}
		config, err := e.extradata(ctx, in, s.Index)
		if err != nil && (ctx.Err() != nil || in.failed() != nil) {
			return err
		}
		sets, err := parseAVCC(config)
		if err == nil {
			err = e.lookAt(ctx, src, in, sets, sc.coded[s.Index].keys)
		}
		var f fault
		switch {
		case errors.As(err, &f):
			m.Streams[i].Samples = &encoder.Samples{Fault: string(f)}
		case err != nil:
			return err
		}
	}
	return nil
}

// fault is why samples can't be repackaged.
type fault string

func (f fault) Error() string { return string(f) }

// extradata returns the stream's decoder configuration, nil where there is none.
func (e *Encoder) extradata(ctx context.Context, in *input, index int) ([]byte, error) {
	args := []string{"-select_streams", strconv.Itoa(index), "-show_streams", "-show_entries", "stream=extradata", "-show_data", "-of", "json"}
	var raw bytes.Buffer
	if _, err := e.ffprobe(ctx, in, args, func(r io.Reader) error {
		_, err := io.Copy(&raw, io.LimitReader(r, probeLimit))
		return err
	}); err != nil {
		return nil, err
	}
	var out struct {
		Streams []struct {
			Extradata string `json:"extradata"`
		} `json:"streams"`
	}
	_ = json.Unmarshal(raw.Bytes(), &out) // what is no JSON has no configuration
	if len(out.Streams) != 1 {
		return nil, nil
	}
	return parseDump(out.Streams[0].Extradata), nil
}

// parseDump reads a dump of ffprobe's: lines of an address, a colon, bytes in pairs, two
// spaces and the bytes as text.
func parseDump(dump string) []byte {
	var out []byte
	for line := range strings.Lines(dump) {
		_, line, found := strings.Cut(line, ": ")
		if !found {
			continue
		}
		line, _, _ = strings.Cut(line, "  ")
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(line), " ", ""))
		if err != nil {
			return nil
		}
		out = append(out, b...)
	}
	return out
}

// parameterSets are those of an AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1).
type parameterSets struct {
	length int // bytes of the length in front of a NAL unit
	all    [][]byte
}

func parseAVCC(b []byte) (p parameterSets, err error) {
	bad := fault("have no decoder configuration that is understood here")
	if len(b) < 7 || b[0] != 1 {
		return p, bad
	}
	p.length = int(b[4]&3) + 1
	if p.length != 4 {
		return p, fault("have short lengths in front of their NAL units")
	}
	if b[5]&31 != 1 {
		return p, fault("have not one sequence parameter set")
	}
	count := 1
	b = b[6:]
	for pass := range 2 {
		if pass == 1 {
			if len(b) < 1 {
				return p, bad
			}
			count, b = int(b[0]), b[1:]
		}
		for range count {
			if len(b) < 2 {
				return p, bad
			}
			n := int(binary.BigEndian.Uint16(b))
			if len(b) < 2+n || n == 0 {
				return p, bad
			}
			p.all = append(p.all, b[2:2+n])
			b = b[2+n:]
		}
	}
	return p, nil
}

// lookAt looks at the keyframes; the first fault that is found is the error.
func (e *Encoder) lookAt(ctx context.Context, src encoder.Source, in *input, sets parameterSets, keys []place) error {
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(lookAtOnce)
	for _, k := range keys {
		if reading.Err() != nil {
			break
		}
		g.Go(func() error {
			return sets.check(k, func(off, n int64) ([]byte, error) { return e.readSource(reading, src, in, off, n) })
		})
	}
	return g.Wait()
}

// check walks over the NAL units of a keyframe up to the first of its picture.
func (p parameterSets) check(k place, read func(off, n int64) ([]byte, error)) error {
	var head []byte
	from, at, reads := int64(0), int64(0), 0 // head is from from on, and at is where we are
	need := func(n int64) ([]byte, error) {
		if at+n > k.bytes {
			return nil, fault(fmt.Sprintf("have a damaged keyframe at %.2f s", k.at))
		}
		if at < from || at+n > from+int64(len(head)) {
			if reads++; reads > mostRead {
				return nil, fault(fmt.Sprintf("have a strange keyframe at %.2f s", k.at))
			}
			var err error
			from = at
			if head, err = read(k.pos+at, min(k.bytes-at, max(n, headOfSample))); err != nil {
				return nil, err
			}
			if int64(len(head)) < n {
				return nil, fault(fmt.Sprintf("have a keyframe at %.2f s that is not where it should be", k.at))
			}
		}
		return head[at-from : at-from+n], nil
	}
	for range mostNALs {
		b, err := need(int64(p.length) + 1)
		if err != nil {
			return err
		}
		size := int64(0)
		for _, c := range b[:p.length] {
			size = size<<8 | int64(c)
		}
		at += int64(p.length)
		switch kind := b[p.length] & 31; {
		case size < 1 || size > k.bytes-at:
			return fault(fmt.Sprintf("have a damaged keyframe at %.2f s", k.at))
		case kind == nalIDR:
			return nil
		case kind >= nalSlice && kind < nalIDR:
			return fault(fmt.Sprintf("have a keyframe at %.2f s that is no IDR picture (an open GOP)", k.at))
		case kind == nalSPS || kind == nalPPS:
			set, err := need(size)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(p.all, func(known []byte) bool { return bytes.Equal(known, set) }) {
				return fault(fmt.Sprintf("change their parameters at %.2f s", k.at))
			}
		}
		at += size
	}
	return fault(fmt.Sprintf("have a strange keyframe at %.2f s", k.at))
}

// readSource reads up to n bytes of the source: fewer at its end.
func (e *Encoder) readSource(ctx context.Context, src encoder.Source, in *input, off, n int64) ([]byte, error) {
	if in.file != nil {
		buf := make([]byte, n)
		got, err := in.file.ReadAt(buf, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, sourceError(err)
		}
		return buf[:got], nil
	}
	size := src.Size()
	if off >= size {
		return nil, nil
	}
	b, err := newSourceReader(e.store, src, 0).fetch(ctx, off, min(n, size-off))
	if err != nil {
		return nil, sourceError(err)
	}
	return b, nil
}
