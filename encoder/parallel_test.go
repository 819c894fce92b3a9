package encoder_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/memstore"
)

// reel is what a job has emitted.
type reel struct {
	inits    map[string]int
	numbers  map[string][]int // in the order of emit
	progress []encoder.Progress
	have     map[string]map[int]bool
	busy     atomic.Bool
	hook     func(encoder.Update) error
}

func newReel(job encoder.Job) *reel {
	r := &reel{inits: map[string]int{}, numbers: map[string][]int{}, have: map[string]map[int]bool{}}
	for _, t := range job.Tracks {
		r.have[t.ID] = map[int]bool{}
	}
	for _, d := range job.Done {
		for n := d.First; n < d.First+d.Segments; n++ {
			r.have[d.Track][n] = true
		}
	}
	return r
}

func (r *reel) emit(u encoder.Update) error {
	if !r.busy.CompareAndSwap(false, true) {
		return errors.New("emit is called concurrently")
	}
	defer r.busy.Store(false)
	switch {
	case u.Init != nil:
		r.inits[u.Init.Track]++
	case u.Segment != nil:
		s := u.Segment
		if r.inits[s.Track] == 0 {
			return fmt.Errorf("segment %d of %s comes before the init segment", s.Number, s.Track)
		}
		r.numbers[s.Track] = append(r.numbers[s.Track], s.Number)
		r.have[s.Track][s.Number] = true
	case u.Progress != nil:
		r.progress = append(r.progress, *u.Progress)
	}
	if r.hook != nil {
		return r.hook(u)
	}
	return nil
}

// contiguous returns how many segments every track has from its start.
func (r *reel) contiguous() int {
	for n := 0; ; n++ {
		for _, have := range r.have {
			if !have[n] {
				return n
			}
		}
	}
}

// slowly makes each window's segment take a second, and the sound's a sixtieth.
func slowly(ctx context.Context, job encoder.Job, _ int) error {
	d := time.Second
	if job.Tracks[0].Kind == hls.Audio {
		d /= 60
	}
	return wait(ctx, d)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The sound begins with the first window, the front grows segment by segment, all is
// emitted once, and progress tells of it.
func TestParallelEncodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := &sketch{step: slowly}
		job := film(3000)
		r := newReel(job)
		begin := time.Now()
		moved := map[time.Duration]int{} // where the front was when
		r.hook = func(encoder.Update) error {
			moved[time.Since(begin)] = r.contiguous()
			return nil
		}
		require.NoError(t, encoder.Parallel(enc, &encoder.ParallelOptions{Workers: 2}).Encode(t.Context(), job, r.emit))
		assert.LessOrEqual(t, time.Since(begin), 11*time.Second, "two at once, to the end")
		for s := time.Duration(0); s < time.Since(begin); s += time.Second {
			assert.Less(t, moved[s], moved[s+time.Second], "the front never stands still for longer than a segment takes: %v", moved)
		}
		assert.Equal(t, map[string]int{"v720": 1, "v360": 1, "audio": 1}, r.inits)
		for track, numbers := range r.numbers {
			assert.Len(t, numbers, 20, track)
			slices.Sort(numbers)
			assert.Len(t, slices.Compact(numbers), 20, track)
		}
		var before time.Duration
		for _, p := range r.progress {
			assert.Greater(t, p.Position, before)
			before = p.Position
			assert.LessOrEqual(t, p.Speed, 12.0)
			assert.GreaterOrEqual(t, p.Speed, 6.0)
		}
		assert.Equal(t, 2*time.Minute, before)
		assert.InDelta(t, 11.5, r.progress[len(r.progress)-1].Speed, 1)
	})
}

// No more windows are with the encoder than there are workers, and the front is first.
func TestParallelWorkers(t *testing.T) {
	for _, workers := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := workers
				if want == 0 {
					want = runtime.NumCPU()
				}
				var mu sync.Mutex
				active := map[string]bool{}
				most := 0
				next := 0
				enc := encodeFunc(func(ctx context.Context, job encoder.Job) error {
					if job.Tracks[0].Kind == hls.Audio {
						return nil
					}
					mu.Lock()
					active[job.ID] = true
					most = max(most, len(active))
					assert.Less(t, job.Window.First, next+60, "windows begin in order")
					next = max(next, job.Window.First+job.Window.Segments)
					mu.Unlock()
					defer func() { mu.Lock(); delete(active, job.ID); mu.Unlock() }()
					return wait(ctx, time.Second)
				})
				err := encoder.Parallel(enc, &encoder.ParallelOptions{Workers: workers}).Encode(t.Context(), film(15_000), nothing)
				var e *encoder.Error
				require.ErrorAs(t, err, &e, "this encoder emits nothing")
				assert.Equal(t, encoder.CodeEncoderFailed, e.Code)
				assert.LessOrEqual(t, most, want)
			})
		})
	}
}

// What Done has is counted as made.
func TestParallelProgressOfTheRest(t *testing.T) {
	job := film(3000)
	job.Done = append(done("v720", 0, 5), done("v360", 0, 7)...)
	r := newReel(job)
	require.NoError(t, encoder.Parallel(&sketch{}, nil).Encode(t.Context(), job, r.emit))
	assert.Equal(t, 36*time.Second, r.progress[0].Position)
	assert.Equal(t, 2*time.Minute, r.progress[len(r.progress)-1].Position)

	job.Done = append(done("v720", 0, 20), done("v360", 0, 20)...)
	r = newReel(job)
	require.NoError(t, encoder.Parallel(&sketch{}, nil).Encode(t.Context(), job, r.emit))
	assert.Equal(t, 6*time.Second, r.progress[0].Position, "only the sound is made")
	assert.Equal(t, 2*time.Minute, r.progress[len(r.progress)-1].Position)
	assert.Equal(t, map[string]int{"audio": 1}, r.inits)
}

// A hundred jobs with random holes and timing: what is published in the end is complete,
// nothing comes twice, and each window is in order.
func TestParallelIsComplete(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			var mu sync.Mutex
			random := func(n int) time.Duration {
				mu.Lock()
				defer mu.Unlock()
				return time.Duration(rnd.IntN(n)) * time.Millisecond
			}
			job := film(300 + rnd.Int64N(9000))
			total := job.Grid.Segments()
			for range rnd.IntN(8) {
				track := job.Tracks[rnd.IntN(3)].ID
				first := rnd.IntN(total)
				n := 1 + rnd.IntN(total-first)
				job.Done = append(job.Done, done(track, first, n)...)
				if rnd.IntN(2) == 0 && track != "audio" {
					job.Done = append(job.Done, append(done("v720", first, n), done("v360", first, n)...)...)
				}
			}
			enc := &sketch{step: func(ctx context.Context, _ encoder.Job, _ int) error { return wait(ctx, random(3000)) }}
			var inner encoder.Encoder = enc
			if rnd.IntN(2) == 0 {
				inner = encoder.Limit(enc, 1+rnd.Int64N(3), nil)
			}
			opts := &encoder.ParallelOptions{Workers: 1 + rnd.IntN(4), First: rnd.IntN(4), Longest: random(90_000)}
			r := newReel(job)
			require.NoError(t, encoder.Parallel(inner, opts).Encode(t.Context(), job, r.emit), "seed %d", seed)
			assert.Equal(t, total, r.contiguous(), "seed %d", seed)
			for track, numbers := range r.numbers {
				sorted := slices.Sorted(slices.Values(numbers))
				assert.Len(t, slices.Compact(sorted), len(numbers), "seed %d: %s", seed, track)
			}
			assert.True(t, slices.IsSortedFunc(r.progress, func(a, b encoder.Progress) int { return int(a.Position - b.Position) }))
			ws, _ := enc.windows()
			for i := range ws[:max(0, len(ws)-1)] {
				assert.LessOrEqual(t, ws[i].First+ws[i].Segments, ws[i+1].First, "windows do not overlap")
			}
			if n := len(r.progress); n > 0 && len(ws) > 0 {
				assert.Equal(t, job.Grid.Duration(), r.progress[n-1].Position)
			}
		})
	}
}

func truncatedAt(first int, then func(ctx context.Context, job encoder.Job, number int) error) func(context.Context, encoder.Job, int) error {
	return func(ctx context.Context, job encoder.Job, number int) error {
		if job.Window.First == first && job.Window.Segments > 0 && number == first {
			return &encoder.Error{Code: encoder.CodeTruncated, Permanent: true, Message: "no frames"}
		}
		return then(ctx, job, number)
	}
}

// A window without frames ends the timeline: later windows stop, those before and the
// sound go on to their ends.
func TestParallelTruncated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := &sketch{step: truncatedAt(7, func(ctx context.Context, job encoder.Job, number int) error {
			if job.Tracks[0].Kind == hls.Audio {
				return wait(ctx, time.Second)
			}
			return wait(ctx, time.Duration(10-min(job.Window.First, 9))*time.Second)
		})}
		job := film(6000)
		r := newReel(job)
		err := encoder.Parallel(enc, &encoder.ParallelOptions{Workers: 4, Longest: 24 * time.Second}).Encode(t.Context(), job, r.emit)
		var e *encoder.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, encoder.CodeTruncated, e.Code)
		ws, _ := enc.windows()
		assert.Equal(t, "0 1-2 3-6 7-10", spell(ws), "none begins behind it")
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6}, slices.Sorted(slices.Values(r.numbers["v720"])))
		assert.Len(t, r.numbers["audio"], 40)
	})
}

// Windows behind the end that run already are stopped, and count no more. The first
// window without frames is what is told.
func TestParallelTruncatedStopsLaterWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := &sketch{step: func(ctx context.Context, job encoder.Job, number int) error {
			switch {
			case job.Tracks[0].Kind == hls.Audio:
				return nil
			case number == 1:
				_ = wait(ctx, 2*time.Second)
				return &encoder.Error{Code: encoder.CodeTruncated, Message: "the first"}
			case number == 9:
				return &encoder.Error{Code: encoder.CodeTruncated, Message: "a later one"}
			case number >= 3:
				_ = wait(ctx, time.Minute) // and goes on, as if it had not heard
				return nil
			}
			return wait(ctx, 3*time.Second)
		}}
		job := film(6000)
		r := newReel(job)
		begin := time.Now()
		err := encoder.Parallel(enc, &encoder.ParallelOptions{Workers: 4}).Encode(t.Context(), job, r.emit)
		var e *encoder.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "the first", e.Message)
		assert.Equal(t, 3*time.Second, time.Since(begin))
		assert.Equal(t, []int{0}, r.numbers["v720"])
	})
}

// Sound that ends early is told at the end.
func TestParallelTruncatedSound(t *testing.T) {
	enc := &sketch{step: func(_ context.Context, job encoder.Job, number int) error {
		if job.Tracks[0].Kind == hls.Audio && number == 3 {
			return &encoder.Error{Code: encoder.CodeTruncated, Message: "silence"}
		}
		return nil
	}}
	job := film(3000)
	r := newReel(job)
	err := encoder.Parallel(enc, nil).Encode(t.Context(), job, r.emit)
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "silence", e.Message)
	assert.Len(t, r.numbers["v720"], 20)
	assert.Len(t, r.numbers["audio"], 3)
}

// Another failure stops all.
func TestParallelFails(t *testing.T) {
	full := &encoder.Error{Code: encoder.CodeNoSpace, Message: "full"}
	for name, fails := range map[string]func(encoder.Job) bool{
		"window": func(j encoder.Job) bool { return j.Window.First == 3 },
		"sound":  func(j encoder.Job) bool { return j.Tracks[0].Kind == hls.Audio },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				enc := &sketch{step: func(ctx context.Context, job encoder.Job, number int) error {
					if fails(job) && number >= 3 {
						return full
					}
					return wait(ctx, time.Second)
				}}
				begin := time.Now()
				err := encoder.Parallel(enc, &encoder.ParallelOptions{Workers: 3}).Encode(t.Context(), film(60_000), nothing)
				require.ErrorIs(t, err, full)
				assert.LessOrEqual(t, time.Since(begin), 4*time.Second)
			})
		})
	}
}

// What an encoder or emit panics with ends the job, not the process.
func TestParallelPanics(t *testing.T) {
	enc := &sketch{step: func(_ context.Context, job encoder.Job, number int) error {
		if number == 2 {
			panic("out of luck")
		}
		return nil
	}}
	emits := 0
	for name, tc := range map[string]struct {
		enc  encoder.Encoder
		emit func(encoder.Update) error
	}{
		"encoder": {enc, nothing},
		"emit":    {&sketch{}, func(encoder.Update) error { emits++; panic("out of luck") }},
		"goexit":  {&sketch{step: func(context.Context, encoder.Job, int) error { runtime.Goexit(); return nil }}, nothing},
	} {
		err := encoder.Parallel(tc.enc, nil).Encode(t.Context(), film(3000), tc.emit)
		var e *encoder.Error
		require.ErrorAs(t, err, &e, name)
		assert.Equal(t, encoder.CodeEncoderFailed, e.Code)
		if name != "goexit" {
			assert.Contains(t, err.Error(), "out of luck")
		}
	}
	assert.Equal(t, 1, emits, "emit is not called again")
}

// bender changes what an encoder emits.
type bender struct {
	*sketch
	bend func(job encoder.Job, u *encoder.Update) bool
}

func (b bender) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	return b.sketch.Encode(ctx, job, func(u encoder.Update) error {
		if !b.bend(job, &u) {
			return nil
		}
		return emit(u)
	})
}

func TestParallelRefusesWhatDoesNotFit(t *testing.T) {
	for want, bend := range map[string]func(job encoder.Job, u *encoder.Update) bool{
		`init segment "v360/other.mp4" of track "v360" differs`: func(job encoder.Job, u *encoder.Update) bool {
			if u.Init != nil && u.Init.Track == "v360" && job.Window.First == 3 {
				u.Init.Key = "v360/other.mp4"
			}
			return true
		},
		`track "v1080", which is not in the job`: func(_ encoder.Job, u *encoder.Update) bool {
			if u.Init != nil {
				u.Init.Track = "v1080"
			}
			return true
		},
		"segment 4 of track": func(_ encoder.Job, u *encoder.Update) bool { return u.Segment == nil || u.Segment.Number != 3 },
		"segment 6 of track \"v720\" was left out": func(_ encoder.Job, u *encoder.Update) bool {
			return u.Segment == nil || u.Segment.Number != 6 || u.Segment.Track == "audio"
		},
		"comes where number 1 is due": func(job encoder.Job, u *encoder.Update) bool {
			if u.Segment != nil && job.Window.First == 1 {
				u.Segment.Number--
			}
			return true
		},
	} {
		t.Run(want, func(t *testing.T) {
			err := encoder.Parallel(bender{&sketch{}, bend}, &encoder.ParallelOptions{Workers: 1}).Encode(t.Context(), film(3000), nothing)
			var e *encoder.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, encoder.CodeEncoderFailed, e.Code)
			assert.False(t, e.Permanent)
			assert.Contains(t, err.Error(), want)
		})
	}
}

// wide is an encoder that makes a segment more than its window has.
type wide struct{ *sketch }

func (w wide) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	if job.Window.Segments > 0 {
		job.Window.Segments++
	}
	return w.sketch.Encode(ctx, job, emit)
}

func TestParallelRefusesWhatIsBehindAWindow(t *testing.T) {
	err := encoder.Parallel(wide{&sketch{}}, &encoder.ParallelOptions{Workers: 1}).Encode(t.Context(), film(3000), nothing)
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeEncoderFailed, e.Code)
	assert.Contains(t, err.Error(), `segment 1 of track "v720" comes behind the end of its window, 1`)
}

// The very last segment may be too short to be one.
func TestParallelMayLackTheLastSegment(t *testing.T) {
	r := newReel(film(301))
	err := encoder.Parallel(bender{&sketch{}, func(_ encoder.Job, u *encoder.Update) bool {
		return u.Segment == nil || u.Segment.Number != 2
	}}, nil).Encode(t.Context(), film(301), r.emit)
	require.NoError(t, err)
	assert.Equal(t, 2, r.contiguous())
}

func TestParallelEmitError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("stop")
		calls := 0
		err := encoder.Parallel(&sketch{step: slowly}, &encoder.ParallelOptions{Workers: 3}).Encode(t.Context(), film(30_000),
			func(u encoder.Update) error {
				if calls++; calls == 40 {
					return stop
				}
				return nil
			})
		require.ErrorIs(t, err, stop)
		assert.Equal(t, 40, calls)
	})
}

func TestParallelCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		err := encoder.Parallel(encoder.Limit(&sketch{step: slowly}, 1, nil), nil).Encode(ctx, film(30_000), nothing)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(begin))
		enc := &sketch{}
		require.ErrorIs(t, encoder.Parallel(enc, nil).Encode(ctx, film(30_000), nothing), context.DeadlineExceeded)
		assert.Empty(t, enc.jobs)
	})
}

// On one slot the first window comes first, whatever order goroutines run in.
func TestParallelOverLimitBeginsAtTheFront(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			enc := &sketch{step: slowly}
			require.NoError(t, encoder.Parallel(encoder.Limit(enc, 1, nil), &encoder.ParallelOptions{Workers: 4}).Encode(t.Context(), film(1500), nothing))
			var order []int
			for _, j := range enc.jobs {
				if j.Window.Segments > 0 {
					order = append(order, j.Window.First)
				}
			}
			assert.Equal(t, []int{0, 1, 3, 5, 7, 8, 9}, order)
		})
	}
}

// A limit without room refuses a job as a whole, and none in its middle.
func TestParallelOverLimitWithBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := encoder.Parallel(encoder.Limit(&sketch{step: slowly}, 1, &encoder.LimitOptions{Backlog: -1}), &encoder.ParallelOptions{Workers: 4})
		first := make(chan error, 1)
		go func() { first <- p.Encode(t.Context(), film(3000), nothing) }()
		synctest.Wait()
		other := film(3000)
		other.Output = "media/other/1"
		r := newReel(other)
		require.ErrorIs(t, p.Encode(t.Context(), other, r.emit), encoder.ErrBacklogFull)
		require.NoError(t, <-first)
		require.NoError(t, p.Encode(t.Context(), other, r.emit))
		assert.Equal(t, 20, r.contiguous())
	})
}

func TestParallelForwards(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	fake := encodertest.NewFake(store, nil)
	p := encoder.Parallel(encoder.Limit(fake, 1, nil), nil)
	m, err := p.Probe(ctx, encoder.Source{})
	require.NoError(t, err)
	assert.True(t, m.Windowable)
	print, err := p.Fingerprint(ctx)
	require.NoError(t, err)
	assert.Equal(t, "fake-1", print)

	p = encoder.Parallel(encoder.Limit(&sketch{}, 1, nil), nil)
	_, err = p.Probe(ctx, encoder.Source{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = p.Fingerprint(ctx)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// Two slots for all videos; each video can be played after its first segment.
func ExampleParallel() {
	store := memstore.New()                                                                // any storage.Store
	ff := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 42 * time.Second}) // ffmpeg.New(store, nil)
	enc := encoder.Parallel(encoder.Limit(ff, 2, nil), &encoder.ParallelOptions{Workers: 1})

	ctx := context.Background()
	media, _ := enc.Probe(ctx, encoder.Source{})
	grid, tracks, _ := encoder.Plan(media, &encoder.PlanOptions{MaxRenditions: 1})
	job := encoder.Job{ID: "1", Output: "media/42/1", Media: media, Grid: grid, Tracks: tracks}
	err := enc.Encode(ctx, job, func(u encoder.Update) error {
		if u.Progress != nil {
			fmt.Println(u.Progress.Position, "of", grid.Duration())
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// 6s of 42s
	// 12s of 42s
	// 18s of 42s
	// 24s of 42s
	// 30s of 42s
	// 36s of 42s
	// 42s of 42s
	// <nil>
}
