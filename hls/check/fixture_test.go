package check_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"path"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

const (
	master = "master.m3u8"
	high   = "a1/high/index.m3u8"
	low    = "a1/low/index.m3u8"
	audio  = "a1/audio/index.m3u8"
)

// plan is a job of two video renditions, whose pictures are what the fake has, and audio.
func plan(frames int64) encoder.Job {
	rate := hls.Rational{Num: 25, Den: 1}
	video := func(id string) encoder.TrackSpec {
		return encoder.TrackSpec{Track: hls.Track{ID: id, Kind: hls.Video, Width: 128, Height: 72, FrameRate: rate}}
	}
	return encoder.Job{
		Version: encoder.JobVersion, ID: "1", Output: "media/42/a1",
		Grid: encoder.Grid{FrameRate: rate, GOP: 50, Segment: 150, Frames: frames},
		Tracks: []encoder.TrackSpec{video("high"), video("low"), {
			Track: hls.Track{ID: "audio", Kind: hls.Audio, Language: "en", Name: "English", Default: true, Channels: 2}, SampleRate: 48000,
		}},
	}
}

// publish encodes a job with the fake and publishes it, whole or growing.
func publish(t testing.TB, store storage.Store, job encoder.Job, finish bool) {
	t.Helper()
	p, err := hls.NewPublisher(store, "media/42", "a1", job.Presentation(), nil)
	require.NoError(t, err)
	err = encodertest.NewFake(store, nil).Encode(t.Context(), job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			return p.Init(t.Context(), *u.Init)
		case u.Segment != nil:
			return p.Segment(t.Context(), *u.Segment)
		}
		return nil
	})
	require.NoError(t, err)
	if finish {
		require.NoError(t, p.Finish(t.Context()))
	}
}

func newStore(t testing.TB) storage.Store {
	t.Helper()
	bucket := memblob.OpenBucket(nil)
	t.Cleanup(func() { require.NoError(t, bucket.Close()) })
	return blobstore.New(bucket, nil)
}

// objects returns all objects under media/42.
func objects(t testing.TB, store storage.Store) check.Memory {
	t.Helper()
	out := check.Memory{}
	for info, err := range store.List(t.Context(), "media/42/") {
		require.NoError(t, err)
		obj, err := store.Open(t.Context(), info.Key, nil)
		require.NoError(t, err)
		b, err := io.ReadAll(obj)
		require.NoError(t, err)
		require.NoError(t, obj.Close())
		out[strings.TrimPrefix(info.Key, "media/42/")] = b
	}
	return out
}

// presentation is a good presentation of 20.04 s, to be spoiled.
type presentation struct {
	t    testing.TB
	objs check.Memory
}

func newPresentation(t testing.TB) *presentation { return newGrid(t, plan(501)) }

func newGrid(t testing.TB, job encoder.Job) *presentation {
	store := newStore(t)
	publish(t, store, job, true)
	return &presentation{t: t, objs: objects(t, store)}
}

func (p *presentation) clone(t testing.TB) *presentation {
	return &presentation{t: t, objs: maps.Clone(p.objs)}
}

// sub replaces text in a playlist, all of it that is there.
func (p *presentation) sub(name, old, new string) {
	p.t.Helper()
	require.Contains(p.t, string(p.objs[name]), old)
	p.objs[name] = []byte(strings.ReplaceAll(string(p.objs[name]), old, new))
}

// lines returns the lines of a playlist.
func (p *presentation) lines(name string) []string {
	return strings.Split(strings.TrimSuffix(string(p.objs[name]), "\n"), "\n")
}

func (p *presentation) setLines(name string, lines []string) {
	p.objs[name] = []byte(strings.Join(lines, "\n") + "\n")
}

// insert puts a line before the first that starts with prefix.
func (p *presentation) insert(name, prefix, line string) {
	p.t.Helper()
	lines := p.lines(name)
	for i, l := range lines {
		if strings.HasPrefix(l, prefix) {
			p.setLines(name, append(append(append([]string{}, lines[:i]...), line), lines[i:]...))
			return
		}
	}
	require.Fail(p.t, "no line starts with "+prefix)
}

// segments returns the keys of a track's media segments, in order.
func (p *presentation) segments(playlist string) []string {
	var out []string
	for _, l := range p.lines(playlist) {
		if l != "" && l[0] != '#' {
			out = append(out, path.Join(path.Dir(playlist), l))
		}
	}
	return out
}

func (p *presentation) init(playlist string) string {
	_, rest, _ := strings.Cut(string(p.objs[playlist]), `#EXT-X-MAP:URI="`)
	uri, _, _ := strings.Cut(rest, `"`)
	return path.Join(path.Dir(playlist), uri)
}

// edit changes the bytes of an object, in a copy.
func (p *presentation) edit(key string, f func(b []byte) []byte) {
	p.t.Helper()
	b, ok := p.objs[key]
	require.True(p.t, ok, key)
	p.objs[key] = f(bytes.Clone(b))
}

// own gives a track objects of its own: the fake's renditions share no keys, but tests
// must not depend on it.
func (p *presentation) run(opts *check.Options) check.Report {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	r, err := check.Run(ctx, p.objs, master, opts)
	require.NoError(p.t, err)
	return r
}

// rules returns the IDs of the rules that found something, each once, without those of
// the good presentation.
func rules(r check.Report, without ...string) []string {
	seen := map[string]bool{}
	for _, w := range without {
		seen[w] = true
	}
	out := []string{}
	for _, f := range r.Findings {
		if !seen[f.Rule] {
			seen[f.Rule] = true
			out = append(out, f.Rule)
		}
	}
	sort.Strings(out)
	return out
}
