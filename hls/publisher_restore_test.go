package hls_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
)

// journal keeps what a Publisher was given, as a host would.
type journal struct {
	given, kept []any
	err         error
}

func (j *journal) record(context.Context) error {
	if j.err != nil {
		return j.err
	}
	j.kept = append([]any(nil), j.given...)
	return nil
}

func (j *journal) restore(t *testing.T, p *hls.Publisher) {
	t.Helper()
	var inits []hls.Init
	var segs []hls.Segment
	for _, u := range j.kept {
		switch u := u.(type) {
		case hls.Init:
			inits = append(inits, u)
		case hls.Segment:
			segs = append(segs, u)
		}
	}
	require.NoError(t, p.Restore(inits, segs))
}

// A Publisher may vanish after any write: one that is restored from the record goes on,
// and no growing playlist is ever taken back, which the store checks.
func TestRestoredPublisherGoesOn(t *testing.T) {
	died := errors.New("died")
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		plan := ntsc()
		m := encode(plan, 2+rnd.IntN(6), 1+rnd.Float64()*4)
		updates := m.updates()
		rnd.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
		s := newMemStore()
		s.check = consistent(t)
		j := &journal{}
		for {
			p := newPublisher(t, s, plan, &hls.PublisherOptions{Record: j.record})
			j.restore(t, p)
			j.given = append([]any(nil), j.kept...)
			dies := rnd.IntN(len(updates) + 2)
			s.fail = func(op, key string) error {
				if dies--; dies < 0 {
					return died
				}
				return nil
			}
			var err error
			for _, u := range updates { // from the beginning: what is known is ignored
				j.given = append(j.given, u)
				if err = give(t, s, p, u); err != nil {
					break
				}
			}
			if err == nil {
				err = p.Finish(t.Context())
			}
			s.fail = nil
			if err == nil {
				break
			}
			require.ErrorIs(t, err, died)
		}
		master := parseMaster(t, s.text(hls.MasterKey(prefix)))
		assert.Equal(t, "a1/v720/index.m3u8", master.Variants[0].URI)
		for i, track := range plan.Tracks {
			index := parseMedia(t, s.text(path.Join(prefix, attempt, track.ID, hls.IndexName)))
			assert.EqualValues(t, len(m.segments[i]), index.Count())
		}
	}
}

func TestNothingIsPublishedThatIsNotRecorded(t *testing.T) {
	full := errors.New("full")
	s := newMemStore()
	m := encode(ntsc(), 1, 2)
	j := &journal{err: full}
	p := newPublisher(t, s, ntsc(), &hls.PublisherOptions{Record: j.record})
	var failed int
	for _, u := range m.updates() {
		j.given = append(j.given, u)
		if err := give(t, s, p, u); err != nil {
			require.ErrorIs(t, err, full)
			failed++
		}
	}
	assert.Positive(t, failed)
	assert.ErrorIs(t, p.Finish(t.Context()), full)
	for key := range s.objects {
		assert.False(t, strings.HasSuffix(key, ".m3u8"), key)
	}
	j.err = nil
	require.NoError(t, p.Finish(t.Context()))
	assert.Len(t, j.kept, len(m.updates()))
}

func TestRestoreRefuses(t *testing.T) {
	m := encode(ntsc(), 1, 2)
	p := newPublisher(t, newMemStore(), ntsc(), nil)
	bad := m.inits[0]
	bad.Track = "elsewhere"
	assert.ErrorIs(t, p.Restore([]hls.Init{bad}, nil), hls.ErrInvalidUpdate)
	seg := m.segments[0][0]
	seg.Duration = 0
	assert.ErrorIs(t, p.Restore(nil, []hls.Segment{seg}), hls.ErrInvalidUpdate)
}
