package check_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/check"
)

var update = flag.Bool("update", false, "write the golden files")

// IDs of rules are stable: hosts name them in Options.Skip.
func TestRuleList(t *testing.T) {
	var b strings.Builder
	for _, r := range check.Rules() {
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", r.ID, r.Profile, r.Severity, r.Title)
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/rules.tsv", []byte(b.String()), 0o644))
	}
	assert.Equal(t, strings.ReplaceAll(string(read(t, "testdata/rules.tsv")), "\r\n", "\n"), b.String())
}

func TestSameCodec(t *testing.T) {
	for _, c := range []struct {
		declared, actual string
		same             bool
	}{
		{"avc1.64001F", "avc1.64001f", true},
		{" avc1.64001f", "avc1.64001f", true},
		{"avc1.64001e", "avc1.64001f", false},
		{"avc3.64001f", "avc1.64001f", false},
		{"mp4a.40.2", "mp4a.40.2", true},
		{"mp4a.40.5", "mp4a.40.2", true}, // implicit SBR
		{"mp4a.40.2", "mp4a.40.5", false},
		{"mp4a.40.34", "mp4a.40.2", false},
		{"hvc1.2.4.L63.90", "hvc1.2.4.L63.90", true},
		{"hvc1.2.4.L123.B0.00.00", "hvc1.2.4.L123.B0", true},
		{"hvc1.2.4.L123.B0", "hvc1.2.4.L93.B0", false},
		{"hev1.2.4.L93.B0", "hvc1.2.4.L93.B0", false},
		{"av01.0.04M.08.0.111", "av01.0.04M.08", true},
		{"av01.0.05M.08", "av01.0.04M.08", false},
		{"opus", "Opus", true},
		{"fLaC", "fLaC", true},
		{"vp09.00.10.08", "vp09.00.11.08", true}, // told apart by the first part only
		{"ac-3", "ec-3", false},
	} {
		assert.Equal(t, c.same, check.SameCodec(c.declared, c.actual), "%+v", c)
	}
}

func TestBitRates(t *testing.T) {
	for _, c := range []struct {
		name          string
		pieces        [][2]float64
		peak, average float64
	}{
		{"even", [][2]float64{{6000, 6}, {6000, 6}}, 1000, 1000},
		{"a short tail is no peak", [][2]float64{{6000, 6}, {6000, 6}, {1000, 0.1}}, 7000 / 6.1, 13000 / 12.1}, // with the one before
		{"half a target is", [][2]float64{{6000, 6}, {6000, 3}}, 2000, 12000.0 / 9},
		{"runs of short ones", [][2]float64{{1000, 2}, {5000, 2}, {5000, 2}, {1000, 2}}, 2500, 1500},
		{"all too short", [][2]float64{{1000, 1}}, 1000, 1000},
		{"all too long", [][2]float64{{20000, 20}, {40000, 20}}, 1500, 1500},
		{"no time at all", [][2]float64{{1000, 0}, {1000, 0}}, 0, 0},
		{"nothing", nil, 0, 0},
	} {
		peak, average := check.BitRates(6, c.pieces...)
		assert.InDelta(t, c.peak, peak, 0.001, c.name)
		assert.InDelta(t, c.average, average, 0.001, c.name)
	}
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		base, ref, want string
		bad             bool
	}{
		{"master.m3u8", "a/b.m3u8", "a/b.m3u8", false},
		{"a/b/c.m3u8", "../d.mp4?x=1#y", "a/d.mp4", false},
		{"a/b.m3u8", "/c.m3u8", "c.m3u8", false},
		{"b.m3u8", "../../c.m3u8", "c.m3u8", false},
		{"b.m3u8", "https://x.example/c?d#e", "https://x.example/c?d", false},
		{"https://x.example/a/b.m3u8?token=1", "c.ts?d=2", "https://x.example/a/c.ts?d=2", false},
		{"https://x.example/a/b.m3u8", "//y.example/c.ts", "https://y.example/c.ts", false},
		{"odd name: 100%.m3u8", "c.ts", "c.ts", false},
		{"a.m3u8", "%zz", "", true},
		{"a.m3u8", strings.Repeat("x", 20_000), "", true},
	} {
		got, ok := check.Resolve(c.base, c.ref)
		assert.Equal(t, c.want, got, c.ref)
		assert.Equal(t, !c.bad, ok, c.ref)
	}
}
