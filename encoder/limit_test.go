package encoder_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/encoder"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// encodeFunc makes a function an Encoder.
type encodeFunc func(ctx context.Context, job encoder.Job) error

func (f encodeFunc) Encode(ctx context.Context, job encoder.Job, _ func(encoder.Update) error) error {
	return f(ctx, job)
}

// gated is an encoder whose jobs run until they are let go, by ID.
type gated struct {
	mu      sync.Mutex
	started []string
	gates   map[string]chan struct{}
}

func newGated() *gated { return &gated{gates: map[string]chan struct{}{}} }

func (g *gated) gate(id string) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gates[id] == nil {
		g.gates[id] = make(chan struct{})
	}
	return g.gates[id]
}

func (g *gated) Encode(ctx context.Context, job encoder.Job, _ func(encoder.Update) error) error {
	gate := g.gate(job.ID)
	g.mu.Lock()
	g.started = append(g.started, job.ID)
	g.mu.Unlock()
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// order returns the jobs that have started since the last call.
func (g *gated) order() []string {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.started
	g.started = nil
	return s
}

// room is a Limited in a synctest bubble, its jobs, and what became of them.
type room struct {
	*encoder.Limited
	t    *testing.T
	enc  *gated
	errs map[string]chan error
}

func newRoom(t *testing.T, slots int64, opts *encoder.LimitOptions) *room {
	enc := newGated()
	return &room{Limited: encoder.Limit(enc, slots, opts), t: t, enc: enc, errs: map[string]chan error{}}
}

// enter brings jobs, one after the other.
func (r *room) enter(ctx context.Context, jobs ...encoder.Job) {
	for _, job := range jobs {
		err := make(chan error, 1)
		r.errs[job.ID] = err
		go func() { err <- r.Encode(ctx, job, nil) }()
		synctest.Wait()
	}
}

// finish lets jobs that run end well, one after the other.
func (r *room) finish(ids ...string) {
	r.t.Helper()
	for _, id := range ids {
		close(r.enc.gate(id))
		require.NoError(r.t, <-r.errs[id], id)
		synctest.Wait()
	}
}

func jobs(ids ...string) []encoder.Job {
	var js []encoder.Job
	for _, id := range ids {
		js = append(js, encoder.Job{ID: id})
	}
	return js
}

func TestLimitSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 2, nil)
		r.enter(t.Context(), jobs("a", "b", "c", "d")...)
		assert.Equal(t, []string{"a", "b"}, r.enc.order())
		assert.Equal(t, 2, r.Running())
		assert.Equal(t, 2, r.Waiting())
		r.finish("b")
		assert.Equal(t, []string{"c"}, r.enc.order())
		r.finish("a", "c", "d")
		assert.Equal(t, []string{"d"}, r.enc.order())
		assert.Zero(t, r.Running())
		assert.Zero(t, r.Waiting())
	})
}

func TestLimitPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 1, nil)
		r.enter(t.Context(),
			encoder.Job{ID: "running"},
			encoder.Job{ID: "low", Priority: -1},
			encoder.Job{ID: "first"},
			encoder.Job{ID: "second"},
			encoder.Job{ID: "high", Priority: 5})
		r.finish("running", "high", "first", "second", "low")
		assert.Equal(t, []string{"running", "high", "first", "second", "low"}, r.enc.order())
	})
}

// One tenant's hundred jobs do not make another's first one wait for all of them.
func TestLimitTenantsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 1, nil)
		r.enter(t.Context(),
			encoder.Job{ID: "a1", Tenant: "a"},
			encoder.Job{ID: "a2", Tenant: "a"},
			encoder.Job{ID: "a3", Tenant: "a"},
			encoder.Job{ID: "a4", Tenant: "a"},
			encoder.Job{ID: "b1", Tenant: "b"},
			encoder.Job{ID: "b2", Tenant: "b"},
			encoder.Job{ID: "c1", Tenant: "c"})
		want := []string{"a1", "b1", "c1", "a2", "b2", "a3", "a4"}
		r.finish(want...)
		assert.Equal(t, want, r.enc.order())
	})
}

func TestLimitTenantWithFewestRunningIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 4, nil)
		r.enter(t.Context(),
			encoder.Job{ID: "a1", Tenant: "a"},
			encoder.Job{ID: "a2", Tenant: "a"},
			encoder.Job{ID: "b1", Tenant: "b"}, // served last, but runs least
			encoder.Job{ID: "x1", Tenant: "x"},
			encoder.Job{ID: "x2", Tenant: "x"}, // the next from the moment it comes
			encoder.Job{ID: "a3", Tenant: "a"},
			encoder.Job{ID: "b2", Tenant: "b"})
		r.enc.order()
		r.finish("x1")
		assert.Equal(t, []string{"x2"}, r.enc.order())
		r.finish("x2")
		assert.Equal(t, []string{"b2"}, r.enc.order())
		r.finish("a1", "a2", "b1", "a3", "b2")
	})
}

// A heavy job at the head waits for all the slots that it needs, and no lighter one
// passes it meanwhile, whoever brings them.
func TestLimitHeavyJobIsNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 3, nil)
		r.enter(t.Context(), encoder.Job{ID: "a"}, encoder.Job{ID: "b"}, encoder.Job{ID: "heavy", Cost: 3})
		for i := range 10 {
			r.enter(t.Context(), encoder.Job{ID: fmt.Sprint(i), Tenant: fmt.Sprint("new", i)})
		}
		assert.Equal(t, []string{"a", "b"}, r.enc.order())
		r.enter(t.Context(), encoder.Job{ID: "urgent", Priority: 1})
		assert.Equal(t, []string{"urgent"}, r.enc.order(), "a higher priority may pass")
		r.finish("a", "urgent")
		assert.Empty(t, r.enc.order())
		r.finish("b")
		assert.Equal(t, []string{"heavy"}, r.enc.order())
		assert.Equal(t, 1, r.Running())
		r.finish("heavy")
		assert.Len(t, r.enc.order(), 3)
		for i := range 10 {
			r.finish(fmt.Sprint(i))
		}
	})
}

func TestLimitCostAboveAllSlotsTakesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 2, nil)
		r.enter(t.Context(), encoder.Job{ID: "huge", Cost: 1 << 40}, encoder.Job{ID: "small", Cost: -7})
		assert.Equal(t, []string{"huge"}, r.enc.order())
		r.finish("huge", "small")
	})
}

func TestLimitWithoutSlotsHasOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 0, nil)
		r.enter(t.Context(), jobs("a", "b")...)
		assert.Equal(t, 1, r.Running())
		r.finish("a", "b")
	})
}

func TestLimitBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 1, &encoder.LimitOptions{Backlog: 2})
		r.enter(t.Context(), jobs("a", "b", "c")...)
		err := r.Encode(t.Context(), encoder.Job{ID: "d", Priority: 9}, nil)
		require.ErrorIs(t, err, encoder.ErrBacklogFull)
		assert.Contains(t, err.Error(), `encode job "d": `)
		assert.Equal(t, 2, r.Waiting())
		r.finish("a")
		r.enter(t.Context(), jobs("e")...)
		r.finish("b", "c", "e")

		none := newRoom(t, 1, &encoder.LimitOptions{Backlog: -1})
		none.enter(t.Context(), jobs("a")...)
		require.ErrorIs(t, none.Encode(t.Context(), encoder.Job{ID: "b"}, nil), encoder.ErrBacklogFull)
		none.finish("a")
	})
}

func TestLimitCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 2, nil)
		ctx, cancel := context.WithCancel(t.Context())
		r.enter(t.Context(), encoder.Job{ID: "a"})
		r.enter(ctx, encoder.Job{ID: "heavy", Cost: 2})
		r.enter(t.Context(), encoder.Job{ID: "light"})
		assert.Equal(t, 2, r.Waiting())
		cancel()
		err := <-r.errs["heavy"]
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait()
		assert.Equal(t, []string{"a", "light"}, r.enc.order(), "what stood behind it may start")
		require.ErrorIs(t, r.Encode(ctx, encoder.Job{ID: "late"}, nil), context.Canceled)
		r.finish("a", "light")
		r.enter(t.Context(), encoder.Job{ID: "all", Cost: 2})
		assert.Equal(t, []string{"all"}, r.enc.order(), "no slot was lost")
		r.finish("all")
	})
}

func TestLimitDeadlineWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, 1, nil)
		r.enter(t.Context(), jobs("a")...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begin := time.Now()
		require.ErrorIs(t, r.Encode(ctx, encoder.Job{ID: "b"}, nil), context.DeadlineExceeded)
		assert.Equal(t, time.Hour, time.Since(begin))
		r.finish("a")
	})
}

func TestLimitErrorsAndPanicsFreeTheirSlot(t *testing.T) {
	broken := errors.New("broken")
	l := encoder.Limit(encodeFunc(func(_ context.Context, job encoder.Job) error {
		if job.ID == "panic" {
			panic(broken)
		}
		return broken
	}), 1, nil)
	require.Equal(t, broken, l.Encode(t.Context(), encoder.Job{}, nil), "as it is")
	require.Panics(t, func() { _ = l.Encode(t.Context(), encoder.Job{ID: "panic"}, nil) })
	require.Equal(t, broken, l.Encode(t.Context(), encoder.Job{}, nil))
	assert.Zero(t, l.Running())
}

func TestLimitProbe(t *testing.T) {
	_, err := encoder.Limit(newGated(), 1, nil).Probe(t.Context(), encoder.Source{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// Whatever comes and goes, the weight in use is never more than there is, no job is
// lost, and in the end nothing is held.
func TestLimitWeightNeverExceedsTheTotal(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				slots := 1 + rnd.Int64N(8)
				var used, worst, ran, refused, left atomic.Int64
				l := encoder.Limit(encodeFunc(func(ctx context.Context, job encoder.Job) error {
					cost := min(max(job.Cost, 1), slots)
					now := used.Add(cost)
					for w := worst.Load(); now > w && !worst.CompareAndSwap(w, now); w = worst.Load() {
					}
					defer used.Add(-cost)
					ran.Add(1)
					select {
					case <-time.After(time.Duration(len(job.ID)) * time.Second):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}), slots, &encoder.LimitOptions{Backlog: 50})
				const n = 300
				var wg sync.WaitGroup
				for range n {
					job := encoder.Job{
						ID:       fmt.Sprint(rnd.IntN(100_000)),
						Cost:     rnd.Int64N(2 * slots),
						Priority: rnd.IntN(3),
						Tenant:   fmt.Sprint(rnd.IntN(4)),
					}
					patience := time.Duration(1+rnd.IntN(60_000)) * time.Millisecond
					wg.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), patience)
						defer cancel()
						switch err := l.Encode(ctx, job, nil); {
						case errors.Is(err, encoder.ErrBacklogFull):
							refused.Add(1)
						case errors.Is(err, context.DeadlineExceeded):
							left.Add(1)
						default:
							assert.NoError(t, err)
						}
					})
					time.Sleep(time.Duration(rnd.IntN(1500)) * time.Millisecond)
				}
				wg.Wait()
				assert.LessOrEqual(t, worst.Load(), slots)
				assert.Positive(t, ran.Load())
				assert.LessOrEqual(t, ran.Load()+refused.Load(), int64(n))
				assert.GreaterOrEqual(t, ran.Load()+refused.Load()+left.Load(), int64(n))
				assert.Zero(t, l.Waiting())
				assert.Zero(t, l.Running())
				// Everything is free again: a job that needs all starts at once.
				start := time.Now()
				require.NoError(t, l.Encode(t.Context(), encoder.Job{ID: "x", Cost: slots}, nil))
				assert.Equal(t, time.Second, time.Since(start))
			})
		})
	}
}

func ExampleLimit() {
	ff := encodeFunc(func(context.Context, encoder.Job) error { return nil }) // ffmpeg.New(store, nil)
	enc := encoder.Limit(ff, 2, nil)                                          // two slots: two encodes at a time
	err := enc.Encode(context.Background(), encoder.Job{ID: "1"}, nil)
	fmt.Println(err, enc.Running(), enc.Waiting())
	// Output: <nil> 0 0
}
