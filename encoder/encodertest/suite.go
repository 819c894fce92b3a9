package encodertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
)

// grace is how long a cancelled Encode may take: the second of the contract, and some
// for a busy machine.
const grace = 5 * time.Second

// Run checks that an Encoder keeps the contract of [encoder.Encoder]. newEncoder is called for
// each part of the suite and returns an encoder, the Store that it writes to (one that
// no other call has returned) and a job that it can do in seconds: at least two
// segments long, with video and sound where the encoder makes both. Where the job's Media
// is Windowable, windows of it are tried, too.
func Run(t *testing.T, newEncoder func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job)) {
	runSuite(t, newEncoder, false)
}

// RunAnyOrder is Run for an Encoder whose segments may come in any order, each once, as
// those of [encoder.Parallel] do.
func RunAnyOrder(t *testing.T, newEncoder func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job)) {
	runSuite(t, newEncoder, true)
}

// subject is what a part of the suite looks at.
type subject struct {
	enc      encoder.Encoder
	store    storage.Store
	job      encoder.Job
	anyOrder bool
	errorf   func(format string, args ...any)
}

// watch returns a contract for the job.
func (s subject) watch(job encoder.Job) *contract {
	c := newContract(s.errorf, s.store, job)
	c.anyOrder = s.anyOrder
	return c
}

func runSuite(t *testing.T, newEncoder func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job), anyOrder bool) {
	for _, part := range []struct {
		name string
		test func(*testing.T, subject)
	}{
		{"Complete", testComplete},
		{"Windows", testWindows},
		{"Encrypted", testEncrypted},
		{"Fingerprint", testFingerprint},
		{"EmitError", testEmitError},
		{"Cancel", testCancel},
		{"CancelledBefore", testCancelledBefore},
		{"Deadline", testDeadline},
		{"Concurrent", testConcurrent},
	} {
		t.Run(part.name, func(t *testing.T) {
			enc, store, job := newEncoder(t)
			if f := job.Grid.Frames; f > 0 && f <= int64(job.Grid.Segment) || len(job.Tracks) == 0 {
				t.Fatalf("the suite needs a job with tracks and at least two segments")
			}
			part.test(t, subject{enc: enc, store: store, job: job, anyOrder: anyOrder, errorf: t.Errorf})
		})
	}
}

// testComplete encodes a job that went through JSON, and looks at every byte.
func testComplete(t *testing.T, s subject) {
	b, err := json.Marshal(s.job)
	if err != nil {
		t.Fatal(err)
	}
	var again encoder.Job
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s.job, again) {
		t.Errorf("the job is not the same after JSON:\n%+v\n%+v", s.job, again)
	}
	if err := s.watch(again).encode(t.Context(), s.enc); err != nil {
		t.Fatalf("Encode: %v", err)
	}
}

// testEmitError lets emit fail at each kind of update.
func testEmitError(t *testing.T, s subject) {
	for name, at := range map[string]func(encoder.Update) bool{
		"Init":     func(u encoder.Update) bool { return u.Init != nil },
		"Segment":  func(u encoder.Update) bool { return u.Segment != nil },
		"Progress": func(u encoder.Update) bool { return u.Progress != nil },
	} {
		t.Run(name, func(t *testing.T) {
			stop := errors.New("stop")
			s := s
			s.errorf = t.Errorf
			c := s.watch(sibling(s.job, "emit-error-"+name))
			c.hook = func(u encoder.Update) error {
				if at(u) {
					return stop
				}
				return nil
			}
			if err := c.encode(t.Context(), s.enc); !errors.Is(err, stop) {
				t.Errorf("Encode returned %v, not the error of emit", err)
			}
		})
	}
}

// testCancel cancels at the first segment.
func testCancel(t *testing.T, s subject) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var at time.Time
	c := s.watch(s.job)
	c.hook = func(u encoder.Update) error {
		if u.Segment != nil && at.IsZero() {
			at = time.Now()
			cancel()
		}
		return nil
	}
	err := c.encode(ctx, s.enc)
	if at.IsZero() {
		t.Fatalf("Encode emitted no segment and returned %v", err)
	}
	if took := time.Since(at); took > grace {
		t.Errorf("Encode returned %s after its context had been cancelled", took)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Encode returned %v, not context.Canceled", err)
	}
}

func testCancelledBefore(t *testing.T, s subject) {
	ctx, cancel := context.WithCancel(t.Context())
	c := s.watch(s.job)
	c.hook = func(u encoder.Update) error {
		if u.Segment != nil {
			t.Errorf("emitted segment %d of %q under a context that had ended", u.Segment.Number, u.Segment.Track)
		}
		return nil
	}
	cancel()
	if err := s.enc.Encode(ctx, c.job, c.emit); !errors.Is(err, context.Canceled) {
		t.Errorf("Encode returned %v, not context.Canceled", err)
	}
}

// testDeadline holds emit until the context's deadline has passed.
func testDeadline(t *testing.T, s subject) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	c := s.watch(s.job)
	c.hook = func(encoder.Update) error {
		<-ctx.Done()
		return nil
	}
	if err := c.encode(ctx, s.enc); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Encode returned %v, not context.DeadlineExceeded", err)
	}
}

// testConcurrent runs three jobs at a time.
func testConcurrent(t *testing.T, s subject) {
	var wg sync.WaitGroup
	for n := range 3 {
		c := s.watch(sibling(s.job, fmt.Sprint(n)))
		wg.Go(func() {
			if err := s.enc.Encode(t.Context(), c.job, c.emit); err != nil {
				t.Errorf("Encode of job %s: %v", c.job.ID, err)
				return
			}
			c.ended.Store(true)
			c.stillThere(t.Context())
			c.complete()
		})
	}
	wg.Wait()
}

// sibling returns the job under another name and Output.
func sibling(job encoder.Job, name string) encoder.Job {
	job.ID += "-" + name
	job.Output += "-" + name
	return job
}
