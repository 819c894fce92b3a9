package tus

import (
	"encoding/base64"
	"hash"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is read is what was written: the pairs, encoded again, read the same.
func FuzzMetadata(f *testing.F) {
	for _, s := range []string{"", "a", "a YQ==", "filename ZmlsbS5tcDQ=,filetype dmlkZW8vbXA0, x ", "a,a", ",", "a  b", "a YQ==,\tb YQ==", "a YQ", "\xff YQ=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pairs, err := parseMetadata([]string{text})
		if err != nil {
			require.IsType(t, &refusal{}, err)
			return
		}
		n := newAsset(pairs, nil)
		assert.LessOrEqual(t, len(n.Metadata), len(pairs))
		var again []string
		keys := map[string]bool{}
		for _, p := range pairs {
			assert.NotEmpty(t, p.key)
			assert.False(t, keys[p.key])
			keys[p.key] = true
			again = append(again, p.key+" "+base64.StdEncoding.EncodeToString([]byte(p.value)))
		}
		pairs2, err := parseMetadata([]string{strings.Join(again, ",")})
		require.NoError(t, err)
		assert.Equal(t, pairs, pairs2)
	})
}

// A checksum that is read is one that some bytes could have.
func FuzzChecksum(f *testing.F) {
	for _, s := range []string{"", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "md5  kAFQmDzST7DWlj99KOF/cg==", "crc32 NSRBwg==", "SHA1 x", "sha1", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseChecksum([]string{text})
		if err != nil {
			require.IsType(t, &refusal{}, err)
			return
		}
		require.NotNil(t, c)
		assert.Len(t, c.want, c.Size())
		copy(c.want, c.Sum(nil))
		assert.True(t, c.matches())
		var _ hash.Hash = c
	})
}

func TestPartSize(t *testing.T) {
	for _, c := range []struct{ offset, size, want int64 }{
		{0, 0, leastPart}, {0, 100, leastPart}, {0, 1 << 30, 16 << 20}, {0, 32 << 30, mostPart},
		{1 << 30, 0, 16 << 20}, {1 << 40, 0, mostPart}, {0, 200 << 20, leastPart},
	} {
		assert.Equal(t, c.want, partSize(c.offset, c.size), "%+v", c)
	}
}
