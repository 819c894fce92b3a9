package ffmpeg

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// pictures lets c see frames of 1000 bytes in GOPs of the lengths, each decoded as I P B B
// … at the rate, with times rounded to units of a second.
func pictures(c *coded, rate float64, units float64, gops ...int) {
	round := func(t float64) float64 { return float64(int64(t*units+0.5)) / units }
	at, pos := 0, int64(0)
	for _, gop := range gops {
		order := []int{0}
		for n := 1; n < gop; n += 3 {
			last := min(n+2, gop-1)
			order = append(order, last)
			for b := n; b < last; b++ {
				order = append(order, b)
			}
		}
		for i, n := range order {
			c.packet(round(float64(at+n)/rate), 1000, pos, i == 0, false, false)
			pos += 1000
		}
		at += gop
	}
}

func TestCodedChoosesCuts(t *testing.T) {
	pal := hls.Rational{Num: 25, Den: 1}
	for name, tc := range map[string]struct {
		rate hls.Rational
		gops []int
		want encoder.Samples
	}{
		"one":            {pal, []int{50}, encoder.Samples{Bytes: 50_000, GOP: 50, Reorder: 1}},
		"regular":        {pal, []int{50, 50, 50, 50, 50, 50, 1}, encoder.Samples{Bytes: 301_000, Peak: 200_000, GOP: 50, Reorder: 1, Cuts: []int64{150}}},
		"irregular":      {pal, []int{12, 50, 37, 3, 50, 41, 49, 50}, encoder.Samples{Bytes: 292_000, Peak: 200_000, GOP: 50, Reorder: 1, Cuts: []int64{152}}},
		"just too long":  {pal, []int{53, 53, 53, 53}, encoder.Samples{Bytes: 212_000, Peak: 200_000, GOP: 53, Reorder: 1, Cuts: []int64{106}}},
		"without B":      {pal, []int{1, 1, 1, 2}, encoder.Samples{Bytes: 5_000, GOP: 2}},
		"NTSC":           {hls.Rational{Num: 30000, Den: 1001}, []int{60, 60, 60, 60}, encoder.Samples{Bytes: 240_000, Peak: 239_761, GOP: 60, Reorder: 1, Cuts: []int64{180}}},
		"rare keyframes": {pal, []int{50, 200}, encoder.Samples{Bytes: 250_000, Peak: 200_000, GOP: 200, Reorder: 1, Cuts: []int64{50}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCoded(true, tc.rate)
			pictures(c, tc.rate.Float(), 1000, tc.gops...)
			if name == "rare keyframes" {
				tc.want = encoder.Samples{Fault: "have keyframes more than 6 s apart"}
			}
			assert.Equal(t, tc.want, *c.samples(0, tc.rate))
			if tc.want.Fault == "" {
				assert.Len(t, c.keys, len(tc.gops))
			}
		})
	}
}

func TestCodedFindsFaults(t *testing.T) {
	pal := hls.Rational{Num: 25, Den: 1}
	for why, do := range map[string]func(c *coded){
		"are not there":              func(*coded) {},
		"begin without a keyframe":   func(c *coded) { c.packet(0, 1, 0, false, false, false) },
		"have no times":              func(c *coded) { c.packet(number("N/A"), 1, 0, true, false, false) },
		"have samples without bytes": func(c *coded) { c.packet(0, 0, 0, true, false, false) },
		"are in part not shown":      func(c *coded) { c.packet(0, 1, 0, true, true, false) },
		"change their parameters":    func(c *coded) { c.packet(0, 1, 0, true, false, true) },
		"cannot be found":            func(c *coded) { c.packet(0, 1, -1, true, false, false) },
		"varying rate at 0.05 s":     func(c *coded) { pictures(c, 25, 1000, 1); c.packet(0.053, 1, 0, false, false, false) },
		"varying rate, or in open":   func(c *coded) { pictures(c, 25, 1000, 2); c.packet(0.04, 1, 0, false, false, false) },
		"lack a picture at 0.08 s": func(c *coded) {
			pictures(c, 25, 1000, 2)
			c.packet(0.12, 1, 0, false, false, false)
			c.packet(0.16, 1, 0, true, false, false)
		},
		"an open GOP at 0.12 s": func(c *coded) { pictures(c, 25, 1000, 2); c.packet(0.12, 1, 0, true, false, false) },
		"begin 0.04 s late":     func(c *coded) { c.packet(0.04, 1, 0, true, false, false) },
	} {
		t.Run(why, func(t *testing.T) {
			c := newCoded(true, pal)
			do(c)
			assert.Contains(t, c.samples(0, pal).Fault, why)
		})
	}
	c := newCoded(true, pal)
	pictures(c, 25, 1000, 50)
	assert.Equal(t, "come at a varying rate", c.samples(0, hls.Rational{Num: 24, Den: 1}).Fault)
}

// avcc is a decoder configuration with an SPS "gA" and a PPS "hB", and lengths of 4 bytes.
var avcc = []byte{1, 100, 0, 31, 0xff, 0xe1, 0, 2, 'g', 'A', 1, 0, 2, 'h', 'B'}

func TestParameterSets(t *testing.T) {
	p, err := parseAVCC(avcc)
	require.NoError(t, err)
	assert.Equal(t, parameterSets{length: 4, all: [][]byte{[]byte("gA"), []byte("hB")}}, p)
	for n := range avcc {
		_, err := parseAVCC(avcc[:n])
		assert.Error(t, err, "%d bytes", n)
	}
	assert.Equal(t, avcc, parseDump("\n00000000: 0164 001f ffe1 0002 6741 0100 0268 42    .d......gA...hB\n"))
	assert.Nil(t, parseDump("00000000: zz"))
	assert.Equal(t, []byte{1, 2}, parseDump("00000000: 01                                       .\n00000010: 02  .\n"))

	unit := func(b ...byte) []byte { return append([]byte{0, 0, 0, byte(len(b))}, b...) }
	big := append([]byte{0, 0, 0x20, 0}, make([]byte, 0x2000)...) // a message over what is read at once
	big[4] = 6
	for want, sample := range map[string][]byte{
		"":                       join(unit(9, 0xf0), unit(6, 1, 2), []byte{0, 0, 0, 2, 'g', 'A'}, []byte{0, 0, 0, 2, 'h', 'B'}, unit(0x65, 1, 2, 3)),
		"no IDR picture":         join(unit(9, 0xf0), unit(0x41, 1, 2, 3)),
		"change their parameter": join([]byte{0, 0, 0, 2, 'g', 'Z'}, unit(0x65, 1)),
		"damaged":                join(unit(9), []byte{0, 0, 1, 0, 6, 1}),
		"not where it should be": nil,
	} {
		k := place{at: 4, pos: 100, bytes: int64(len(sample))}
		if sample == nil {
			k.bytes = 10
		}
		reads := 0
		for _, front := range [][]byte{nil, big} {
			if front != nil && (want == "damaged" || want == "not where it should be") {
				continue
			}
			whole := join(front, sample)
			k.bytes = max(k.bytes, int64(len(whole)))
			err := p.check(k, func(off, n int64) ([]byte, error) {
				reads++
				from := min(off-100, int64(len(whole)))
				return whole[from:min(from+n, int64(len(whole)))], nil
			})
			if want == "" {
				assert.NoError(t, err)
			} else {
				var f fault
				require.True(t, errors.As(err, &f), "%v", err)
				assert.Contains(t, string(f), want)
			}
		}
		assert.Less(t, reads, 4)
	}
	broken := errors.New("broken")
	assert.ErrorIs(t, p.check(place{bytes: 10}, func(int64, int64) ([]byte, error) { return nil, broken }), broken)
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Whatever a file has where a keyframe should be, looking at it ends, reads nothing
// beyond it, and says nothing else than a fault.
func FuzzKeyframe(f *testing.F) {
	f.Add(avcc, join([]byte{0, 0, 0, 2, 9, 0xf0}, []byte{0, 0, 0, 2, 0x65, 1}))
	f.Add(avcc, []byte{0, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0, 0, 1, 0, 1, 7, 0}, []byte{1, 6, 1, 6, 1, 0x65})
	f.Fuzz(func(t *testing.T, config, sample []byte) {
		p, err := parseAVCC(config)
		if err == nil {
			reads := 0
			err = p.check(place{bytes: int64(len(sample))}, func(off, n int64) ([]byte, error) {
				if reads++; off < 0 || n <= 0 || off+n > int64(len(sample)) || reads > mostRead {
					t.Fatalf("read %d from %d of %d", n, off, len(sample))
				}
				return sample[off : off+n], nil
			})
		}
		var known fault
		if err != nil && !errors.As(err, &known) {
			t.Fatal(err)
		}
	})
}

// Random packets never break the measure, and what it finds fit is.
func TestCodedTakesAnything(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		c := newCoded(true, hls.Rational{Num: 25, Den: 1})
		n := 1 + rnd.IntN(12)
		for _, i := range rnd.Perm(n) {
			c.packet(float64(i)/25, 1+rnd.Int64N(9), rnd.Int64N(3), i == 0 || rnd.IntN(4) == 0, false, false)
		}
		s := c.samples(0, hls.Rational{Num: 25, Den: 1})
		if s.Fault != "" {
			continue
		}
		require.EqualValues(t, n, c.packets)
		require.LessOrEqual(t, s.GOP, int64(n))
		require.Less(t, s.Reorder, int64(n), fmt.Sprint(s))
	}
}
