package check

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzPlaylist feeds anyone's playlists to the parser: no panic, memory stays bounded, and
// what is found names a rule that there is.
func FuzzPlaylist(f *testing.F) {
	addPlaylists(f)
	known := map[string]bool{}
	for _, r := range Rules() {
		known[r.ID] = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		pl, _ := parsePlaylist("a/b.m3u8", b, map[string]string{"x": "y"}, &budget{segments: 1000, text: 1 << 20})
		if len(pl.segments) > 1000 {
			t.Fatalf("%d segments", len(pl.segments))
		}
		for _, fault := range pl.faults {
			if !known[fault.rule] || fault.message == "" {
				t.Fatalf("a fault of the unknown rule %q", fault.rule)
			}
		}
		for _, s := range pl.segments {
			if s.duration < 0 || s.offset < 0 || s.length < 0 {
				t.Fatalf("%+v", s)
			}
		}
	})
}

// FuzzRun checks presentations of which every object is one playlist of anyone's making.
func FuzzRun(f *testing.F) {
	addPlaylists(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r, err := Run(ctx, anything{b}, "m.m3u8", &Options{MaxPlaylists: 3, MaxSegments: 20, Parallel: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range r.Findings {
			if found.Rule == "" || found.Message == "" {
				t.Fatalf("an empty finding: %v", found)
			}
		}
	})
}

func addPlaylists(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.m3u8")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// anything is a Source that has one object under all names.
type anything struct{ b []byte }

func (a anything) Open(ctx context.Context, _ string, offset, length int64) (*Object, error) {
	return Memory{"": a.b}.Open(ctx, "", offset, length)
}

// FuzzSegment feeds anyone's initialization and media segments: no panic, nothing is read
// twice, and what is whole has figures that make sense.
func FuzzSegment(f *testing.F) {
	for _, kind := range []string{"video", "audio"} {
		init, err := os.ReadFile("testdata/" + kind + "-init.mp4")
		if err != nil {
			f.Fatal(err)
		}
		segment, err := os.ReadFile("testdata/" + kind + ".m4s")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(init, segment, true)
		f.Add(init, segment[:len(segment)/2], false)
		f.Add(init[:len(init)-100], segment, true)
	}
	f.Fuzz(func(t *testing.T, initial, segment []byte, sized bool) {
		init := parseInit(initial)
		if init.fault != nil {
			return
		}
		if init.main() == nil {
			t.Fatal("neither a fault nor a track")
		}
		m := &media{size: int64(len(segment))}
		in := &input{
			ctx: context.Background(), r: bufio.NewReader(bytes.NewReader(segment)), body: io.NopCloser(nil),
			size: -1, most: 1 << 20,
		}
		if sized {
			in.size = m.size
		}
		if err := (&segmentReader{in: in, init: init, m: m}).boxes(); err != nil && in.read <= in.most {
			t.Fatal(err)
		}
		if in.pos > m.size {
			t.Fatalf("%d bytes of %d were read", in.pos, m.size)
		}
		for _, r := range m.runs {
			if m.whole() && (r.samples <= 0 || r.samples > maxSamples || r.end < r.decode || r.duration < 0) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
