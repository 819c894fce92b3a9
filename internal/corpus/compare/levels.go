package compare

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// readLevels measures the sound of a stream of FLV with 16-bit mono samples: the one
// container that ffmpeg writes to a pipe in which each piece of sound has a time, and
// that takes a few lines to read. Most is how much is kept.
func readLevels(r io.Reader, most time.Duration) ([]float64, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	var head [9 + 4]byte // signature and the size of no tag before
	if _, err := io.ReadFull(br, head[:]); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, ended(err)
	}
	if string(head[:3]) != "FLV" {
		return nil, fmt.Errorf("compare: not FLV: %q", head[:3])
	}
	m := meter{most: int(most.Seconds() * LevelRate)}
	for {
		var tag [11]byte // type, size, time, high byte of the time, stream
		if _, err := io.ReadFull(br, tag[:]); err != nil {
			return m.levels(), ended(err)
		}
		data := make([]byte, int(tag[1])<<16|int(tag[2])<<8|int(tag[3]))
		if _, err := io.ReadFull(br, data); err != nil {
			return m.levels(), ended(err)
		}
		if _, err := br.Discard(4); err != nil {
			return m.levels(), ended(err)
		}
		const audioTag = 8
		if tag[0]&0x1f == audioTag && len(data) > 1 {
			at := int32(uint32(tag[7])<<24 | uint32(tag[4])<<16 | uint32(tag[5])<<8 | uint32(tag[6]))
			m.add(float64(at)/1000, data[1:])
		}
	}
}

// ended takes the end of the stream for no error, wherever it is.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// meter sums the power of samples by their times.
type meter struct {
	most   int
	power  []float64
	counts []int
}

func (m *meter) add(seconds float64, samples []byte) {
	for i := 0; i+1 < len(samples); i += 2 {
		at := seconds + float64(i/2)/sampleRate
		n := int(at * LevelRate)
		if at < 0 || n >= m.most {
			continue
		}
		for len(m.power) <= n {
			m.power, m.counts = append(m.power, 0), append(m.counts, 0)
		}
		v := float64(int16(binary.LittleEndian.Uint16(samples[i:]))) / 32768
		m.power[n] += v * v
		m.counts[n]++
	}
}

func (m *meter) levels() []float64 {
	for i, n := range m.counts {
		if n > 0 {
			m.power[i] /= float64(n)
		}
	}
	return m.power
}
