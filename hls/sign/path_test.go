package sign_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/sign"
)

func TestScope(t *testing.T) {
	s := newSigner(t, keyA)
	for claimed, asked := range map[string]map[string]bool{
		"42": {
			"42": true, "42/master.m3u8": true, "42/a1/v720/0-0f.m4s": true,
			"": false, "/": false, "4": false, "420": false, "42x": false, "42x/master.m3u8": false, "420/master.m3u8": false,
			"43/42": false, "42/": false, "42//x": false, "42/../43": false, "42/..": false, "../42/x": false, "42/./x": false,
			"42/.git/config": false, "42/x\x00": false, "42\x00/x": false, "42/x\\y": false, "42%2Fx": false, "42/\xff": false,
			"/42/x": false, "42/x\n": false, "42/" + strings.Repeat("x/", 600): false, "４２/x": false,
		},
		"42/a1":  {"42/a1/v720/index.m3u8": true, "42/a1": true, "42/master.m3u8": false, "42/a10/x": false, "42": false, "42/a1x": false},
		"42.5-x": {"42.5-x/y": true, "42": false, "42.5": false},
		"a":      {"A/x": false, "a/X": true},
		"ü/ß":    {"ü/ß/x": true, "u/ß/x": false, "ü/ss": false},
		sign.All: {"42": true, "43/x/y": true, "": false, "/": false, "/42": false, "42/../43": false, "..": false, ".git": false, "\x00": false},
	} {
		text := token(t, s, claims(claimed))
		for path, ok := range asked {
			_, err := s.Verify(text, path, home)
			if ok {
				assert.NoError(t, err, "%q opens %q", claimed, path)
			} else {
				assert.ErrorIs(t, err, sign.ErrScope, "%q opens %q", claimed, path)
			}
		}
	}
}

// Whatever is asked for, a token opens nothing but what has its path's elements in front,
// each of them whole, and none that could lead elsewhere.
func FuzzScope(f *testing.F) {
	for _, claimed := range []string{"42", "42/a1", "/", "", "a/b/c", "é", "."} {
		for _, asked := range []string{"42/master.m3u8", "420", "42/../43", "42%2fx", "42/x\x00", "/42", "a/b/c/d", "é/x", "", "..", "42/..."} {
			f.Add(claimed, asked)
		}
	}
	s := newSigner(f, keyA)
	f.Fuzz(func(t *testing.T, claimed, asked string) {
		text, err := s.Token(claims(claimed))
		if err != nil {
			require.ErrorIs(t, err, sign.ErrInvalidClaims)
			return
		}
		_, err = s.Verify(text, asked, home)
		require.Equal(t, err == nil, sign.Covers(claimed, asked))
		if err != nil {
			require.ErrorIs(t, err, sign.ErrScope)
			return
		}
		elements := strings.Split(asked, "/")
		for _, e := range elements {
			require.NotEmpty(t, e)
			require.False(t, strings.HasPrefix(e, "."), asked)
		}
		require.False(t, strings.ContainsAny(asked, "\x00\\\r\n"), asked)
		if claimed != sign.All {
			want := strings.Split(claimed, "/")
			require.GreaterOrEqual(t, len(elements), len(want))
			require.True(t, slices.Equal(want, elements[:len(want)]), "%q opens %q", claimed, asked)
		}
	})
}
