package ffmpeg_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// Small files that stand for a great deal end with a typed, permanent error or as the
// small videos that they are, within a memory that they can't take from the machine.
func TestBombs(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	own := read(t, testmedia.Make(t, "own.mp4", "-f", "lavfi", "-i", "color=lime:size=160x120:rate=25:duration=1", "-c:v", "libx264", "-preset", "ultrafast"))
	ftyp := box("ftyp", []byte("isom\x00\x00\x02\x00isomavc1"))
	u32 := func(values ...uint32) (b []byte) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return b
	}
	table := func(kind string, payload []byte) []byte {
		return inBox(t, own, payload, "moov", "trak", "mdia", "minf", "stbl", kind)
	}
	nested := []byte("end")
	for _, kind := range bytes.Fields(bytes.Repeat([]byte("moov trak udta meta "), 5000)) {
		nested = box(string(kind), nested)
	}
	moov := box("moov", box("mvhd", make([]byte, 100)))
	for name, data := range map[string][]byte{
		"boxes in boxes":      append(append([]byte(nil), ftyp...), nested...),
		"ten thousand tracks": append(append([]byte(nil), ftyp...), box("moov", bytes.Repeat(box("trak", box("mdia", box("hdlr", []byte("\x00\x00\x00\x00mhlrvide\x00\x00\x00\x00")))), 10_000))...),
		"a header of zeros in zlib": append(append([]byte(nil), ftyp...), box("moov", box("cmov", append(box("dcom", []byte("zlib")),
			box("cmvd", append(u32(0xf0000000), squeezed(t, 256<<20)...))...)))...),
		"a header in a header":      append(append([]byte(nil), ftyp...), box("moov", box("cmov", append(box("dcom", []byte("zlib")), box("cmvd", append(u32(uint32(len(moov))), moov...))...)))...),
		"four billion samples":      table("stsz", u32(0, 1, 0xffffffff)),
		"samples that last":         table("stts", u32(0, 1, 0xffffffff, 0x7fffffff)),
		"chunks beyond the end":     table("stco", u32(0, 2, 0xfffffff0, 0xffffffff)),
		"samples to no chunk":       table("stsc", u32(0, 1, 0xffffffff, 0xffffffff, 0xffffffff)),
		"no time scale":             inBox(t, own, append(u32(0, 0, 0, 0, 0xffffffff), make([]byte, 4)...), "moov", "trak", "mdia", "mdhd"),
		"a size that is no size":    append(append([]byte(nil), ftyp...), u32(1, 0x6d6f6f76, 0xffffffff, 0xffffffff)...),
		"a box without an end":      append(append([]byte(nil), ftyp...), u32(0xffffffff, 0x6d6f6f76)...),
		"matroska, unknown sizes":   bytes.Repeat([]byte("\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"), 2000),
		"matroska, a size too much": append([]byte("\x1a\x45\xdf\xa3\x84\x42\x82\x88"), bytes.Repeat([]byte{0x08, 0xff, 0xff, 0xff, 0xff}, 5000)...),
		"an id3 tag of 256 MB":      append([]byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7fAPIC\x7f\x7f\x7f\x7f\x00\x00"), bytes.Repeat([]byte{0}, 4096)...),
		"avi, an endless list":      append([]byte("RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih\x38\x00\x00\x00"), bytes.Repeat([]byte("LIST\xff\xff\xff\xffstrl"), 3000)...),
		"flac, endless metadata":    append([]byte("fLaC"), bytes.Repeat([]byte{1, 0xff, 0xff, 0xff}, 5000)...),
	} {
		t.Run(name, func(t *testing.T) {
			store := memStore(t)
			ff := ffmpeg.New(store, &ffmpeg.Options{Preset: "ultrafast", Threads: 1, MaxMemory: 512 << 20, StallTimeout: 20 * time.Second})
			_, job := try(t, ff, putBytes(t, store, "s", data), &encoder.PlanOptions{MaxDuration: time.Minute, MaxRenditions: 1})
			if job == nil {
				return
			}
			if err := ff.Encode(t.Context(), *job, func(encoder.Update) error { return nil }); err != nil {
				var e *encoder.Error
				require.ErrorAs(t, err, &e)
				assert.True(t, e.Permanent, "%v", err)
			}
		})
	}
}

// squeezed returns n zeros in zlib's form.
func squeezed(t *testing.T, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	for zeros := make([]byte, 1<<20); n > 0; n -= len(zeros) {
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}
