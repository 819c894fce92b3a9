package check_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vodkit/vodkit/hls/check"
)

// FuzzPlaylist feeds anyone's playlists to the parser: no panic, memory stays bounded, and
// what is found names a rule that there is.
func FuzzPlaylist(f *testing.F) {
	addPlaylists(f)
	known := map[string]bool{}
	for _, r := range check.Rules() {
		known[r.ID] = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		pl := check.ParsePlaylist(b)
		if pl.Segments > 1000 || pl.Negative {
			t.Fatalf("%+v", pl)
		}
		for _, rule := range pl.Rules {
			if !known[rule] {
				t.Fatalf("a fault of the unknown rule %q", rule)
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
		r, err := check.Run(ctx, anything{b}, "m.m3u8", &check.Options{MaxPlaylists: 3, MaxSegments: 20, Parallel: 1})
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
		f.Add(read(f, name))
	}
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// anything is a Source that has one object under all names.
type anything struct{ b []byte }

func (a anything) Open(ctx context.Context, _ string, offset, length int64) (*check.Object, error) {
	return check.Memory{"": a.b}.Open(ctx, "", offset, length)
}

// FuzzSegment feeds anyone's initialization and media segments: no panic, no error but a
// fault with a rule, and what is whole has figures that make sense.
func FuzzSegment(f *testing.F) {
	for _, kind := range []string{"video", "audio"} {
		init, segment := read(f, "testdata/"+kind+"-init.mp4"), read(f, "testdata/"+kind+".m4s")
		f.Add(init, segment, true)
		f.Add(init, segment[:len(segment)/2], false)
		f.Add(init[:len(init)-100], segment, true)
	}
	known := map[string]bool{}
	for _, r := range check.Rules() {
		known[r.ID] = true
	}
	f.Fuzz(func(t *testing.T, initial, segment []byte, sized bool) {
		faults, sane, _, err := check.ReadSegment(initial, segment, sized)
		if err != nil || !sane {
			t.Fatal(faults, sane, err)
		}
		for _, rule := range faults {
			if !known[rule] {
				t.Fatalf("a fault of the unknown rule %q", rule)
			}
		}
	})
}
