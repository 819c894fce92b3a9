package pack

import (
	"bytes"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"
)

// nonSync is sample_is_non_sync_sample of ISO 14496-12 8.8.3.1.
const nonSync = 0x00010000

// fragment is a moof whose mdat has not been read yet.
type fragment struct {
	moof     *mp4.MoofBox
	samples  []mp4.Sample // of all runs, defaults filled in
	decode   int64        // tfdt, ticks
	duration int64        // ticks
	bytes    int64        // of all samples
	header   int64        // size of the moof as it was read
}

// parseFragment reads a moof (with its header). Its samples must lie one after the
// other from the start of the mdat that follows.
func parseFragment(moof []byte, trex *mp4.TrexBox) (*fragment, error) {
	box, err := decodeBox(moof)
	if err != nil {
		return nil, err
	}
	m, ok := box.(*mp4.MoofBox)
	if !ok || m.Mfhd == nil || len(m.Trafs) != 1 || m.Traf.Tfhd == nil || m.Traf.Tfdt == nil {
		return nil, malformed("moof without mfhd, tfhd and tfdt of one track")
	}
	t := m.Traf
	if t.Senc != nil || t.Saio != nil || t.UUIDSenc != nil || len(m.Psshs) > 0 {
		return nil, fmt.Errorf("%w: an encrypted fragment", ErrUnsupported)
	}
	if t.Tfhd.TrackID != trex.TrackID {
		return nil, malformed("fragment of track %d, not %d", t.Tfhd.TrackID, trex.TrackID)
	}
	if t.Tfhd.HasBaseDataOffset() || !t.Tfhd.DefaultBaseIfMoof() {
		return nil, fmt.Errorf("%w: a fragment without default-base-is-moof", ErrUnsupported)
	}
	if t.Tfhd.HasSampleDescriptionIndex() && t.Tfhd.SampleDescriptionIndex != 1 {
		return nil, fmt.Errorf("%w: sample description %d", ErrUnsupported, t.Tfhd.SampleDescriptionIndex)
	}
	if t.Tfdt.BaseMediaDecodeTime() > math.MaxInt64/4 {
		return nil, malformed("decode time %d", t.Tfdt.BaseMediaDecodeTime())
	}
	f := &fragment{moof: m, decode: int64(t.Tfdt.BaseMediaDecodeTime()), header: int64(len(moof))}
	first := int64(0)
	for i, run := range t.Truns {
		if i == 0 {
			if !run.HasDataOffset() {
				return nil, malformed("run without a data offset")
			}
			first = int64(run.DataOffset)
		}
		if run.HasDataOffset() && int64(run.DataOffset) != first+f.bytes {
			return nil, fmt.Errorf("%w: runs that are not one after the other", ErrUnsupported)
		}
		f.duration += int64(run.AddSampleDefaultValues(t.Tfhd, trex))
		for _, s := range run.Samples {
			f.bytes += int64(s.Size)
		}
		f.samples = append(f.samples, run.Samples...)
	}
	if len(f.samples) == 0 {
		return nil, malformed("fragment without samples")
	}
	if want := first - f.header; want != 8 && want != 16 {
		return nil, malformed("data offset %d behind a moof of %d bytes", first, f.header)
	}
	return f, nil
}

// check compares the mdat's header with what the moof says of it.
func (f *fragment) check(mdat boxHeader) error {
	if mdat.kind != "mdat" {
		return malformed("box %q behind a moof, not mdat", mdat.kind)
	}
	if mdat.payload != f.bytes {
		return malformed("mdat of %d bytes for samples of %d", mdat.payload, f.bytes)
	}
	if want := int64(f.moof.Traf.Trun.DataOffset); want != f.header+mdat.header {
		return malformed("data offset %d, mdat starts at %d", want, f.header+mdat.header)
	}
	return nil
}

// writeHeaders writes the moof with another sequence number and decode time, and the
// header of its mdat.
func (f *fragment) writeHeaders(buf *bytes.Buffer, sequence uint32, decode int64) (err error) {
	defer recovered(&err)
	f.moof.Mfhd.SequenceNumber = sequence
	if t := f.moof.Traf.Tfdt; int64(t.BaseMediaDecodeTime()) != decode {
		t.SetBaseMediaDecodeTime(uint64(decode)) // may change the size of the moof
	}
	const header = 8
	if f.bytes > math.MaxInt32-header-int64(f.moof.Size()) {
		return fmt.Errorf("%w: fragment of %d bytes", ErrTooLarge, f.bytes)
	}
	offset := int64(f.moof.Size()) + header
	for _, run := range f.moof.Traf.Truns {
		if run.HasDataOffset() {
			run.DataOffset = int32(offset)
		}
		offset += int64(run.SizeOfData())
	}
	if err := f.moof.Encode(buf); err != nil {
		return malformed("moof: %v", err)
	}
	return mp4.EncodeHeaderWithSize("mdat", uint64(f.bytes)+header, false, buf)
}
