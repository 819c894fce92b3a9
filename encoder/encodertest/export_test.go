package encodertest

import (
	"context"
	"fmt"
	"sync"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
)

// Problems encodes the job and returns what the suite would complain of. hook is
// called from emit at progress, and told how many complaints there are.
func Problems(ctx context.Context, enc encoder.Encoder, store storage.Store, job encoder.Job, anyOrder bool, hook func(count func() int) error) ([]string, error) {
	var mu sync.Mutex
	var problems []string
	c := newContract(func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, fmt.Sprintf(format, args...))
	}, store, job)
	c.anyOrder = anyOrder
	c.hook = func(u encoder.Update) error {
		if u.Progress == nil || hook == nil {
			return nil
		}
		return hook(func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(problems)
		})
	}
	err := c.encode(ctx, enc)
	return problems, err
}

// WindowProblems returns what the suite's part on windows, and that on fingerprints,
// would complain of.
func WindowProblems(ctx context.Context, enc encoder.Encoder, store storage.Store, job encoder.Job) ([]string, error) {
	var problems []string
	s := subject{enc: enc, store: store, job: job, errorf: func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf(format, args...))
	}}
	err := s.windows(ctx)
	if f, ok := enc.(encoder.Fingerprinter); ok && err == nil {
		err = s.fingerprint(ctx, f)
	}
	return problems, err
}

// ReadBytes reads an init segment and a media segment as the suite does.
func ReadBytes(init, segment []byte) error {
	i, err := readInit(init)
	if err != nil {
		return err
	}
	_, err = readSegment(segment, i)
	return err
}
