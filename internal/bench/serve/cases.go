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
	check   func(t *bench.Table, m map[string]measured)
}

// measured are a server's medians.
type measured struct{ requests, bytes, cpu, cpuByte float64 }

func tests() []test {
	file := []string{"vodkit", "nginx", "FileServer"}
	large := func(t *bench.Table, m map[string]measured) {
		v, n := m["vodkit"], m["nginx"]
		t.Gate(v.bytes >= n.bytes, "large segments: %.3f of nginx's bytes a second, under 1", v.bytes/n.bytes)
		t.Gate(v.cpuByte <= 1.05*n.cpuByte, "large segments: %.3f of nginx's CPU a byte, over 1.05", v.cpuByte/n.cpuByte)
	}
	return []test{
		{name: "segment 4 MB", size: 4_000_000, ext: ".m4s", servers: file, check: large},
		{name: "segment 1.5 MB", size: 1_500_000, ext: ".m4s", servers: file, check: large},
		{name: "segment 300 kB", size: 300_000, ext: ".m4s", servers: file, check: func(t *bench.Table, m map[string]measured) {
			r := m["vodkit"].requests / m["nginx"].requests
			t.Gate(r >= 0.95, "300 kB: %.3f of nginx's requests a second, under 0.95", r)
		}},
		{name: "playlist 3 kB", size: 3000, ext: ".m3u8", servers: []string{"vodkit", "bare", "nginx", "FileServer"}, check: func(t *bench.Table, m map[string]measured) {
			r := m["vodkit"].requests / m["bare"].requests
			t.Gate(r >= 0.90, "playlists: %.3f of a bare handler's requests a second, under 0.90", r)
		}},
	}
}

// measureAll takes all figures.
func measureAll(ctx context.Context, dir, only string, rounds int, d time.Duration) (bench.Table, error) {
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
		m, err := c.measure(ctx, dir, folder, paths, rounds, d)
		_ = os.RemoveAll(folder)
		if err != nil {
			return t, fmt.Errorf("%s: %w", c.name, err)
		}
		base := m[c.servers[1]]
		for _, s := range c.servers {
			v := m[s]
			t.Row(c.name, s, fmt.Sprintf("%.0f", v.requests), fmt.Sprintf("%.0f", v.bytes/1e6), fmt.Sprintf("%.1f", v.cpu*1e6),
				fmt.Sprintf("%.1f", v.cpuByte*1e12), ratio(v.requests, base.requests), ratio(v.bytes, base.bytes), ratio(v.cpu, base.cpu), ratio(v.cpuByte, base.cpuByte))
		}
		c.check(&t, m)
	}
	return t, nil
}

func ratio(a, b float64) string { return fmt.Sprintf("%.3f", a/b) }

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

// measure takes a case's figures: in each round one server after the other.
func (c test) measure(ctx context.Context, dir, folder string, paths []string, rounds int, d time.Duration) (map[string]measured, error) {
	servers := map[string]*server{}
	for _, kind := range c.servers {
		s, err := start(ctx, dir, settings{Kind: kind, Folder: folder, Body: filepath.Join(folder, filepath.FromSlash(paths[0]))})
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
	for range rounds {
		for _, kind := range c.servers {
			l, err := wrk(ctx, dir, servers[kind], paths, d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", kind, err)
			}
			taken[kind] = append(taken[kind], l)
		}
	}
	out := map[string]measured{}
	for kind, loads := range taken {
		out[kind] = medians(loads)
	}
	return out, nil
}

func medians(loads []load) measured {
	median := func(of func(load) float64) float64 {
		var v []float64
		for _, l := range loads {
			v = append(v, of(l))
		}
		return bench.Median(v)
	}
	return measured{
		requests: median(func(l load) float64 { return l.requests }), bytes: median(func(l load) float64 { return l.bytes }),
		cpu: median(func(l load) float64 { return l.cpu }), cpuByte: median(func(l load) float64 { return l.cpuByte }),
	}
}
