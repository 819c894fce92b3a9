package upload_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// newParallelBench starts a pipeline whose fake encoder makes windows on two slots.
func newParallelBench(t *testing.T, fake encodertest.FakeOptions, change func(*upload.Options)) (*bench, *encodertest.Fake) {
	t.Helper()
	var f *encodertest.Fake
	b := newBench(t, func(b *bench) {
		f = encodertest.NewFake(b.store, &fake)
		enc := encoder.Parallel(encoder.Limit(f, 2, nil), &encoder.ParallelOptions{Workers: 3})
		b.studio.probe = func(src encoder.Source) (encoder.Media, error) { return enc.Probe(context.Background(), src) }
		b.studio.encode = enc.Encode
		b.opts.CheckOff = false
		if change != nil {
			change(&b.opts)
		}
	})
	return b, f
}

// A pipeline takes windows of several videos side by side, as it takes one encode: what
// comes out is whole, in the checker's eyes, too, and can be played from the first
// segment on.
func TestPipelineTakesWindows(t *testing.T) {
	b, fake := newParallelBench(t, encodertest.FakeOptions{Duration: 2 * time.Minute}, nil)
	var ids []string
	for range 3 {
		ids = append(ids, b.create(upload.NewAsset{}).ID)
	}
	for _, id := range ids {
		e, err := b.rec.WaitTerminal(b.ctx, id)
		require.NoError(t, err)
		assert.Equal(t, progress.Complete, e.Status, e.Error)
		assert.Equal(t, 2*time.Minute, e.Front)
	}
	windows := map[string]int{}
	for _, j := range fake.Jobs() {
		if j.Window.Segments > 0 {
			windows[j.Output]++
		}
	}
	assert.Len(t, windows, 3)
	for output, n := range windows {
		assert.Equal(t, 9, n, "%s: 1, 2, 4, 5, 3, 2, 1, 1 and 1 segments", output)
	}
}

// While the first window is held, later ones are done; with its end the front passes all
// of them.
func TestPipelineFrontWaitsForItsWindow(t *testing.T) {
	at, on := make(chan struct{}), make(chan struct{})
	b, _ := newParallelBench(t, encodertest.FakeOptions{Duration: 42 * time.Second,
		Segment: func(ctx context.Context, job encoder.Job, number int) error {
			if job.Window.First != 0 || job.Tracks[0].Kind != hls.Video {
				return nil
			}
			close(at)
			select {
			case <-on:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}, nil)
	a := b.create(upload.NewAsset{})
	receive(t, at)
	b.eventually(func() bool {
		e, _ := b.rec.Last(a.ID)
		return e.Position == 36*time.Second
	}, "the other windows are encoded")
	e, _ := b.rec.Last(a.ID)
	assert.Zero(t, e.Front)
	assert.Empty(t, e.Playlist)
	close(on)
	e, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, e.Status, e.Error)
	assert.Equal(t, 42*time.Second, e.Front)
}

// A video whose end is missing, which a window finds out, is taken as far as it goes
// where the host allows that.
func TestPipelineTakesWindowsUpToTheEnd(t *testing.T) {
	for name, allowed := range map[string]bool{"refused": false, "allowed": true} {
		t.Run(name, func(t *testing.T) {
			b, _ := newParallelBench(t, encodertest.FakeOptions{Duration: time.Minute,
				Segment: func(_ context.Context, job encoder.Job, number int) error {
					if number >= 4 {
						return &encoder.Error{Code: encoder.CodeTruncated, Permanent: true, Message: "The end is missing."}
					}
					return nil
				}}, func(o *upload.Options) { o.AllowPartial = allowed })
			a := b.ended()
			if !allowed {
				assert.Equal(t, progress.Error, a.Status)
				assert.Equal(t, encoder.CodeTruncated, a.Error.Code)
				return
			}
			assert.Equal(t, progress.Complete, a.Status, a.Error)
			assert.Equal(t, 24*time.Second, a.Duration)
			assert.Contains(t, b.master(a), "#EXTM3U")
		})
	}
}
