package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSize(t *testing.T) {
	for in, want := range map[string]size{
		"4GiB": 4 << 30, "4 gib": 4 << 30, "4g": 4 << 30, "500MB": 500e6, "1.5k": 1536, "1048576": 1 << 20, "12 bytes": 12, "7b": 7,
	} {
		var z size
		require.NoError(t, z.Set(in), in)
		assert.Equal(t, want, z, in)
	}
	for _, in := range []string{"", "GiB", "-1", "NaN", "1e30TB", "four", "4 XB"} {
		var z size
		assert.ErrorContains(t, z.Set(in), "is no size", in)
	}
	z := size(4 << 30)
	assert.Equal(t, "4GiB", z.String())
	z = 1500
	assert.Equal(t, "1500", z.String())
}

func TestFlags(t *testing.T) {
	c, err := parseFlags(nil, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, config{addr: "127.0.0.1:8080", encoders: 2, maxUpload: 4 << 30, sweepEvery: time.Hour}, c)

	c, err = parseFlags([]string{"-addr", ":9000", "-bucket", "mem://", "-encoders", "3", "-sample", "-max-upload", "10MiB", "-sweep-every", "0"}, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, config{addr: ":9000", bucket: "mem://", encoders: 3, sample: true, maxUpload: 10 << 20}, c)

	for _, bad := range [][]string{{"-encoders", "0"}, {"-sweep-every", "-1h"}, {"-max-upload", "0"}, {"-max-upload", "much"}, {"extra"}, {"-nothing"}} {
		var out bytes.Buffer
		_, err := parseFlags(bad, &out)
		require.Error(t, err, bad)
		assert.Contains(t, out.String(), "Usage", "%v", bad)
	}
}
