package hls_test

import (
	"errors"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
)

// FuzzPublisher gives a Publisher what an encode emits in any order, twice or not at
// all, while the Store fails, loses answers and recovers, and ends it at any moment.
// What is in the Store is true after each step, and in the end it is all there.
func FuzzPublisher(f *testing.F) {
	plan := ntsc()
	plan.Tracks = plan.Tracks[2:] // v360 and audio
	all := encode(plan, 4, 2.5).updates()
	give1 := func(n int) []byte { // the first n in their order
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i)
		}
		return b
	}
	f.Add(append(give1(len(all)), finish))
	f.Add(append(give1(7), fail, finish))
	f.Add(append([]byte{failPuts}, append(give1(6), recovered, 6, 7, loseEvents, 8, 9, finish, recovered, finish)...))
	f.Add([]byte{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, loseAll, 1, 0, fail, recovered, 0, finish})
	f.Add([]byte{0, 1, wrong + 2, 2, wrong + 3, 3, 3, wrong, 2})
	f.Fuzz(func(t *testing.T, script []byte) {
		s := newMemStore()
		s.check = consistent(t)
		p := newPublisher(t, s, plan, nil)
		var before hls.State
		for _, op := range script[:min(len(script), 40)] {
			act(t, s, p, all, op)
			now := p.State()
			checkState(t, s, before, now)
			before = now
		}
		act(t, s, p, all, recovered)
		for _, u := range all {
			if err := give(t, s, p, u); err != nil {
				require.ErrorIs(t, err, hls.ErrEnded)
			}
		}
		if err := p.Finish(t.Context()); before.Failed {
			require.ErrorIs(t, err, hls.ErrEnded)
			return
		} else if err != nil {
			t.Fatal(err)
		}
		now := p.State()
		checkState(t, s, before, now)
		require.True(t, now.Finished)
		for _, tr := range now.Tracks {
			final := parseMedia(t, s.text(path.Join(prefix, attempt, tr.Track.ID, hls.IndexName)))
			require.EqualValues(t, len(tr.Segments), final.Count())
			require.Equal(t, len(tr.Segments), tr.Contiguous)
		}
	})
}

// What a script does; smaller numbers are updates.
const (
	finish = 0x40 + iota
	fail
	failPuts   // no Put has an effect
	failMaster // the same, of the multivariant playlist
	loseAll    // every Put has its effect, and fails
	loseEvents // the same, of growing playlists
	recovered
	wrong = 0x80 // behind it an update that is spoilt
)

func act(t *testing.T, s *memStore, p *hls.Publisher, all []any, op byte) {
	t.Helper()
	named := func(name string) func(key string) error {
		return func(key string) error {
			if name == "" || path.Base(key) == name {
				return errStore
			}
			return nil
		}
	}
	var err error
	switch {
	case op >= wrong:
		require.ErrorIs(t, give(t, s, p, spoil(all[int(op-wrong)%len(all)])), hls.ErrInvalidUpdate)
	case op < finish:
		err = give(t, s, p, all[int(op)%len(all)])
	case op == finish:
		err = p.Finish(t.Context())
	case op == fail:
		err = p.Fail(t.Context())
	case op == failPuts || op == failMaster:
		name := map[byte]string{failMaster: hls.MasterName}[op]
		s.fail = func(op, key string) error {
			if op != "put" {
				return nil
			}
			return named(name)(key)
		}
	case op == loseAll || op == loseEvents:
		s.lose = named(map[byte]string{loseEvents: hls.EventName}[op])
	case op == recovered:
		s.fail, s.lose = nil, nil
	}
	var incomplete *hls.IncompleteError
	if err != nil && !errors.As(err, &incomplete) && !errors.Is(err, hls.ErrEnded) {
		require.ErrorIs(t, err, errStore)
	}
}

// spoil returns the update with something that must be refused.
func spoil(u any) any {
	switch u := u.(type) {
	case hls.Init:
		u.Timescale = 0
		return u
	case hls.Segment:
		u.Number = -1
		return u
	}
	return nil
}

// checkState holds a Publisher to what it says of itself.
func checkState(t *testing.T, s *memStore, before, now hls.State) {
	t.Helper()
	switch { // plain ifs: this runs often
	case now.Front < before.Front || now.Front > now.Duration || now.Front > 0 && !now.Playable,
		before.Playable && !now.Playable, before.Finished && !now.Finished, before.Failed && !now.Failed, now.Finished && now.Failed:
		t.Fatalf("%+v\nafter\n%+v", now, before)
	case now.Playable && s.text(path.Join(prefix, hls.MasterName)) == "":
		t.Fatal("playable without a multivariant playlist")
	}
	for i, tr := range now.Tracks {
		if i < len(before.Tracks) && tr.Contiguous < before.Tracks[i].Contiguous {
			t.Fatalf("%+v\nafter\n%+v", now, before)
		}
		for n, seg := range tr.Segments {
			if (n < tr.Contiguous) != (n == seg.Number) || seg.Number < n {
				t.Fatalf("segment %d at %d of %+v", seg.Number, n, tr)
			}
		}
	}
}
