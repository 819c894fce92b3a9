package pack

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// mostFilled is how much silence is put into a track in all.
const mostFilled = time.Hour

// steadier keeps the frames of an AAC track one behind the other. A frame is as long
// as it decodes to, whatever duration its sample has (ISO 14496-3 4.5.1.1: 1024 or 960
// samples): where durations differ, players that go by times and players that go by
// frames hear different things, and the track is longer than it says. So each frame is
// put to the nearest place, half a frame away at most: silent frames fill up gaps, and
// a frame whose place is taken is left out.
type steadier struct {
	frame   int64  // how long a frame is, ticks
	silence []byte // a frame
	next    int64  // where the next frame's place is: decode time, ticks
	begun   bool
	room    int64 // ticks that may still be filled
}

// newSteadier returns nil where frames can't be kept so: other codecs than AAC-LC, and
// timescales on which a frame is no whole number of ticks.
func newSteadier(entry mp4.Box, timescale uint32) *steadier {
	config, asc := aacConfig(entry)
	if asc == nil || asc.ObjectType != aac.AAClc || asc.SamplingFrequency <= 0 {
		return nil
	}
	samples := int64(1024)
	if frameLengthFlag(config) {
		samples = 960
	}
	ticks, rate := samples*int64(timescale), int64(asc.SamplingFrequency)
	silence := silentFrame(asc.ChannelConfiguration)
	frame := ticks / rate
	if ticks%rate != 0 || frame > math.MaxInt32 || silence == nil {
		return nil
	}
	return &steadier{frame: frame, silence: silence, room: int64(mostFilled.Seconds()) * int64(timescale)}
}

// place says how many silent frames go before the one at decode, or that it has no
// place.
func (s *steadier) place(decode int64) (silent int64, taken bool, err error) {
	if !s.begun {
		s.begun, s.next = true, decode
	}
	off := decode - s.next
	switch {
	case 2*off < -s.frame:
		return 0, true, nil
	case 2*off <= s.frame:
		return 0, false, nil
	}
	silent = (2*off + s.frame) / (2 * s.frame) // to the nearest
	if s.room -= silent * s.frame; s.room < 0 {
		return 0, false, fmt.Errorf("%w: more than %s of sound are missing", ErrDiscontinuity, mostFilled)
	}
	return silent, false, nil
}

func aacConfig(entry mp4.Box) ([]byte, *aac.AudioSpecificConfig) {
	e, ok := entry.(*mp4.AudioSampleEntryBox)
	if !ok || e.Esds == nil || e.Esds.DecConfigDescriptor == nil || e.Esds.DecConfigDescriptor.DecSpecificInfo == nil {
		return nil, nil
	}
	config := e.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig
	asc, err := aac.DecodeAudioSpecificConfig(bytes.NewReader(config))
	if err != nil {
		return nil, nil
	}
	return config, asc
}

// frameLengthFlag reads the flag of a GASpecificConfig (ISO 14496-3 4.4.1): frames of
// 960 samples.
func frameLengthFlag(config []byte) bool {
	r := bits.NewReader(bytes.NewReader(config))
	r.Read(5)
	if r.Read(4) == 0x0f { // the rate itself follows
		r.Read(24)
	}
	r.Read(4)
	return r.Read(1) == 1 && r.AccError() == nil
}

// The syntactic elements of a raw_data_block (ISO 14496-3 table 4.85).
const (
	idSCE = 0 // one channel
	idCPE = 1 // a pair
	idLFE = 3
	idEND = 7
)

// silentFrame returns a raw_data_block (ISO 14496-3 4.4.2.1) whose channels have no
// spectrum, nil where the channels are not one of the usual configurations.
func silentFrame(configuration byte) []byte {
	elements := map[byte][]uint{
		1: {idSCE}, 2: {idCPE}, 3: {idSCE, idCPE}, 4: {idSCE, idCPE, idSCE}, 5: {idSCE, idCPE, idCPE},
		6: {idSCE, idCPE, idCPE, idLFE}, 7: {idSCE, idCPE, idCPE, idCPE, idLFE},
	}[configuration]
	if elements == nil {
		return nil
	}
	var buf bytes.Buffer
	w := bits.NewWriter(&buf)
	const (
		icsInfo = 11 // bits: a long window, no bands, no prediction
		gain    = 8
		tools   = 3 // pulses, TNS, gain control
	)
	tags := map[uint]uint{}
	for _, id := range elements {
		w.Write(id, 3)
		w.Write(tags[id], 4)
		tags[id]++
		if id == idCPE {
			w.Write(1, 1) // common_window
			w.Write(0, icsInfo)
			w.Write(0, 2) // ms_mask_present
			w.Write(0, gain+tools)
			w.Write(0, gain+tools)
		} else {
			w.Write(0, gain+icsInfo+tools)
		}
	}
	w.Write(idEND, 3)
	w.Flush()
	return buf.Bytes()
}
