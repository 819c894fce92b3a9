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
// segments long, with video and sound where the encoder makes both.
func Run(t *testing.T, newEncoder func(t *testing.T) (encoder.Encoder, storage.Store, encoder.Job)) {
	for _, part := range []struct {
		name string
		test func(*testing.T, encoder.Encoder, storage.Store, encoder.Job)
	}{
		{"Complete", testComplete},
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
			part.test(t, enc, store, job)
		})
	}
}

// testComplete encodes a job that went through JSON, and looks at every byte.
func testComplete(t *testing.T, enc encoder.Encoder, store storage.Store, job encoder.Job) {
	b, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	var again encoder.Job
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(job, again) {
		t.Errorf("the job is not the same after JSON:\n%+v\n%+v", job, again)
	}
	if err := newContract(t.Errorf, store, again).encode(t.Context(), enc); err != nil {
		t.Fatalf("Encode: %v", err)
	}
}

// testEmitError lets emit fail at each kind of update.
func testEmitError(t *testing.T, enc encoder.Encoder, store storage.Store, job encoder.Job) {
	for name, at := range map[string]func(encoder.Update) bool{
		"Init":     func(u encoder.Update) bool { return u.Init != nil },
		"Segment":  func(u encoder.Update) bool { return u.Segment != nil },
		"Progress": func(u encoder.Update) bool { return u.Progress != nil },
	} {
		t.Run(name, func(t *testing.T) {
			stop := errors.New("stop")
			c := newContract(t.Errorf, store, sibling(job, "emit-error-"+name))
			c.hook = func(u encoder.Update) error {
				if at(u) {
					return stop
				}
				return nil
			}
			if err := c.encode(t.Context(), enc); !errors.Is(err, stop) {
				t.Errorf("Encode returned %v, not the error of emit", err)
			}
		})
	}
}

// testCancel cancels at the first segment.
func testCancel(t *testing.T, enc encoder.Encoder, store storage.Store, job encoder.Job) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var at time.Time
	c := newContract(t.Errorf, store, job)
	c.hook = func(u encoder.Update) error {
		if u.Segment != nil && at.IsZero() {
			at = time.Now()
			cancel()
		}
		return nil
	}
	err := c.encode(ctx, enc)
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

func testCancelledBefore(t *testing.T, enc encoder.Encoder, store storage.Store, job encoder.Job) {
	ctx, cancel := context.WithCancel(t.Context())
	c := newContract(t.Errorf, store, job)
	c.hook = func(u encoder.Update) error {
		if u.Segment != nil {
			t.Errorf("emitted segment %d of %q under a context that had ended", u.Segment.Number, u.Segment.Track)
		}
		return nil
	}
	cancel()
	if err := enc.Encode(ctx, c.job, c.emit); !errors.Is(err, context.Canceled) {
		t.Errorf("Encode returned %v, not context.Canceled", err)
	}
}

// testDeadline holds emit until the context's deadline has passed.
func testDeadline(t *testing.T, enc encoder.Encoder, store storage.Store, job encoder.Job) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	c := newContract(t.Errorf, store, job)
	c.hook = func(encoder.Update) error {
		<-ctx.Done()
		return nil
	}
	if err := c.encode(ctx, enc); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Encode returned %v, not context.DeadlineExceeded", err)
	}
}

// testConcurrent runs three jobs at a time.
func testConcurrent(t *testing.T, enc encoder.Encoder, store storage.Store, job encoder.Job) {
	var wg sync.WaitGroup
	for n := range 3 {
		c := newContract(t.Errorf, store, sibling(job, fmt.Sprint(n)))
		wg.Go(func() {
			if err := enc.Encode(t.Context(), c.job, c.emit); err != nil {
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
