package encodertest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/memstore"
	"github.com/vodkit/vodkit/storage"
)

// keys are those of any job.
func keys(t testing.TB) hls.KeyProvider {
	t.Helper()
	k, err := hls.NewDerivedKeys(map[string][]byte{"1": make([]byte, 32)})
	require.NoError(t, err)
	return k
}

func TestFakeKeepsTheContract(t *testing.T) {
	encodertest.Run(t, func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job) {
		store := memstore.New()
		fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 20 * time.Second, Keys: keys(t)})
		return fake, store, plan(t, fake, "a")
	})
}

// Segments may begin anywhere.
func TestFakeKeepsTheContractWithCuts(t *testing.T) {
	job := func(t *testing.T, fake *encodertest.Fake) encoder.Job {
		j := plan(t, fake, "a")
		second := int64(j.Grid.FrameRate.Float())
		j.Grid.Cuts = []int64{5 * second, 11*second + 1, 15*second + 7, 21 * second, 27*second - 3}
		return j
	}
	encodertest.Run(t, func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job) {
		store := memstore.New()
		fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 30 * time.Second})
		return fake, store, job(t, fake)
	})
	encodertest.RunAnyOrder(t, func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job) {
		store := memstore.New()
		fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 30 * time.Second})
		return encoder.Parallel(fake, &encoder.ParallelOptions{Workers: 3}), store, job(t, fake)
	})
}

func TestLimitKeepsTheContract(t *testing.T) {
	encodertest.Run(t, func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job) {
		store := memstore.New()
		fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 20 * time.Second})
		return encoder.Limit(fake, 1, nil), store, plan(t, fake, "a")
	})
}

func TestParallelKeepsTheContract(t *testing.T) {
	for name, wrap := range map[string]func(encoder.Encoder) encoder.Encoder{
		"alone":   func(e encoder.Encoder) encoder.Encoder { return e },
		"limited": func(e encoder.Encoder) encoder.Encoder { return encoder.Limit(e, 1, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			encodertest.RunAnyOrder(t, func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job) {
				store := memstore.New()
				fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 45 * time.Second, Keys: keys(t)})
				return encoder.Parallel(wrap(fake), &encoder.ParallelOptions{Workers: 3}), store, plan(t, fake, "a")
			})
		})
	}
}

// bent is a Fake whose updates go through change on their way to emit.
type bent struct {
	*encodertest.Fake
	change func(u encoder.Update, emit func(encoder.Update) error) error
}

func (b bent) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	return b.Fake.Encode(ctx, job, func(u encoder.Update) error { return b.change(u, emit) })
}

// The suite finds what it is for.
func TestSuiteHasTeeth(t *testing.T) {
	segment := func(edit func(*hls.Segment)) func(encoder.Update, func(encoder.Update) error) error {
		return func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Segment != nil && u.Segment.Number == 1 {
				edit(u.Segment)
			}
			return emit(u)
		}
	}
	store := memstore.New()
	for want, change := range map[string]func(encoder.Update, func(encoder.Update) error) error{
		"before the track's init segment": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Init != nil {
				return nil
			}
			return emit(u)
		},
		"a second init segment": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Init != nil {
				_ = emit(u)
			}
			return emit(u)
		},
		"where number 1 is due": segment(func(s *hls.Segment) { s.Number = 2 }),
		"not in the store":      segment(func(s *hls.Segment) { s.Key = "v720/7.m4s" }),
		"and the update says":   segment(func(s *hls.Segment) { s.Size++ }),
		"its samples have":      segment(func(s *hls.Segment) { s.Duration-- }),
		"the one before ends":   segment(func(s *hls.Segment) { s.Start += 5000 }),
		"does not have":         segment(func(s *hls.Segment) { s.Track = "v1" }),
		"not exactly one field": func(u encoder.Update, emit func(encoder.Update) error) error {
			u.Progress = &encoder.Progress{}
			return emit(u)
		},
		"progress goes back": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Progress != nil {
				u.Progress.Position = time.Hour - u.Progress.Position
			}
			return emit(u)
		},
		"without progress": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Progress != nil {
				return nil
			}
			return emit(u)
		},
		"again after it had returned an error": func(u encoder.Update, emit func(encoder.Update) error) error {
			_ = emit(u)
			return nil
		},
		"while another call was under way": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Progress == nil {
				return emit(u)
			}
			done := make(chan struct{})
			go func() { defer close(done); _ = emit(u) }()
			err := emit(u)
			<-done
			return err
		},
		"not under its Output": func(u encoder.Update, emit func(encoder.Update) error) error {
			store.Set("elsewhere", nil)
			return emit(u)
		},
		"has no segment": func(u encoder.Update, emit func(encoder.Update) error) error {
			if u.Segment != nil && u.Segment.Track == "audio" {
				return nil
			}
			return emit(u)
		},
		"is not there any more": func(u encoder.Update, emit func(encoder.Update) error) error {
			err := emit(u)
			if u.Init != nil {
				_ = store.Delete(context.Background(), "media/a/1/"+u.Init.Key)
			}
			return err
		},
	} {
		t.Run(want, func(t *testing.T) {
			store = memstore.New()
			fake := encodertest.NewFake(store, nil)
			var hook func(func() int) error
			switch want {
			case "again after it had returned an error":
				hook = func(func() int) error { return errors.New("stop") }
			case "while another call was under way": // the first call waits for the second
				hook = func(problems func() int) error {
					for deadline := time.Now().Add(10 * time.Second); problems() == 0 && time.Now().Before(deadline); {
						time.Sleep(time.Millisecond)
					}
					return nil
				}
			}
			problems, err := encodertest.Problems(t.Context(), bent{fake, change}, store, plan(t, fake, "a"), false, hook)
			require.NoError(t, err)
			assert.Contains(t, strings.Join(problems, "\n"), want)
		})
	}
}

// The suite sees what is encrypted otherwise than it should be.
func TestSuiteHasTeethForEncryption(t *testing.T) {
	for want, edit := range map[string]func(store *memstore.Store, job *encoder.Job, s *hls.Segment){
		`with "", not "1-a-1"`: func(_ *memstore.Store, _ *encoder.Job, s *hls.Segment) { s.KeyID = "" },
		`with "1-a-0", not`:    func(_ *memstore.Store, _ *encoder.Job, s *hls.Segment) { s.KeyID = "1-a-0" },
		"tells keyframes":      func(_ *memstore.Store, _ *encoder.Job, s *hls.Segment) { s.Keyframes = make([]hls.Keyframe, 1) },
		"is not encrypted": func(store *memstore.Store, job *encoder.Job, s *hls.Segment) {
			clear := []byte("\x00\x00\x00\x10stypmsdh\x00\x00\x00\x00")
			store.Set(job.Output+"/"+s.Key, clear)
			s.Size = int64(len(clear))
		},
		"is to be clear": func(_ *memstore.Store, job *encoder.Job, _ *hls.Segment) { job.Encryption = nil },
	} {
		t.Run(want, func(t *testing.T) {
			store := memstore.New()
			fake := encodertest.NewFake(store, &encodertest.FakeOptions{Keys: keys(t)})
			job := plan(t, fake, "a")
			job.Encryption = &encoder.Encryption{Asset: "a", Keys: "1-a", Rotate: 1}
			claimed := job
			if want == "is to be clear" {
				edit(store, &claimed, nil)
			}
			enc := doing(func(ctx context.Context, _ encoder.Job, emit func(encoder.Update) error) error {
				return fake.Encode(ctx, job, func(u encoder.Update) error {
					if s := u.Segment; s != nil && s.Number == 1 && claimed.Encryption != nil {
						edit(store, &job, s)
					}
					return emit(u)
				})
			})
			problems, err := encodertest.Problems(t.Context(), enc, store, claimed, false, nil)
			require.NoError(t, err)
			assert.Contains(t, strings.Join(problems, "\n"), want)
		})
	}
}

// doing is an Encoder.
type doing func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error

func (d doing) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	return d(ctx, job, emit)
}

func TestFakeWithoutKeys(t *testing.T) {
	store := memstore.New()
	fake := encodertest.NewFake(store, nil)
	job := plan(t, fake, "a")
	job.Encryption = &encoder.Encryption{Asset: "a", Keys: "1-a"}
	err := fake.Encode(t.Context(), job, func(encoder.Update) error {
		t.Error("something was emitted")
		return nil
	})
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeKeys, e.Code)
	assert.True(t, e.Permanent)
	assert.Empty(t, store.Keys())
}

// FuzzReadBytes holds the suite's own reader to not panicking or looping.
func FuzzReadBytes(f *testing.F) {
	store := memstore.New()
	fake := encodertest.NewFake(store, nil)
	job := plan(f, fake, "a")
	o, err := encode(context.Background(), fake, job)
	require.NoError(f, err)
	for track, init := range o.inits {
		f.Add(store.Get(job.Output+"/"+init.Key), store.Get(job.Output+"/"+o.segments[track][1].Key))
	}
	f.Fuzz(func(t *testing.T, init, segment []byte) {
		if err := encodertest.ReadBytes(init, segment); err == nil && (len(init) < 8 || len(segment) < 8) {
			t.Error("no error for nothing")
		}
	})
}
