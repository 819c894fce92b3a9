package upload_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
)

// A source whose samples turn out not to fit when they are packaged is encoded by the
// next run; where nothing may be encoded it has failed.
func TestWhatCannotBeCopiedIsEncoded(t *testing.T) {
	for name, mode := range map[string]encoder.CopyMode{"best": encoder.CopyBest, "only": encoder.CopyOnly} {
		t.Run(name, func(t *testing.T) {
			var copied []bool
			b := newBench(t, func(b *bench) {
				fake := encodertest.NewFake(b.store, nil)
				b.opts.CheckOff = false
				b.opts.Plan = &encoder.PlanOptions{Copy: mode}
				b.studio.probe = func(src encoder.Source) (encoder.Media, error) {
					return encoder.Media{Format: "mov", Duration: 20 * time.Second, Streams: []encoder.Stream{{
						Kind: encoder.VideoStream, Codec: "h264", Profile: "High", Level: 31, PixelFormat: "yuv420p", FieldOrder: "progressive",
						Width: 1280, Height: 720, FrameRate: hls.Rational{Num: 25, Den: 1}, End: 20 * time.Second, Packets: 500,
						Samples: &encoder.Samples{Bytes: 5_000_000, Peak: 2_100_000, GOP: 50, Cuts: []int64{140, 290, 440}},
					}}}, nil
				}
				b.studio.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
					copied = append(copied, job.Tracks[0].Copy)
					if job.Tracks[0].Copy {
						return &encoder.Error{Code: encoder.CodePackaging, Message: "It does not fit."}
					}
					return fake.Encode(ctx, job, emit)
				}
			})
			a := b.ended()
			assert.Equal(t, 2, a.Runs)
			assert.Equal(t, []bool{true, mode == encoder.CopyOnly}, copied)
			if mode == encoder.CopyOnly {
				assert.Equal(t, progress.Error, a.Status)
				return
			}
			assert.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
			assert.True(t, a.Uncopied)
		})
	}
}
