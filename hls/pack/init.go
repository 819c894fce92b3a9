package pack

import (
	"bytes"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/vodkit/vodkit/hls"
)

// initSegment is what the moov says of the track.
type initSegment struct {
	bytes     []byte
	timescale uint32
	codecs    string
	entry     mp4.Box // the one sample entry
	trex      *mp4.TrexBox
	// edit is what the edit list takes from decode and composition times to give
	// presentation times, in ticks of the track.
	edit int64
}

// parseInit reads ftyp and moov (both with their headers) and writes them again
// without what differs between runs of the same settings: times of creation,
// durations, names and tags. A retimer, where there is one, gives it its timescale.
func parseInit(ftyp, moov []byte, kind hls.Kind, retime *retimer) (*initSegment, error) {
	box, err := decodeBox(moov)
	if err != nil {
		return nil, err
	}
	m, ok := box.(*mp4.MoovBox)
	if !ok || m.Mvhd == nil || m.Mvex == nil || m.Mvex.Trex == nil {
		return nil, malformed("moov without mvhd or mvex: the file is not fragmented")
	}
	if len(m.Traks) != 1 || len(m.Mvex.Trexs) != 1 {
		return nil, malformed("%d tracks in the stream, not one", len(m.Traks))
	}
	t := m.Trak
	if t.Tkhd == nil || t.Mdia == nil || t.Mdia.Mdhd == nil || t.Mdia.Hdlr == nil ||
		t.Mdia.Minf == nil || t.Mdia.Minf.Stbl == nil || t.Mdia.Minf.Stbl.Stsd == nil {
		return nil, malformed("trak without tkhd, mdhd, hdlr or stsd")
	}
	if m.Mvex.Trex.TrackID != t.Tkhd.TrackID {
		return nil, malformed("trex of track %d, not %d", m.Mvex.Trex.TrackID, t.Tkhd.TrackID)
	}
	handler := map[hls.Kind]string{hls.Video: "vide", hls.Audio: "soun"}[kind]
	if t.Mdia.Hdlr.HandlerType != handler {
		return nil, malformed("handler %q in a track of kind %q", t.Mdia.Hdlr.HandlerType, kind)
	}
	s := &initSegment{timescale: t.Mdia.Mdhd.Timescale, trex: m.Mvex.Trex}
	if s.timescale == 0 || m.Mvhd.Timescale == 0 {
		return nil, malformed("timescale 0")
	}
	if s.codecs, err = codecs(t.Mdia.Minf.Stbl.Stsd); err != nil {
		return nil, err
	}
	s.entry = t.Mdia.Minf.Stbl.Stsd.Children[0]
	if s.edit, err = editOffset(t, m.Mvhd.Timescale, s.timescale); err != nil {
		return nil, err
	}
	if retime != nil {
		retime.init(s, t)
	}
	clean(m)
	if s.bytes, err = encodeInit(ftyp, m); err != nil {
		return nil, err
	}
	return s, nil
}

// editOffset reads the edit list: an optional empty edit, which delays the track,
// and one edit to the end (ISO 14496-12 8.6.6). Edits with durations of their own
// are refused: players of fragments do not follow them.
func editOffset(t *mp4.TrakBox, movie, track uint32) (int64, error) {
	if t.Edts == nil || len(t.Edts.Elst) == 0 {
		return 0, nil
	}
	entries := t.Edts.Elst[0].Entries
	var delay int64
	if len(entries) > 1 && entries[0].MediaTime == -1 {
		d := float64(entries[0].SegmentDuration) * float64(track) / float64(movie)
		if d > math.MaxInt32 {
			return 0, fmt.Errorf("%w: an empty edit of %d", ErrUnsupported, entries[0].SegmentDuration)
		}
		delay, entries = int64(math.Round(d)), entries[1:]
	}
	if len(entries) != 1 || entries[0].MediaTime < 0 || entries[0].MediaTime > math.MaxInt32 {
		return 0, fmt.Errorf("%w: edit list %v", ErrUnsupported, t.Edts.Elst[0].Entries)
	}
	return entries[0].MediaTime - delay, nil
}

func clean(m *mp4.MoovBox) {
	m.Mvhd.CreationTime, m.Mvhd.ModificationTime, m.Mvhd.Duration = 0, 0, 0
	m.Children = without(m.Children, "udta", "meta")
	t := m.Trak
	t.Tkhd.CreationTime, t.Tkhd.ModificationTime, t.Tkhd.Duration = 0, 0, 0
	t.Children = without(t.Children, "udta", "meta")
	t.Mdia.Mdhd.CreationTime, t.Mdia.Mdhd.ModificationTime, t.Mdia.Mdhd.Duration = 0, 0, 0
	t.Mdia.Hdlr.Name = map[string]string{"vide": "VideoHandler", "soun": "SoundHandler"}[t.Mdia.Hdlr.HandlerType]
	if t.Edts != nil && len(t.Edts.Elst) > 0 {
		e := t.Edts.Elst[0].Entries
		e[len(e)-1].SegmentDuration = 0 // in a fragmented file: to the end
	}
}

func without(boxes []mp4.Box, kinds ...string) []mp4.Box {
	kept := boxes[:0:0]
next:
	for _, b := range boxes {
		for _, k := range kinds {
			if b.Type() == k {
				continue next
			}
		}
		kept = append(kept, b)
	}
	return kept
}

func encodeInit(ftyp []byte, m *mp4.MoovBox) (b []byte, err error) {
	defer recovered(&err)
	buf := bytes.NewBuffer(append([]byte(nil), ftyp...))
	if err := m.Encode(buf); err != nil {
		return nil, malformed("moov: %v", err)
	}
	return buf.Bytes(), nil
}

// decodeBox decodes one whole box.
func decodeBox(b []byte) (box mp4.Box, err error) {
	defer recovered(&err)
	box, err = mp4.DecodeBoxSR(0, bits.NewFixedSliceReader(b))
	if err != nil {
		return nil, malformed("%v", err)
	}
	return box, nil
}

// recovered turns a panic of the box library over hostile bytes into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = malformed("%v", p)
	}
}
