package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/memstore"
)

func journalInit(track string) hls.Init {
	return hls.Init{Track: track, Key: track + "/init.mp4", Size: 700, Timescale: 12800, Codecs: "avc1.64001f"}
}

func journalSegment(track string, n int) hls.Segment {
	return hls.Segment{Track: track, Number: n, Key: fmt.Sprintf("%s/%d.m4s", track, n), Size: 1000, Start: int64(n) * 76800, Duration: 76800}
}

func TestJournalGivesBackWhatWasFlushed(t *testing.T) {
	store := memstore.New()
	j := newJournal(store, "a1", "media/a1/run1", "x264")
	require.NoError(t, j.flush(t.Context()), "nothing")
	assert.Empty(t, store.Keys())

	j.init(journalInit("v720"))
	j.segment(journalSegment("v720", 0))
	require.NoError(t, j.flush(t.Context()))
	j.segment(journalSegment("v720", 0)) // known
	require.NoError(t, j.flush(t.Context()))
	assert.Len(t, store.Keys(), 1)
	j.segment(journalSegment("v720", 7))
	full := errors.New("full")
	store.Fail(full)
	require.ErrorIs(t, j.flush(t.Context()), full)
	store.Fail(nil)
	require.NoError(t, j.flush(t.Context()), "what could not be recorded is kept")
	j.segment(journalSegment("v720", 8)) // never flushed

	again := newJournal(store, "a1", "media/a1/run1", "x264")
	page, err := again.load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []hls.Init{journalInit("v720")}, page.Inits)
	assert.ElementsMatch(t, []hls.Segment{journalSegment("v720", 0), journalSegment("v720", 7)}, page.Segments)
	again.segment(journalSegment("v720", 7))
	require.NoError(t, again.flush(t.Context()))
	assert.Len(t, store.Keys(), 2, "what is recorded is not recorded again")

	page, err = newJournal(store, "a1", "media/a1/run2", "x264").load(t.Context())
	require.NoError(t, err)
	assert.True(t, page.empty(), "another output has another journal")
}

func TestJournalOfAnotherRecipeIsRefused(t *testing.T) {
	store := memstore.New()
	j := newJournal(store, "a1", "media/a1/run1", "x264")
	j.segment(journalSegment("v720", 0))
	require.NoError(t, j.flush(t.Context()))
	_, err := newJournal(store, "a1", "media/a1/run1", "x265").load(t.Context())
	assert.ErrorIs(t, err, errOtherRecipe)

	for name, body := range map[string]string{
		"no JSON":           `{"version":1`,
		"a newer version":   `{"version":2,"recipe":"x264"}`,
		"a bad key":         `{"version":1,"recipe":"x264","segments":[{"track":"v","key":"../x","size":1,"duration":1}]}`,
		"no duration":       `{"version":1,"recipe":"x264","segments":[{"track":"v","key":"v/0.m4s","size":1}]}`,
		"init without size": `{"version":1,"recipe":"x264","inits":[{"track":"v","key":"v/i.mp4","timescale":1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			store.Set("journal/a1/run1/1.json", []byte(body))
			_, err := newJournal(store, "a1", "media/a1/run1", "x264").load(t.Context())
			assert.ErrorIs(t, err, errOtherRecipe)
		})
	}
}

func TestJournalConcurrently(t *testing.T) {
	store := memstore.New()
	j := newJournal(store, "a1", "media/a1/run1", "x264")
	var g sync.WaitGroup
	for track := range 4 {
		g.Go(func() {
			for n := range 50 {
				j.segment(journalSegment(fmt.Sprintf("v%d", track), n))
				if n%7 == 0 {
					assert.NoError(t, j.flush(t.Context()))
				}
			}
		})
	}
	g.Wait()
	require.NoError(t, j.flush(t.Context()))
	page, err := newJournal(store, "a1", "media/a1/run1", "x264").load(t.Context())
	require.NoError(t, err)
	assert.Len(t, page.Segments, 200)
	assert.Len(t, doneOf(page.Segments), 4)
}

func TestDoneOfFindsRuns(t *testing.T) {
	var segs []hls.Segment
	for _, n := range []int{3, 0, 1, 4, 4, 9} {
		segs = append(segs, journalSegment("v720", n))
	}
	segs = append(segs, journalSegment("audio", 2))
	assert.Equal(t, []encoder.Done{
		{Track: "v720", Window: encoder.Window{First: 0, Segments: 2}},
		{Track: "v720", Window: encoder.Window{First: 3, Segments: 2}},
		{Track: "v720", Window: encoder.Window{First: 9, Segments: 1}},
		{Track: "audio", Window: encoder.Window{First: 2, Segments: 1}},
	}, doneOf(segs))
	assert.Empty(t, doneOf(nil))
}

// FuzzDecodeJournalPage: what is taken for a page survives being written again.
func FuzzDecodeJournalPage(f *testing.F) {
	page := journalPage{Version: 1, Recipe: "x264", Inits: []hls.Init{journalInit("v720")}, Segments: []hls.Segment{journalSegment("v720", 3)}}
	good, err := json.Marshal(page)
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"version":1,"segments":[{"key":"..","number":-1}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodeJournalPage(data)
		if err != nil {
			assert.ErrorIs(t, err, errOtherRecipe)
			return
		}
		for _, s := range p.Segments {
			assert.Positive(t, s.Duration)
			assert.Positive(t, s.Size)
			assert.GreaterOrEqual(t, s.Number, 0)
		}
		again, err := json.Marshal(p)
		require.NoError(t, err)
		q, err := decodeJournalPage(again)
		require.NoError(t, err)
		assert.Equal(t, p.Recipe, q.Recipe)
		assert.Equal(t, len(p.Segments), len(q.Segments))
		assert.Equal(t, doneOf(p.Segments), doneOf(q.Segments))
	})
}
