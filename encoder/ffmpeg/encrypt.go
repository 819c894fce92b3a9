package ffmpeg

import (
	"context"
	"sync"

	"github.com/vodkit/vodkit/encoder"
)

// sealer has the keys of a job's segments. Each is asked for once.
type sealer struct {
	e   *Encoder
	enc *encoder.Encryption

	mu    sync.Mutex
	known map[string][]byte // by id
}

// sealer returns the sealer of a job, nil where nothing is encrypted. It asks for the key
// of the first segment, so that a job that lacks its keys fails before it has begun.
func (e *Encoder) sealer(ctx context.Context, job encoder.Job) (*sealer, error) {
	if job.Encryption == nil {
		return nil, nil
	}
	s := &sealer{e: e, enc: job.Encryption, known: map[string][]byte{}}
	_, _, err := s.key(ctx, job.Window.First)
	return s, err
}

// key returns the key of segment number and its id.
func (s *sealer) key(ctx context.Context, number int) (id string, key []byte, err error) {
	id = s.enc.KeyID(number)
	s.mu.Lock()
	key, ok := s.known[id]
	s.mu.Unlock()
	if ok {
		return id, key, nil
	}
	if id, key, err = s.enc.Key(ctx, s.e.opts.Keys, number); err != nil {
		return "", nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[id] = key
	return id, key, nil
}

// encrypt is pack.Options.Encrypt of the run, nil where nothing is encrypted. The time that
// a key takes is ours.
func (r *run) encrypt() func(ctx context.Context, number int) (string, []byte, error) {
	if r.sealer == nil {
		return nil
	}
	return func(ctx context.Context, number int) (string, []byte, error) {
		defer r.act.ours()()
		return r.sealer.key(ctx, number)
	}
}
