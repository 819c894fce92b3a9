package encoder_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// soundMoved encodes a film whose pictures take so long for each segment, and returns when
// each segment of the sound came.
func soundMoved(t *testing.T, picture time.Duration, job encoder.Job, failure error) (moved []time.Duration) {
	t.Helper()
	enc := &sketch{step: func(ctx context.Context, job encoder.Job, _ int) error {
		if job.Tracks[0].Kind == hls.Audio {
			return nil
		}
		if err := wait(ctx, picture); err != nil {
			return err
		}
		return failure
	}}
	begun := time.Now()
	err := encoder.Parallel(enc, &encoder.ParallelOptions{Workers: 2}).Encode(t.Context(), job, func(u encoder.Update) error {
		if u.Segment != nil && u.Segment.Track == "audio" {
			moved = append(moved, time.Since(begun))
		}
		return nil
	})
	require.ErrorIs(t, err, failure)
	return moved
}

// The sound goes no further than its first segment until that has its pictures, so that
// it takes nothing from them; but not for ever.
func TestParallelSoundWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		moved := soundMoved(t, 5*time.Second, film(600), nil)
		assert.Equal(t, []time.Duration{0, 5 * time.Second, 5 * time.Second, 5 * time.Second}, moved)
	})
	synctest.Test(t, func(t *testing.T) {
		moved := soundMoved(t, time.Minute, film(450), nil)
		assert.Equal(t, []time.Duration{0, 15 * time.Second, 15 * time.Second}, moved, "the pictures may be in a queue")
	})
	synctest.Test(t, func(t *testing.T) {
		job := film(450)
		job.Done = append(done("v720", 0, 1), done("v360", 0, 1)...)
		assert.Equal(t, []time.Duration{0, 0, 0}, soundMoved(t, time.Minute, job, nil), "the first pictures are there")
	})
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		soundMoved(t, time.Second, film(450), errors.New("it broke"))
		assert.Equal(t, time.Second, time.Since(begun), "it does not wait for what has failed")
	})
}
