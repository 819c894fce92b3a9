package hls_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	eyevinn "github.com/Eyevinn/hls-m3u8/m3u8"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	prefix  = "media/42"
	attempt = "a1"
)

// ntsc is a plan as encoder makes it of a 1080p source at 29.97 frames per second.
func ntsc() hls.Presentation {
	rate := hls.Rational{Num: 30000, Den: 1001}
	return hls.Presentation{
		SegmentDuration: hls.Rational{Num: 180 * 1001, Den: 30000},
		Tracks: []hls.Track{
			{ID: "v1080", Kind: hls.Video, Width: 1920, Height: 1080, FrameRate: rate, PeakBandwidth: 6_000_000, AverageBandwidth: 5_000_000},
			{ID: "v720", Kind: hls.Video, Width: 1280, Height: 720, FrameRate: rate, PeakBandwidth: 3_000_000, AverageBandwidth: 2_400_000},
			{ID: "v360", Kind: hls.Video, Width: 640, Height: 360, FrameRate: rate, PeakBandwidth: 900_000, AverageBandwidth: 700_000},
			{ID: "audio", Kind: hls.Audio, Language: "en", Name: "English", Default: true, Channels: 2, PeakBandwidth: 140_000, AverageBandwidth: 128_000},
		},
	}
}

// material is everything that an encode of a plan emits.
type material struct {
	plan     hls.Presentation
	inits    []hls.Init
	segments [][]hls.Segment // by track
}

// encode returns material of n whole segments and a tail for every track. The sizes
// are what the bit rates planned make, a little less or more by number.
func encode(plan hls.Presentation, n int, tail float64) material {
	m := material{plan: plan}
	for _, t := range plan.Tracks {
		timescale, frame, codecs := uint32(48000), int64(1024), "mp4a.40.2"
		if t.Kind == hls.Video {
			timescale, frame, codecs = uint32(t.FrameRate.Num), t.FrameRate.Den, fmt.Sprintf("avc1.6400%02x", 20+t.Height/60)
		}
		m.inits = append(m.inits, hls.Init{Track: t.ID, Key: t.ID + "/init-0f.mp4", Size: 800, Timescale: timescale, Codecs: codecs})
		var segs []hls.Segment
		var start int64
		for i := range n + 1 {
			end := float64(i+1) * plan.SegmentDuration.Float()
			if i == n {
				end = float64(n)*plan.SegmentDuration.Float() + tail
			}
			stop := int64(end*float64(timescale)/float64(frame)+0.5) * frame
			if stop <= start {
				continue
			}
			bits := float64(t.AverageBandwidth) * float64(stop-start) / float64(timescale)
			segs = append(segs, hls.Segment{
				Track: t.ID, Number: i, Key: fmt.Sprintf("%s/%d-%02x.m4s", t.ID, i, i*37%256),
				Size: int64(bits/8*(0.9+0.05*float64(i%5))) + 1, Start: start, Duration: stop - start,
			})
			start = stop
		}
		m.segments = append(m.segments, segs)
	}
	return m
}

// updates returns all updates, segment after segment, all tracks of each.
func (m material) updates() []any {
	var out []any
	for _, i := range m.inits {
		out = append(out, i)
	}
	for n := 0; ; n++ {
		more := false
		for _, segs := range m.segments {
			if n < len(segs) {
				out, more = append(out, segs[n]), true
			}
		}
		if !more {
			return out
		}
	}
}

// give stores what the update refers to, as an encoder does, and hands it over.
func give(t testing.TB, s *memStore, p *hls.Publisher, u any) error {
	t.Helper()
	switch u := u.(type) {
	case hls.Init:
		s.put(path.Join(prefix, attempt, u.Key), u.Key)
		return p.Init(t.Context(), u)
	case hls.Segment:
		s.put(path.Join(prefix, attempt, u.Key), u.Key)
		return p.Segment(t.Context(), u)
	}
	t.Fatalf("an update of type %T", u)
	return nil
}

func giveAll(t testing.TB, s *memStore, p *hls.Publisher, updates []any) {
	t.Helper()
	for _, u := range updates {
		require.NoError(t, give(t, s, p, u))
	}
}

func newPublisher(t testing.TB, s storage.Store, plan hls.Presentation, opts *hls.PublisherOptions) *hls.Publisher {
	t.Helper()
	p, err := hls.NewPublisher(s, prefix, attempt, plan, opts)
	require.NoError(t, err)
	return p
}

// parseMedia and parseMaster read a playlist with the independent parser, strictly.
func parseMedia(t testing.TB, text string) *eyevinn.MediaPlaylist {
	t.Helper()
	pl, kind, err := eyevinn.Decode(*bytes.NewBufferString(text), true)
	require.NoError(t, err, text)
	require.Equal(t, eyevinn.MEDIA, kind)
	return pl.(*eyevinn.MediaPlaylist)
}

func parseMaster(t testing.TB, text string) *eyevinn.MasterPlaylist {
	t.Helper()
	pl, kind, err := eyevinn.Decode(*bytes.NewBufferString(text), true)
	require.NoError(t, err, text)
	require.Equal(t, eyevinn.MASTER, kind)
	return pl.(*eyevinn.MasterPlaylist)
}

// refs returns the keys that a playlist refers to.
func refs(key, text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if _, after, ok := strings.Cut(line, `URI="`); ok && strings.HasPrefix(line, "#") {
			line, _, _ = strings.Cut(after, `"`)
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, path.Join(path.Dir(key), line))
		}
	}
	return out
}

// consistent returns a check for every Put of a playlist: it refers only to what is
// stored, a growing playlist is only appended to, and never after its end.
func consistent(t testing.TB) func(*memStore, string, []byte, storage.PutOptions) {
	return func(s *memStore, key string, body []byte, opts storage.PutOptions) {
		if path.Ext(key) != ".m3u8" {
			return
		}
		text := string(body)
		assert.Equal(t, "application/vnd.apple.mpegurl", opts.ContentType)
		assert.NotEmpty(t, opts.CacheControl)
		assert.EqualValues(t, len(body), opts.Size)
		for _, ref := range refs(key, text) {
			assert.Contains(t, s.objects, ref, "%s refers to what is not there", key)
		}
		if path.Base(key) == hls.MasterName {
			assert.NotEmpty(t, parseMaster(t, text).Variants)
			return
		}
		now := parseMedia(t, text)
		assert.NotZero(t, now.Count())
		if strings.HasPrefix(path.Base(key), "index") {
			assert.True(t, now.Closed)
			assert.Equal(t, eyevinn.VOD, now.MediaType)
			return
		}
		assert.Equal(t, eyevinn.EVENT, now.MediaType)
		if old, ok := s.objects[key]; ok {
			before := string(old.body)
			if strings.Contains(before, "#EXT-X-ENDLIST") {
				assert.Equal(t, before, text, "%s changes after its end", key)
			} else {
				assert.True(t, strings.HasPrefix(text, before), "%s is not appended to", key)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), got)
}
