//go:build linux

package main

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
)

// kind is a way to damage a file.
type kind struct {
	name   string
	damage func(r *rand.Rand, b []byte) []byte
}

// kinds take turns. Each returns a slice that may share b's memory.
var kinds = []kind{
	{"1 bit", func(r *rand.Rand, b []byte) []byte { return flip(r, b, 1, len(b)) }},
	{"cut", func(r *rand.Rand, b []byte) []byte { return b[:r.IntN(len(b))] }},
	{"16 bits of the head", func(r *rand.Rand, b []byte) []byte { return flip(r, b, 16, min(len(b), 4096)) }},
	{"extreme fields in the head", func(r *rand.Rand, b []byte) []byte { return extremes(r, b, 0, min(len(b), 4096)) }},
	{"extreme fields in the tail", func(r *rand.Rand, b []byte) []byte { return extremes(r, b, max(0, len(b)-4096), len(b)) }},
	{"bits everywhere", func(r *rand.Rand, b []byte) []byte { return flip(r, b, 8+len(b)/500, len(b)) }},
	{"a block of zeros", func(r *rand.Rand, b []byte) []byte {
		from, to := span(r, len(b))
		clear(b[from:to])
		return b
	}},
	{"a block of noise", func(r *rand.Rand, b []byte) []byte {
		from, to := span(r, len(b))
		for i := from; i < to; i++ {
			b[i] = byte(r.Uint32())
		}
		return b
	}},
	{"a block missing", func(r *rand.Rand, b []byte) []byte {
		from, to := span(r, len(b))
		return append(b[:from], b[to:]...)
	}},
	{"a block twice", func(r *rand.Rand, b []byte) []byte {
		from, to := span(r, len(b))
		return append(append(append([]byte(nil), b[:to]...), b[from:to]...), b[to:]...)
	}},
	{"16 bits of the tail", func(r *rand.Rand, b []byte) []byte {
		tail := max(0, len(b)-4096)
		flip(r, b[tail:], 16, len(b)-tail)
		return b
	}},
	{"junk before", func(r *rand.Rand, b []byte) []byte {
		var junk []byte
		for range 1 + r.IntN(2000) {
			junk = append(junk, byte(r.Uint32()))
		}
		return append(junk, b...)
	}},
	{"junk behind", func(r *rand.Rand, b []byte) []byte {
		for range 1 + r.IntN(20_000) {
			b = append(b, byte(r.Uint32()))
		}
		return b
	}},
}

// vary returns variant n of the file's bytes: the same one each time for a seed. The
// first is the file as it is.
func vary(seed uint64, path string, n int, b []byte) (string, []byte) {
	if n == 0 {
		return "none", b
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	k := kinds[(int(h.Sum64()%uint64(len(kinds)))+n)%len(kinds)]
	if len(b) == 0 {
		return k.name, b
	}
	return k.name, k.damage(rand.New(rand.NewPCG(seed, h.Sum64()+uint64(n))), append([]byte(nil), b...))
}

// flip flips n bits among the first in bytes.
func flip(r *rand.Rand, b []byte, n, in int) []byte {
	for range n {
		b[r.IntN(in)] ^= 1 << r.IntN(8)
	}
	return b
}

// extremes writes a few numbers at the ends of their range, as sizes, counts and times
// are.
func extremes(r *rand.Rand, b []byte, from, to int) []byte {
	values := [...]uint32{0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x00ffffff, 0x7fff, 0xffff0000}
	for range 1 + r.IntN(6) {
		if to-from < 4 {
			return flip(r, b, 1, len(b))
		}
		at := from + r.IntN(to-from-3)
		binary.BigEndian.PutUint32(b[at:], values[r.IntN(len(values))])
	}
	return b
}

// span returns a part of up to a fifth of n bytes.
func span(r *rand.Rand, n int) (from, to int) {
	from = r.IntN(n)
	return from, min(n, from+1+r.IntN(max(1, n/5)))
}
