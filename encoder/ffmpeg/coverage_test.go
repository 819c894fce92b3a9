package ffmpeg_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/testmedia"
)

// A damaged tail is filled up; where more is gone, the encode is no success.
func TestDamagedEnd(t *testing.T) {
	testmedia.Need(t, "ffmpeg", "ffprobe")
	args := append(testmedia.Video("160x120", "25", "4"), testmedia.Sound("4")...)
	whole := read(t, testmedia.Make(t, "a.mp4", append(args, "-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-c:a", "aac", "-movflags", "+faststart")...))
	mdat := bytes.Index(whole, []byte("mdat")) + 4
	for name, tc := range map[string]struct {
		from float64 // of the data
		ok   bool
	}{"a little": {0.97, true}, "half": {0.5, false}} {
		t.Run(name, func(t *testing.T) {
			data := append([]byte(nil), whole...)
			for i := mdat + int(float64(len(data)-mdat)*tc.from); i < len(data); i++ {
				data[i] = 0xff
			}
			store := fileStore(t)
			ff := fast(store)
			src := putBytes(t, store, "s", data)
			if tc.ok {
				out := encode(t, ff, store, src, nil)
				for _, tr := range out.job.Tracks {
					assert.InDelta(t, 4, out.duration(tr.ID), 0.05, tr.ID)
				}
				return
			}
			_, job := try(t, ff, src, nil)
			require.NotNil(t, job, "its index is whole")
			var e *encoder.Error
			require.ErrorAs(t, ff.Encode(t.Context(), *job, func(encoder.Update) error { return nil }), &e)
			assert.Equal(t, encoder.CodeTruncated, e.Code)
			assert.True(t, e.Permanent)
			assert.Contains(t, e.Message, "of 4.0 s")
		})
	}
}
