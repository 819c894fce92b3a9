package encodertest

import (
	"bytes"
	"embed"
	"encoding/binary"
	"fmt"

	"github.com/vodkit/vodkit/hls"
)

// recordings holds, of each kind, an initialization segment and samples, each behind
// its size in four bytes. TestRecordings -update makes them.
//
//go:embed fixture
var recordings embed.FS

// recording is a track to repeat: a GOP of H.264 without reordering, of which any
// number of first frames decodes, or steady AAC.
type recording struct {
	init      []byte
	timescale uint32
	frame     uint32 // duration of a sample, ticks
	priming   int64  // decode time at which the presentation starts, ticks
	codecs    string
	samples   [][]byte
}

const (
	aacRate  = 48_000 // hertz
	aacFrame = 1024   // samples
)

// record returns the recording of a track in which video runs at rate.
func record(kind hls.Kind, rate hls.Rational) (*recording, error) {
	init, err := recordings.ReadFile("fixture/" + string(kind) + ".init.mp4")
	if err != nil {
		return nil, fmt.Errorf("no recording of kind %q", kind)
	}
	b, err := recordings.ReadFile("fixture/" + string(kind) + ".samples")
	if err != nil {
		return nil, err
	}
	r := &recording{init: init}
	for len(b) > 4 {
		n := 4 + int(binary.BigEndian.Uint32(b))
		r.samples = append(r.samples, b[4:n])
		b = b[n:]
	}
	if kind == hls.Audio {
		r.timescale, r.frame, r.priming, r.codecs = aacRate, aacFrame, aacFrame, "mp4a.40.2"
		return r, nil
	}
	r.timescale, r.frame = uint32(rate.Num), uint32(rate.Den)
	mdhd := bytes.Index(r.init, []byte("mdhd")) + 4
	binary.BigEndian.PutUint32(r.init[mdhd+12:], r.timescale) // behind version, flags and two times
	avcC := bytes.Index(r.init, []byte("avcC")) + 4
	r.codecs = fmt.Sprintf("avc1.%x", r.init[avcC+1:avcC+4])
	return r, nil
}
