package pack_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// Each keyframe's range starts with its moof, and with the init segment it decodes to
// one picture.
func TestKeyframesDecodeAlone(t *testing.T) {
	p := must(t, hls.Video, pack.Grid{Segment: hls.Rational{Num: 2, Den: 1}}, video(t, "25", "125", "25"))
	require.Len(t, p.segments, 3)
	n := 0
	for _, s := range p.segments {
		body := p.store.Get("out/" + s.Key)
		var total int64
		for _, k := range s.Keyframes {
			part := body[k.Offset : k.Offset+k.Size]
			require.Equal(t, "moof", string(part[4:8]))
			alone := append(bytes.Clone(p.store.Get("out/"+p.init.Key)), part...)
			assert.NotEmpty(t, ffmpeg(t, alone, "-v", "quiet", "-f", "mp4", "-i", "pipe:0", "-frames:v", "1", "-f", "rawvideo", "pipe:1"))
			total += k.Duration
			n++
		}
		assert.Equal(t, s.Duration, total)
	}
	assert.Equal(t, 5, n)
}
