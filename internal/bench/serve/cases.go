//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vodkit/vodkit/internal/bench"
)

// perCase is how many objects a case asks for in turn.
const perCase = 8

// test is what is asked of servers, and what must hold.
type test struct {
	name    string
	size    int // bytes of each object
	ext     string
	servers []string
	// check holds vodkit's ratios to the second server.
	check func(t *bench.Table, r load)
}

func tests() []test {
	file := []string{"vodkit", "nginx", "FileServer"}
	large := func(t *bench.Table, r load) {
		t.Gate(r.bytes >= 1, "large segments: %.3f of nginx's bytes a second, under 1", r.bytes)
		t.Gate(r.cpuByte <= 1.05, "large segments: %.3f of nginx's CPU a byte, over 1.05", r.cpuByte)
	}
	return []test{
		{name: "segment 4 MB", size: 4_000_000, ext: ".m4s", servers: file, check: large},
		{name: "segment 1.5 MB", size: 1_500_000, ext: ".m4s", servers: file, check: large},
		{name: "segment 300 kB", size: 300_000, ext: ".m4s", servers: file, check: func(t *bench.Table, r load) {
			t.Gate(r.requests >= 0.95, "300 kB: %.3f of nginx's requests a second, under 0.95", r.requests)
		}},
		{name: "playlist 3 kB", size: 3000, ext: ".m3u8", servers: []string{"vodkit", "bare", "nginx", "FileServer"}, check: func(t *bench.Table, r load) {
			t.Gate(r.requests >= 0.90, "playlists: %.3f of a bare handler's requests a second, under 0.90", r.requests)
		}},
	}
}

// measureAll takes all figures.
func measureAll(ctx context.Context, dir, only, profiles string, rounds int, d time.Duration) (bench.Table, error) {
	var t bench.Table
	t.Row("case", "server", "requests_s", "mb_s", "cpu_us_request", "cpu_ms_gb", "requests", "bytes_s", "cpu_request", "cpu_byte")
	for _, c := range tests() {
		if !strings.Contains(c.name, only) {
			continue
		}
		folder := filepath.Join(dir, "bucket")
		paths, err := c.objects(folder)
		if err != nil {
			return t, err
		}
		m, err := c.measure(ctx, dir, folder, profiles, paths, rounds, d)
		_ = os.RemoveAll(folder)
		if err != nil {
			return t, fmt.Errorf("%s: %w", c.name, err)
		}
		for _, s := range c.servers {
			v, r := medians(m[s]), medians(ratios(m[s], m[c.servers[1]]))
			t.Row(c.name, s, fmt.Sprintf("%.0f", v.requests), fmt.Sprintf("%.0f", v.bytes/1e6), fmt.Sprintf("%.1f", v.cpu*1e6),
				fmt.Sprintf("%.1f", v.cpuByte*1e12), r.requests, r.bytes, r.cpu, r.cpuByte)
		}
		c.check(&t, medians(ratios(m["vodkit"], m[c.servers[1]])))
	}
	return t, nil
}

// objects makes what is asked for and returns the paths.
func (c test) objects(folder string) (paths []string, err error) {
	rnd := rand.NewChaCha8([32]byte{1})
	for n := range perCase {
		body := make([]byte, c.size)
		if c.ext == ".m3u8" {
			body = bytes.Repeat([]byte("#EXTINF:6.006,\n0-0123456789abcdef.m4s\n"), c.size/38)
		} else if _, err := rnd.Read(body); err != nil {
			return nil, err
		}
		name := fmt.Sprintf("/media/film/a1/v720/%d-%016x%s", n, n, c.ext)
		if c.ext == ".m3u8" {
			name = fmt.Sprintf("/media/film/a1/v%d/event.m3u8", n)
		}
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, body, 0o600); err != nil {
			return nil, err
		}
		paths = append(paths, name)
	}
	return paths, nil
}

// measure takes a case's figures, one of each round: in each round one server after the other.
func (c test) measure(ctx context.Context, dir, folder, profiles string, paths []string, rounds int, d time.Duration) (map[string][]load, error) {
	servers := map[string]*server{}
	for _, kind := range c.servers {
		set := settings{Kind: kind, Folder: folder, Body: filepath.Join(folder, filepath.FromSlash(paths[0]))}
		if profiles != "" {
			set.Profile = filepath.Join(profiles, strings.ReplaceAll(c.name, " ", "-")+"-"+kind+".pprof")
		}
		s, err := start(ctx, dir, set)
		if err != nil {
			return nil, err
		}
		defer s.stop()
		servers[kind] = s
		if _, err := wrk(ctx, dir, s, paths, time.Second); err != nil { // to warm up
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
	}
	taken := map[string][]load{}
	for n := range rounds {
		for _, kind := range bench.Turns(n, c.servers) {
			l, err := wrk(ctx, dir, servers[kind], paths, d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", kind, err)
			}
			taken[kind] = append(taken[kind], l)
		}
	}
	return taken, nil
}

// ratios divides each round's figures by those of another server in it: the machine is not
// equally fast in all.
func ratios(loads, by []load) []load {
	out := make([]load, len(loads))
	for i, l := range loads {
		b := by[i]
		out[i] = load{requests: l.requests / b.requests, bytes: l.bytes / b.bytes, cpu: l.cpu / b.cpu, cpuByte: l.cpuByte / b.cpuByte}
	}
	return out
}

func medians(loads []load) load {
	median := func(of func(load) float64) float64 {
		var v []float64
		for _, l := range loads {
			v = append(v, of(l))
		}
		return bench.Median(v)
	}
	return load{
		requests: median(func(l load) float64 { return l.requests }), bytes: median(func(l load) float64 { return l.bytes }),
		cpu: median(func(l load) float64 { return l.cpu }), cpuByte: median(func(l load) float64 { return l.cpuByte }),
	}
}
