package ffmpeg

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls/pack"
)

func TestUnpackable(t *testing.T) {
	for err, code := range map[error]string{
		pack.ErrOffGrid:       encoder.CodePackaging,
		pack.ErrDiscontinuity: encoder.CodePackaging,
		pack.ErrNotSync:       encoder.CodePackaging,
		pack.ErrMalformed:     encoder.CodePackaging,
		errors.New("EIO"):     encoder.CodeEncoderFailed,
	} {
		e := unpackable(fmt.Errorf("pack: %w", err), &stderrTail{})
		assert.Equal(t, code, e.Code, err)
		assert.ErrorIs(t, e, err)
		assert.False(t, e.Permanent, "one more run may tell")
		assert.NotEmpty(t, e.Message)
	}
}
