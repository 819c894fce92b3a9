package upload_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// Whoever uploads a disc's subtitles is told that they are not there; nothing else
// about the asset is different.
func TestSubtitlesThatArePicturesAreReported(t *testing.T) {
	b := newBench(t, func(b *bench) {
		b.studio.probe = func(encoder.Source) (encoder.Media, error) {
			m := b.studio.media()
			for i, codec := range []string{"hdmv_pgs_subtitle", "dvd_subtitle"} {
				m.Streams = append(m.Streams, encoder.Stream{Index: 2 + i, Kind: encoder.SubtitleStream, Codec: codec})
			}
			return m, nil
		}
	})
	a := b.create(upload.NewAsset{})
	e, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, progress.Complete, e.Status, e.Error)
	a, err = b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	require.Len(t, a.Warnings, 1)
	assert.Equal(t, upload.CodeSubtitlesSkipped, a.Warnings[0].Code)
	assert.Contains(t, a.Warnings[0].Message, "subtitles (2)")
}
