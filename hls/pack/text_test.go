package pack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

var (
	textTrack = hls.Track{ID: "text", Kind: hls.Subtitle, Language: "en"}
	sixes     = pack.Grid{Segment: hls.Rational{Num: 6006, Den: 1000}}
)

// text packs a WebVTT file and returns the segments' bytes.
func text(t *testing.T, vtt string, end time.Duration, opts *pack.Options) (segments []hls.Segment, bodies []string, err error) {
	t.Helper()
	store := memstore.New()
	_, err = pack.Text(t.Context(), store, "media/a/b", textTrack, sixes, end, strings.NewReader(vtt), func(e pack.Event) error {
		require.Nil(t, e.Init)
		segments = append(segments, *e.Segment)
		body := string(store.Get("media/a/b/" + e.Segment.Key))
		assert.Len(t, body, int(e.Segment.Size))
		bodies = append(bodies, body)
		return nil
	}, opts)
	return segments, bodies, err
}

func TestTextIsCutOnTheGrid(t *testing.T) {
	const vtt = "\ufeffWEBVTT - a title\nX-A: b\n\nNOTE nothing\n\nSTYLE\n::cue {}\n\n" +
		"1\n00:01.000 --> 00:02.500\nOne\n\n" +
		"00:00:05.000 --> 00:00:07.000 align:start\r\nTwo\r\nlines --> here\r\n\r\n" +
		"00:20.000 --> 00:21.000\nThree\n\n\n" +
		"00:23.000 --> 10:00:00.000\nFour"
	segments, bodies, err := text(t, vtt, 24*time.Second+500*time.Millisecond, nil)
	require.NoError(t, err)
	require.Len(t, segments, 5)
	const head = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"
	two := "\n00:00:05.000 --> 00:00:07.000 align:start\nTwo\nlines --&gt; here\n"
	four := "\n00:00:23.000 --> 00:00:24.500\nFour\n"
	assert.Equal(t, []string{
		head + "\n00:00:01.000 --> 00:00:02.500\nOne\n" + two, head + two, head,
		head + "\n00:00:20.000 --> 00:00:21.000\nThree\n" + four, head + four,
	}, bodies)
	end := int64(0)
	for n, s := range segments {
		assert.Equal(t, n, s.Number)
		assert.Equal(t, end, s.Start)
		end += s.Duration
		assert.Regexp(t, fmt.Sprintf(`^text/%d-[0-9a-f]{16}\.vtt$`, n), s.Key)
	}
	assert.EqualValues(t, 24500, end)
	assert.EqualValues(t, 476, segments[4].Duration)
}

func TestTextWithoutCues(t *testing.T) {
	segments, _, err := text(t, "WEBVTT\n", 12*time.Second, nil)
	require.NoError(t, err)
	assert.Len(t, segments, 2)
}

func TestTextLeavesOutWhatNobodySees(t *testing.T) {
	_, bodies, err := text(t, "WEBVTT\n\n00:07.000 --> 00:07.000\nNo time\n\n00:08.000 --> 00:07.000\nBackwards\n\n"+
		"00:08.000 --> 00:09.000\n\n00:01.000 --> 00:02.000\nEarlier\n\n00:13.000 --> 00:14.000\nBehind the end\n", 12*time.Second, nil)
	require.NoError(t, err)
	require.Len(t, bodies, 2)
	assert.Contains(t, bodies[0], "Earlier")
	assert.NotContains(t, bodies[1], "-->")
}

func TestTextErrors(t *testing.T) {
	killed := errors.New("killed")
	for name, c := range map[string]struct {
		vtt  string
		want error
		opts *pack.Options
	}{
		"nothing":    {"", pack.ErrNoFragments, nil},
		"no WebVTT":  {"1\n00:00:01,000 --> 00:00:02,000\nSubRip\n", pack.ErrMalformed, nil},
		"bad timing": {"WEBVTT\n\n00:01.000 --> soon\nHi\n", pack.ErrMalformed, nil},
		"bad hours":  {"WEBVTT\n\n99999999999:00:01.000 --> 00:02.000\nHi\n", pack.ErrMalformed, nil},
		"too many":   {"WEBVTT\n" + strings.Repeat("\n00:01.000 --> 00:02.000\n"+strings.Repeat("x", 100)+"\n", 11), pack.ErrTooLarge, &pack.Options{MaxSegment: 1000}},
		"long line":  {"WEBVTT\n\n" + strings.Repeat("x", 5<<20), pack.ErrTooLarge, nil},
		"killed":     {"WEBVTT\n", killed, &pack.Options{Finish: func(context.Context) error { return killed }}},
	} {
		t.Run(name, func(t *testing.T) {
			segments, _, err := text(t, c.vtt, 12*time.Second, c.opts)
			require.ErrorIs(t, err, c.want)
			var e *pack.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, "text", e.Track)
			assert.Empty(t, segments)
		})
	}
}

func TestTextStops(t *testing.T) {
	refused := errors.New("refused")
	store := memstore.New()
	_, err := pack.Text(t.Context(), store, "out", textTrack, sixes, time.Minute, strings.NewReader("WEBVTT\n"),
		func(pack.Event) error { return refused }, nil)
	require.ErrorIs(t, err, refused)
	store.Fail(refused)
	_, err = pack.Text(t.Context(), store, "out", textTrack, sixes, time.Minute, strings.NewReader("WEBVTT\n"),
		func(pack.Event) error { return nil }, nil)
	require.ErrorIs(t, err, refused)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = pack.Text(ctx, memstore.New(), "out", textTrack, sixes, time.Minute, strings.NewReader("WEBVTT\n"),
		func(pack.Event) error { return nil }, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// FuzzText: whatever comes, the segments follow one another up to the end, and each is
// WebVTT whose cues overlap it.
func FuzzText(f *testing.F) {
	f.Add("WEBVTT\n\n00:01.000 --> 00:02.500\nOne\n\n00:05.000 --> 00:17.000 line:0\nTwo\n", int64(24500))
	f.Add("WEBVTT\n\n1\n00:00:01.000 --> 999:59:59.999\nx --> y\n", int64(6006))
	f.Add("\ufeffWEBVTT\r\n\r\n00:01.000-->00:02.000\r\n\x00\xff\r\n", int64(1))
	f.Fuzz(func(t *testing.T, vtt string, end int64) {
		end = 1 + (end&0xfffff)%120_000
		segments, bodies, err := text(t, vtt, time.Duration(end)*time.Millisecond, nil)
		at := int64(0)
		for i, s := range segments {
			assert.Equal(t, i, s.Number)
			assert.Equal(t, at, s.Start)
			at += s.Duration
			assert.Positive(t, s.Duration)
			assert.True(t, strings.HasPrefix(bodies[i], "WEBVTT\nX-TIMESTAMP-MAP="))
			assert.NotContains(t, bodies[i], "\x00")
			// What was cut is still WebVTT, and says the same.
			for _, line := range strings.Split(bodies[i], "\n") {
				if strings.Contains(line, "-->") {
					assert.Regexp(t, `^\d\d+:\d\d:\d\d\.\d{3} --> \d\d+:\d\d:\d\d\.\d{3}( .*)?$`, line)
				}
			}
		}
		if err == nil {
			assert.Equal(t, end, at)
		}
	})
}
