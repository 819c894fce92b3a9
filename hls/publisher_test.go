package hls_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

func TestPublisherGrowsAndFinishes(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	m := encode(ntsc(), 3, 2.5)
	p := newPublisher(t, s, ntsc(), nil)
	assert.Equal(t, "media/42/master.m3u8", p.Playlist())

	updates := m.updates()
	first := len(m.inits) + len(m.plan.Tracks) // inits and every segment 0
	giveAll(t, s, p, updates[:first-1])
	assert.False(t, p.Playable())
	assert.Zero(t, p.Front())
	assert.Empty(t, s.text(p.Playlist()))

	giveAll(t, s, p, updates[first-1:first])
	assert.True(t, p.Playable())
	assert.InDelta(t, 6.006, p.Front().Seconds(), 0.03)
	master := parseMaster(t, s.text(p.Playlist()))
	assert.Equal(t, "a1/v720/event.m3u8", master.Variants[0].URI)

	giveAll(t, s, p, updates[first:])
	assert.InDelta(t, 3*6.006+2.5, p.Front().Seconds(), 0.04)
	require.NoError(t, p.Finish(t.Context()))
	master = parseMaster(t, s.text(p.Playlist()))
	assert.Equal(t, "a1/v720/index.m3u8", master.Variants[0].URI)
	for _, track := range m.plan.Tracks {
		event := s.text(path.Join(prefix, attempt, track.ID, hls.EventName))
		assert.True(t, strings.HasSuffix(event, "#EXT-X-ENDLIST\n"))
		index := parseMedia(t, s.text(path.Join(prefix, attempt, track.ID, hls.IndexName)))
		assert.EqualValues(t, 4, index.Count())
	}
	assert.Equal(t, "put media/42/master.m3u8", s.ops[len(s.ops)-1], "the multivariant playlist comes last")

	st := p.State()
	assert.True(t, st.Finished)
	assert.True(t, st.Playable)
	assert.Equal(t, p.Front(), st.Duration)
	assert.Len(t, st.Tracks[0].Segments, 4)

	before := len(s.ops)
	require.NoError(t, p.Finish(t.Context()), "again")
	require.NoError(t, p.Fail(t.Context()), "too late")
	require.NoError(t, p.Segment(t.Context(), m.segments[0][1]), "known")
	assert.Len(t, s.ops, before)
	more := m.segments[0][3]
	more.Number, more.Key = 4, "v1080/4.m4s"
	assert.ErrorIs(t, p.Segment(t.Context(), more), hls.ErrEnded)
}

// Whatever the order, whatever fails: what is stored is consistent at every moment, the
// front never goes back, and it all ends the same.
func TestPublisherAnyOrderAnyFailure(t *testing.T) {
	for seed := range uint64(80) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		plan := ntsc()
		m := encode(plan, 1+rnd.IntN(8), rnd.Float64()*6)
		if rnd.IntN(2) == 0 { // audio that ends one segment early
			last := len(m.segments) - 1
			m.segments[last] = m.segments[last][:max(1, len(m.segments[last])-1)]
		}
		s := newMemStore()
		s.check = consistent(t)
		flaky := rnd.IntN(2) == 0
		s.fail = func(op, _ string) error {
			if flaky && op == "put" && rnd.IntN(3) == 0 {
				return errStore
			}
			return nil
		}
		s.lose = func(string) error {
			if flaky && rnd.IntN(4) == 0 {
				return errStore
			}
			return nil
		}
		p := newPublisher(t, s, plan, nil)
		updates := m.updates()
		updates = append(updates, updates[rnd.IntN(len(updates))])
		if rnd.IntN(2) == 0 {
			rnd.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
		}
		var front time.Duration
		for _, u := range updates {
			if seg, ok := u.(hls.Segment); ok && rnd.IntN(8) == 0 { // somebody else's segment of that number
				seg.Key = fmt.Sprintf("%s/%d-other.m4s", seg.Track, seg.Number)
				u = seg
			}
			if err := give(t, s, p, u); err != nil {
				require.ErrorIs(t, err, errStore)
			}
			require.GreaterOrEqual(t, p.Front(), front)
			front = p.Front()
			require.True(t, front == 0 || p.Playable())
		}
		end, published := p.Finish, hls.IndexName
		if rnd.IntN(4) == 0 {
			end, published = p.Fail, hls.EventName
		}
		for end(t.Context()) != nil {
			require.True(t, flaky, "an end that fails for no reason")
		}
		require.GreaterOrEqual(t, p.Front(), front)
		if published == hls.IndexName {
			require.Equal(t, p.State().Duration, p.Front())
		}
		for i, track := range plan.Tracks {
			text := s.text(path.Join(prefix, attempt, track.ID, published))
			if text == "" {
				require.Equal(t, hls.EventName, published, "seed %d", seed)
				continue
			}
			require.Contains(t, text, "#EXT-X-ENDLIST", "seed %d", seed)
			if published == hls.IndexName {
				require.EqualValues(t, len(m.segments[i]), parseMedia(t, text).Count())
			}
		}
	}
}

func TestPublisherConcurrently(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	m := encode(ntsc(), 20, 3)
	p := newPublisher(t, s, ntsc(), nil)
	var wg sync.WaitGroup
	errs := make(chan error, len(m.segments)*2)
	for i, segs := range m.segments {
		for worker := range 2 {
			wg.Go(func() {
				err := give(t, s, p, m.inits[i])
				for _, seg := range segs {
					seg.Key = fmt.Sprintf("%s/%d-w%d.m4s", seg.Track, seg.Number, worker)
					err = errors.Join(err, give(t, s, p, seg))
					_, _, _ = p.Front(), p.Playable(), p.State()
				}
				errs <- err
			})
		}
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, p.Finish(t.Context()))
	for i, track := range m.plan.Tracks {
		pl := parseMedia(t, s.text(path.Join(prefix, attempt, track.ID, hls.IndexName)))
		assert.EqualValues(t, len(m.segments[i]), pl.Count())
	}
}

func TestPublisherSegmentBySegment(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	m := encode(ntsc(), 5, 0)
	giveAll(t, s, p, []any{m.inits[0], m.inits[1], m.inits[2], m.inits[3]})
	count := func(track string) uint {
		return parseMedia(t, s.text(path.Join(prefix, attempt, track, hls.EventName))).Count()
	}
	for n := range 5 {
		for _, segs := range m.segments[:3] {
			require.NoError(t, give(t, s, p, segs[n]))
		}
		if n > 0 {
			assert.EqualValues(t, n, count("v1080"), "video waits for the audio")
		}
		require.NoError(t, give(t, s, p, m.segments[3][n]))
		assert.EqualValues(t, n+1, count("v1080"))
		assert.EqualValues(t, n+1, count("audio"))
	}
}

func TestShortTrackHoldsNothingUp(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	p := newPublisher(t, s, ntsc(), nil)
	m := encode(ntsc(), 5, 0)
	short := m.segments[3][1]
	short.Duration /= 2
	m.segments[3] = []hls.Segment{m.segments[3][0], short}
	giveAll(t, s, p, m.updates())
	assert.InDelta(t, 5*6.006, p.Front().Seconds(), 0.01)
	require.NoError(t, p.Finish(t.Context()))
	assert.EqualValues(t, 2, parseMedia(t, s.text("media/42/a1/audio/index.m3u8")).Count())
	assert.InDelta(t, 5*6.006, p.Front().Seconds(), 0.01)
}

func TestPublisherIncomplete(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	p := newPublisher(t, s, ntsc(), nil)
	m := encode(ntsc(), 5, 0)
	giveAll(t, s, p, []any{m.inits[0], m.inits[1], m.segments[0][0], m.segments[0][1], m.segments[0][4], m.segments[1][2], m.segments[3][0]})
	err := p.Finish(t.Context())
	require.ErrorIs(t, err, hls.ErrIncomplete)
	var inc *hls.IncompleteError
	require.ErrorAs(t, err, &inc)
	assert.Equal(t, []hls.IncompleteTrack{
		{Track: "v1080", Missing: []int{2, 3}},
		{Track: "v720", Missing: []int{0, 1}},
		{Track: "v360", NoInit: true, NoSegments: true},
		{Track: "audio", NoInit: true},
	}, inc.Tracks)
	assert.Contains(t, err.Error(), `track "v1080" lacks segments [2 3]`)
	for key := range s.objects {
		assert.NotEqual(t, ".m3u8", path.Ext(key), "nothing is published")
	}

	giveAll(t, s, p, m.updates())
	require.NoError(t, p.Finish(t.Context()), "when it has come")
}

func TestPublisherFail(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	p := newPublisher(t, s, ntsc(), nil)
	m := encode(ntsc(), 5, 0)
	updates := m.updates()
	giveAll(t, s, p, updates[:len(m.inits)+4*2])
	require.NoError(t, p.Fail(t.Context()))
	for _, track := range m.plan.Tracks {
		pl := parseMedia(t, s.text(path.Join(prefix, attempt, track.ID, hls.EventName)))
		assert.True(t, pl.Closed)
		assert.EqualValues(t, 2, pl.Count())
	}
	assert.True(t, p.Playable())
	assert.True(t, p.State().Failed)
	assert.ErrorIs(t, p.Finish(t.Context()), hls.ErrEnded)
	assert.ErrorIs(t, p.Segment(t.Context(), m.segments[0][4]), hls.ErrEnded)
	require.NoError(t, p.Fail(t.Context()), "again")
}

func TestPublisherFailBeforeAnything(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	require.NoError(t, p.Fail(t.Context()))
	assert.Empty(t, s.ops)
	assert.False(t, p.Playable())
	assert.ErrorIs(t, p.Init(t.Context(), encode(ntsc(), 1, 0).inits[0]), hls.ErrEnded)
}

func TestPublisherDefersMaster(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	s.put("media/42/master.m3u8", "the older attempt")
	p := newPublisher(t, s, ntsc(), &hls.PublisherOptions{DeferMaster: true})
	giveAll(t, s, p, encode(ntsc(), 3, 2.5).updates())
	assert.Equal(t, "the older attempt", s.text(p.Playlist()))
	assert.False(t, p.Playable())
	assert.Zero(t, p.Front())
	require.NoError(t, p.Finish(t.Context()))
	assert.Contains(t, s.text(p.Playlist()), "a1/v720/index.m3u8")
	assert.Empty(t, s.text("media/42/a1/v720/event.m3u8"))
	assert.Equal(t, p.State().Duration, p.Front())
}

func TestPublisherRetriesAfterFailedPut(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	p := newPublisher(t, s, ntsc(), nil)
	m := encode(ntsc(), 2, 0)
	updates := m.updates()
	giveAll(t, s, p, updates[:7])
	for _, broken := range []string{"media/42/a1/v360/event.m3u8", "media/42/master.m3u8"} {
		s.fail = func(_, key string) error {
			if key == broken {
				return errStore
			}
			return nil
		}
		err := give(t, s, p, updates[7])
		require.ErrorIs(t, err, errStore)
		assert.Contains(t, err.Error(), broken)
		assert.False(t, p.Playable())
		assert.Zero(t, p.Front())
	}
	s.fail = nil
	require.NoError(t, give(t, s, p, updates[7]))
	assert.True(t, p.Playable())
}

func TestPublisherContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		s := newMemStore()
		p := newPublisher(t, slowStore{s, leave}, ntsc(), nil)
		updates := encode(ntsc(), 2, 0).updates()
		giveAll(t, s, p, updates[:7])
		done := make(chan error, 1)
		go func() { done <- give(t, s, p, updates[7]) }()
		synctest.Wait() // in its Puts

		ctx, cancel := context.WithCancel(t.Context())
		ends := make(chan error, 2)
		go func() { ends <- p.Finish(ctx) }()
		go func() { ends <- p.Fail(ctx) }()
		synctest.Wait()
		assert.Empty(t, ends, "they wait for the writer")
		cancel()
		assert.ErrorIs(t, <-ends, context.Canceled, "until their context ends")
		assert.ErrorIs(t, <-ends, context.Canceled)
		assert.ErrorIs(t, p.Fail(ctx), context.Canceled)
		assert.False(t, p.Playable(), "asking does not wait")
		close(leave)
		require.NoError(t, <-done)
		assert.True(t, p.Playable())
		assert.False(t, p.State().Failed)
	})
}

// slowStore holds every Put up until leave is closed.
type slowStore struct {
	*memStore
	leave <-chan struct{}
}

func (s slowStore) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	<-s.leave
	return s.memStore.Put(ctx, key, r, opts)
}

// A short segment looks like the end of its track until another comes after it. What
// was published meanwhile stays, also what a failed Put has published all the same.
func TestShortSegmentWasNotTheEnd(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	p := newPublisher(t, s, ntsc(), nil)
	m := encode(ntsc(), 5, 0)
	audio := m.segments[3]
	audio[0].Duration /= 2
	for _, i := range m.inits {
		require.NoError(t, give(t, s, p, i))
	}
	require.NoError(t, give(t, s, p, audio[0]))
	for n := range 4 {
		for _, segs := range m.segments[:3] {
			require.NoError(t, give(t, s, p, segs[n]))
		}
	}
	front := p.Front()
	assert.InDelta(t, 4*6.006, front.Seconds(), 0.01)
	s.lose = func(string) error { return errStore }
	for _, segs := range m.segments[:3] {
		if err := give(t, s, p, segs[4]); err != nil {
			require.ErrorIs(t, err, errStore)
		}
	}
	const video = "media/42/a1/v1080/event.m3u8"
	assert.EqualValues(t, 5, parseMedia(t, s.text(video)).Count(), "the Put has come through")

	s.lose = nil
	require.NoError(t, give(t, s, p, audio[1]))
	assert.GreaterOrEqual(t, p.Front(), front)
	require.NoError(t, p.Fail(t.Context()))
	assert.EqualValues(t, 5, parseMedia(t, s.text(video)).Count())
	assert.EqualValues(t, 2, parseMedia(t, s.text("media/42/a1/audio/event.m3u8")).Count())
}

func TestPublisherRefuses(t *testing.T) {
	p := newPublisher(t, newMemStore(), ntsc(), nil)
	m := encode(ntsc(), 2, 0)
	for name, change := range map[string]func(*hls.Init){
		"track":     func(i *hls.Init) { i.Track = "v4320" },
		"timescale": func(i *hls.Init) { i.Timescale = 0 },
		"codecs":    func(i *hls.Init) { i.Codecs = "" },
		"key":       func(i *hls.Init) { i.Key = "../other/init.mp4" },
	} {
		i := m.inits[0]
		change(&i)
		assert.ErrorIs(t, p.Init(t.Context(), i), hls.ErrInvalidUpdate, name)
	}
	require.NoError(t, p.Init(t.Context(), m.inits[0]))
	other := m.inits[0]
	other.Key = "v1080/init-other.mp4"
	require.NoError(t, p.Init(t.Context(), other), "the first stays")
	assert.Equal(t, m.inits[0].Key, p.State().Tracks[0].Init.Key)
	other.Timescale++
	assert.ErrorIs(t, p.Init(t.Context(), other), hls.ErrInvalidUpdate)

	for name, change := range map[string]func(*hls.Segment){
		"track":    func(s *hls.Segment) { s.Track = "" },
		"number":   func(s *hls.Segment) { s.Number = -1 },
		"far":      func(s *hls.Segment) { s.Number = 1 << 30 },
		"duration": func(s *hls.Segment) { s.Duration = 0 },
		"long":     func(s *hls.Segment) { s.Duration = 30000 * 65 / 10 },
		"size":     func(s *hls.Segment) { s.Size = 0 },
		"key":      func(s *hls.Segment) { s.Key = "/etc/passwd\n" },
	} {
		s := m.segments[0][0]
		change(&s)
		assert.ErrorIs(t, p.Segment(t.Context(), s), hls.ErrInvalidUpdate, name)
	}

	early := m.segments[1][0] // before its init, and too long by it
	early.Duration *= 2
	require.NoError(t, p.Segment(t.Context(), early))
	assert.ErrorIs(t, p.Init(t.Context(), m.inits[1]), hls.ErrInvalidUpdate)
}

func TestNewPublisherRefuses(t *testing.T) {
	for name, change := range map[string]func(*hls.Presentation){
		"no tracks":  func(p *hls.Presentation) { p.Tracks = nil },
		"duration":   func(p *hls.Presentation) { p.SegmentDuration = hls.Rational{} },
		"huge":       func(p *hls.Presentation) { p.SegmentDuration = hls.Rational{Num: 1 << 62, Den: 1} },
		"ID":         func(p *hls.Presentation) { p.Tracks[0].ID = "../x" },
		"same ID":    func(p *hls.Presentation) { p.Tracks[0].ID = p.Tracks[1].ID },
		"kind":       func(p *hls.Presentation) { p.Tracks[0].Kind = "smell" },
		"size":       func(p *hls.Presentation) { p.Tracks[0].Height = 0 },
		"frame rate": func(p *hls.Presentation) { p.Tracks[0].FrameRate.Den = 0 },
	} {
		plan := ntsc()
		change(&plan)
		_, err := hls.NewPublisher(newMemStore(), prefix, attempt, plan, nil)
		assert.ErrorIs(t, err, hls.ErrInvalidPlan, name)
	}
	for _, a := range []string{"", "a/b", "..", "a\n"} {
		_, err := hls.NewPublisher(newMemStore(), prefix, a, ntsc(), nil)
		assert.ErrorIs(t, err, storage.ErrInvalidKey, "%q", a)
	}
	_, err := hls.NewPublisher(newMemStore(), "/media", attempt, ntsc(), nil)
	assert.ErrorIs(t, err, storage.ErrInvalidKey)
}

func TestStateIsACopy(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	m := encode(ntsc(), 4, 0)
	giveAll(t, s, p, []any{m.inits[0], m.segments[0][2], m.segments[0][0]})
	st := p.State()
	assert.Equal(t, 1, st.Tracks[0].Contiguous)
	assert.Equal(t, []int{0, 2}, []int{st.Tracks[0].Segments[0].Number, st.Tracks[0].Segments[1].Number})
	assert.Equal(t, m.inits[0].Size+m.segments[0][0].Size+m.segments[0][2].Size, st.Size)
	assert.Nil(t, st.Tracks[1].Init)
	st.Tracks[0].Segments[0].Key = "changed"
	st.Tracks[0].Init.Key = "changed"
	assert.False(t, slices.ContainsFunc(p.State().Tracks[0].Segments, func(s hls.Segment) bool { return s.Key == "changed" }))
	assert.NotEqual(t, "changed", p.State().Tracks[0].Init.Key)
}

func TestPublisherAsksBeforeItReplaces(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	var asked, provisional []string
	objection := errors.New("the bytes are wrong")
	p := newPublisher(t, s, ntsc(), &hls.PublisherOptions{Check: func(_ context.Context, master []byte, final bool) error {
		for _, uri := range refs("media/42/master.m3u8", string(master)) {
			assert.NotEmpty(t, s.text(uri), "all that it refers to is there")
		}
		if !final {
			provisional = append(provisional, string(master))
			if len(provisional) == 1 {
				return objection
			}
			return nil
		}
		asked = append(asked, string(master))
		if len(asked) == 1 {
			return objection
		}
		return nil
	}})
	objected := 0
	for _, u := range encode(ntsc(), 3, 2.5).updates() {
		if err := give(t, s, p, u); err != nil {
			require.Equal(t, objection, err)
			objected++
			assert.Empty(t, s.text(p.Playlist()))
		}
	}
	assert.Equal(t, 1, objected)
	require.Len(t, provisional, 2, "before it is written, not while it grows")
	assert.Empty(t, asked)

	assert.Equal(t, objection, p.Finish(t.Context()))
	assert.Equal(t, provisional[1], s.text(p.Playlist()), "the presentation is not published")
	assert.False(t, p.State().Finished)
	require.NoError(t, p.Finish(t.Context()), "again")
	require.Len(t, asked, 2)
	assert.Equal(t, asked[0], asked[1])
	assert.Equal(t, asked[0], s.text(p.Playlist()))
	require.NoError(t, p.Finish(t.Context()))
	assert.Len(t, asked, 2, "it is published already")
}
