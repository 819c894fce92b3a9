package encoder_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

var (
	onlyVideo = []encoder.TrackSpec{{Track: hls.Track{ID: "v", Kind: hls.Video}}}
	onlySound = []encoder.TrackSpec{{Track: hls.Track{ID: "a", Kind: hls.Audio}}}
)

// windowJobs are windows of an asset, of a segment each.
func windowJobs(asset string, from, to int) (js []encoder.Job) {
	for n := from; n < to; n++ {
		js = append(js, encoder.Job{ID: fmt.Sprint(asset, n), Output: asset, Tracks: onlyVideo, Window: encoder.Window{First: n, Segments: 1}})
	}
	return js
}

// A clip that comes while the windows of a film wait is next, though its tenant is the
// film's; so is a second one, and then the film goes on between them.
func TestLimitAssetsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 1, nil)
		r.enter(t.Context(), windowJobs("film", 0, 4)...)
		time.Sleep(time.Second)
		r.enter(t.Context(), windowJobs("clip", 0, 2)...)
		r.enter(t.Context(), windowJobs("other", 0, 1)...)
		for _, id := range []string{"film0", "clip0", "other0", "film1", "clip1", "film2", "film3"} {
			assert.Equal(t, []string{id}, r.enc.order())
			time.Sleep(time.Second)
			r.finish(id)
		}
	})
}

func TestLimitAssetWithFewestRunningIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 3, nil)
		r.enter(t.Context(), windowJobs("film", 0, 6)...)
		time.Sleep(time.Minute)
		r.enter(t.Context(), windowJobs("clip", 0, 3)...)
		assert.Equal(t, []string{"film0", "film1", "film2"}, r.enc.order())
		r.finish("film0")
		assert.Equal(t, []string{"clip0"}, r.enc.order())
		time.Sleep(time.Hour) // so that the clip has had its share, and more
		r.finish("film2")
		assert.Equal(t, []string{"clip1"}, r.enc.order(), "level, and the film has just given a slot back")
		r.finish("clip0")
		assert.Equal(t, []string{"film3"}, r.enc.order())
		r.finish("film1", "clip1", "film3", "film4", "film5", "clip2")
	})
}

// Among an asset's windows the front comes first, however they came.
func TestLimitFrontFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 1, nil)
		ws := windowJobs("film", 0, 4)
		r.enter(t.Context(), ws[2], ws[3], ws[1], ws[0])
		r.finish("film2", "film0", "film1", "film3")
		assert.Equal(t, []string{"film2", "film0", "film1", "film3"}, r.enc.order())
	})
}

// A stream of new clips does not keep a film from its share, whether they are one
// tenant's or each another's.
func TestLimitNewcomersDoNotStarveAnyone(t *testing.T) {
	for name, tenant := range map[string]func(int) string{
		"one":  func(int) string { return "" },
		"many": func(n int) string { return fmt.Sprint("t", n) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				had := map[string]time.Duration{}
				l := encoder.Limit(encodeFunc(func(ctx context.Context, job encoder.Job) error {
					d := 10 * time.Second
					if job.Output == "film" {
						d = time.Minute
					}
					mu.Lock()
					had[job.Output] += d
					mu.Unlock()
					return wait(ctx, d)
				}), 1, nil)
				ctx, stop := context.WithTimeout(t.Context(), 2*time.Hour)
				defer stop()
				var wg sync.WaitGroup
				for _, j := range windowJobs("film", 0, 200) {
					wg.Go(func() { _ = l.Encode(ctx, j, nil) })
				}
				var n atomic.Int64
				for range 3 { // so that two clips always wait
					wg.Go(func() {
						for ctx.Err() == nil {
							n := int(n.Add(1))
							clip := encoder.Job{ID: fmt.Sprint("clip", n), Output: fmt.Sprint("clip", n), Tenant: tenant(n), Tracks: onlyVideo}
							_ = l.Encode(ctx, clip, nil)
						}
					})
				}
				wg.Wait()
				assert.GreaterOrEqual(t, had["film"], 30*time.Minute)
				assert.LessOrEqual(t, had["film"], 95*time.Minute)
			})
		})
	}
}

// A two-hour film whose windows are all queued delays a ten-second clip by one window at
// most, through Parallel and Limit, on one slot and on three, for one tenant or two.
func TestLimitFilmDelaysClipByOneWindow(t *testing.T) {
	for _, slots := range []int64{1, 3} {
		for name, tenant := range map[string]string{"same tenant": "studio", "another": "you"} {
			t.Run(fmt.Sprint(slots, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const longest = 10 * time.Second // that a window takes
					enc := &sketch{step: slowly}
					p := encoder.Parallel(encoder.Limit(enc, slots, &encoder.LimitOptions{Weight: func(tenant string) int {
						return map[string]int{"studio": 5}[tenant]
					}}), &encoder.ParallelOptions{Workers: 8})
					ctx, stop := context.WithCancel(t.Context())
					var wg sync.WaitGroup
					movie := film(7200 * 25)
					movie.Cost = 0
					wg.Go(func() { _ = p.Encode(ctx, movie, nothing) })
					rnd := rand.New(rand.NewPCG(uint64(slots), 3))
					for n := range 20 {
						time.Sleep(time.Duration(20_000+rnd.IntN(20_000)) * time.Millisecond)
						clip := film(250)
						clip.ID, clip.Output, clip.Tenant, clip.Cost = fmt.Sprint("clip", n), fmt.Sprint("media/clip/", n), tenant, 0
						begin := time.Now()
						require.NoError(t, p.Encode(ctx, clip, nothing))
						assert.LessOrEqual(t, time.Since(begin), longest+2*time.Second, "its own two segments take two seconds")
					}
					stop()
					wg.Wait()
				})
			})
		}
	}
}

// Tenants share the slots in the ratio of their weights, on any number of slots and with
// jobs of any length.
func TestLimitWeights(t *testing.T) {
	weights := map[string]int{"a": 1, "b": 2, "c": 4, "lazy": -3}
	lengths := map[string]time.Duration{"a": 40 * time.Second, "b": 10 * time.Second, "c": 25 * time.Second}
	for _, slots := range []int64{1, 2, 3, 7, 14} {
		for name, length := range map[string]func(string) time.Duration{
			"equal":     func(string) time.Duration { return 20 * time.Second },
			"different": func(tenant string) time.Duration { return lengths[tenant] },
		} {
			t.Run(fmt.Sprint(slots, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var mu sync.Mutex
					had := map[string]time.Duration{}
					l := encoder.Limit(encodeFunc(func(ctx context.Context, job encoder.Job) error {
						begin := time.Now()
						defer func() {
							mu.Lock()
							defer mu.Unlock()
							had[job.Tenant] += time.Since(begin)
						}()
						return wait(ctx, length(job.Tenant))
					}), slots, &encoder.LimitOptions{Weight: func(tenant string) int { return weights[tenant] }})
					hours := 14.0 / float64(slots)
					ctx, stop := context.WithTimeout(t.Context(), time.Duration(hours*float64(time.Hour)))
					defer stop()
					var wg sync.WaitGroup
					for tenant := range lengths {
						for n := range 2 * slots { // so many always wait or run
							wg.Go(func() {
								for ctx.Err() == nil {
									_ = l.Encode(ctx, encoder.Job{ID: "x", Output: fmt.Sprint(tenant, n), Tenant: tenant, Tracks: onlyVideo}, nil)
								}
							})
						}
					}
					wg.Wait()
					for tenant, want := range map[string]float64{"a": 2, "b": 4, "c": 8} {
						assert.InDelta(t, want, had[tenant].Hours(), 0.1, "%v", had)
					}
				})
			})
		}
	}
}

// Seven slots are shared at once, without waiting for turns.
func TestLimitWeightsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 7, &encoder.LimitOptions{Weight: func(tenant string) int { return len(tenant) }})
		r.enter(t.Context(), encoder.Job{ID: "all", Cost: 7, Tenant: "x"})
		var ids []string
		for n := range 7 {
			for _, tenant := range []string{"a", "bb", "cccc"} {
				j := encoder.Job{ID: fmt.Sprint(tenant, n), Tenant: tenant}
				r.enter(t.Context(), j)
				ids = append(ids, j.ID)
			}
		}
		r.finish("all")
		running := map[byte]int{}
		for _, id := range r.enc.order()[1:] {
			running[id[0]]++
		}
		assert.Equal(t, map[byte]int{'a': 1, 'b': 2, 'c': 4}, running)
		for _, id := range ids {
			close(r.enc.gate(id))
		}
		for _, id := range ids {
			require.NoError(t, <-r.errs[id])
		}
	})
}

// Sound takes no slot of the pictures, nor they one of its.
func TestLimitSoundIsLight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 2, nil)
		sound := func(asset string) encoder.Job {
			return encoder.Job{ID: asset + "-sound", Output: asset, Tracks: onlySound, Cost: 9}
		}
		r.enter(t.Context(), sound("a"), sound("b"), sound("c"))
		r.enter(t.Context(), windowJobs("a", 0, 3)...)
		assert.Equal(t, []string{"a-sound", "b-sound", "a0", "a1"}, r.enc.order())
		assert.Equal(t, 4, r.Running())
		assert.Equal(t, 2, r.Waiting())
		r.finish("a-sound")
		assert.Equal(t, []string{"c-sound"}, r.enc.order())
		r.finish("a1")
		assert.Equal(t, []string{"a2"}, r.enc.order())
		r.finish("a0", "a2", "b-sound", "c-sound")
		assert.Zero(t, r.Running()+r.Waiting())
	})
}

// The backlog is asked when something begins, not in the middle of it.
func TestLimitBacklogLetsPartsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 1, &encoder.LimitOptions{Backlog: 1})
		ws := windowJobs("film", 0, 4)
		r.enter(t.Context(), ws[0], ws[1], ws[2], encoder.Job{ID: "film-sound", Output: "film", Tracks: onlySound})
		assert.Equal(t, 2, r.Waiting())
		for _, refused := range []encoder.Job{{ID: "x"}, {ID: "y", Output: "y", Tracks: onlyVideo}, windowJobs("z", 0, 1)[0]} {
			require.ErrorIs(t, r.Encode(t.Context(), refused, nil), encoder.ErrBacklogFull)
		}
		r.enter(t.Context(), windowJobs("other", 7, 8)...) // has been let in before
		assert.Equal(t, 3, r.Waiting())
		r.finish("film0", "other7", "film1", "film2", "film-sound")
	})
}

// What is remembered of those who have left goes with the last of them.
func TestLimitForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := encoder.Limit(encodeFunc(func(ctx context.Context, _ encoder.Job) error { return wait(ctx, time.Second) }), 1, nil)
		for round := range 2 {
			var wg sync.WaitGroup
			for n := range 50 {
				wg.Go(func() {
					j := encoder.Job{ID: "x", Output: fmt.Sprint(round, n), Tenant: fmt.Sprint(n % 7), Tracks: onlyVideo}
					assert.NoError(t, l.Encode(t.Context(), j, nil))
				})
			}
			wg.Wait()
			assert.Empty(t, maps.Collect(l.Shares()))
		}
	})
}
